import type { Gateway } from '../gateway/gateway.ts';
import type { SeenAskersDocument } from '../nameserver/seen-askers.ts';
import type { PersistentCounts, WorkerFigures, WorkerQuestion } from './process-messages.ts';
import { chooseReconnects } from './reconnect-choice.ts';

export interface WorkerAnswersDeps {
  readonly gateway: Pick<
    Gateway,
    | 'sessions'
    | 'misplacedPersistent'
    | 'liveIn'
    | 'misplaced'
    | 'pendingBefore'
    | 'reconnect'
    | 'handOver'
    | 'abortHandovers'
  >;
  /** Settles when every live session was asked about the newest plan. */
  readonly applied: () => Promise<void>;
  /** Of the plan in force. */
  readonly revision: () => number;
  readonly figures: () => Promise<WorkerFigures>;
  readonly seenAskers: () => SeenAskersDocument;
}

/** What a worker says to the control process's question. */
export async function answerQuestion(
  question: WorkerQuestion,
  { gateway, applied, revision, figures, seenAskers }: WorkerAnswersDeps,
): Promise<unknown> {
  switch (question.kind) {
    case 'figures':
      await applied();
      return figures();
    case 'sessions':
      return gateway.sessions(question.filter);
    case 'seen-askers':
      return seenAskers();
    case 'misplaced-persistent':
      return gateway.misplacedPersistent(question.placements) satisfies PersistentCounts;
    case 'reconnect': {
      await applied();
      const pending = gateway.pendingBefore(revision());
      const choice = chooseReconnects(gateway.misplaced(question.cohorts), { ...question, pending });
      void gateway.reconnect(choice.connections);
      return { ...choice.reply, sessions: gateway.liveIn(question.cohorts) };
    }
    case 'handover': {
      await applied();
      const { kind: _kind, ...asked } = question;
      return gateway.handOver(asked);
    }
    case 'abort-handovers':
      gateway.abortHandovers(question.move);
      return {};
  }
}
