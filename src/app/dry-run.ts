import type { DryRun, DryRunDocument } from '../admin/admin-api.ts';
import type { AdminResult } from '../admin/admin-backend.ts';
import { failure, success } from '../base/result.ts';
import type { Configuration } from '../config/configuration.ts';
import type { HandoverReply } from '../gateway/live-session.ts';
import { quotaOf } from './handover-pace.ts';
import { destinationsOf, type MoveRequest } from './move-request.ts';
import type { WorkerMoves } from './worker-moves.ts';

/** The ID under which workers are asked where nothing is prepared; no move has it. */
const rehearsalId = 'dry-run';
/** Milliseconds that a cut waits for its subscriptions, where only the broker's profile says. */
const usualSettleMs = 1_000;

/** What a move would find now. The workers count, and begin nothing. */
export async function rehearse(
  request: MoveRequest,
  {
    configuration,
    workers,
    id = rehearsalId,
  }: {
    readonly configuration: Configuration;
    readonly workers: Pick<WorkerMoves, 'handOver'>;
    /** Of the preparation whose second connections are among those counted. */
    readonly id?: string;
  },
): AdminResult<DryRunDocument> {
  const replies: HandoverReply[] = [];
  for (const { name: cohort, weightBps } of request.placements) {
    const asked = { move: id, cohorts: [cohort], begin: 0, order: 'first-first', isPaused: true } as const;
    const answers = await workers.handOver({ ...asked, prepare: { cohort, weightBps } });
    const answered = answers.filter((reply) => reply !== undefined);
    if (answered.length < answers.length || answers.length === 0) {
      return failure({ kind: 'too-slow', message: 'a worker did not answer, so that not every session is known' });
    }
    replies.push(...answered);
  }
  return success({ revision: null, dryRun: describe(request, replies, configuration) });
}

function describe(request: MoveRequest, replies: readonly HandoverReply[], configuration: Configuration): DryRun {
  const sum = (figure: (reply: HandoverReply) => number) => replies.reduce((total, reply) => total + figure(reply), 0);
  const live = sum(({ remaining }) => remaining);
  const warm = sum(({ prepared }) => prepared);
  const cold = Math.max(0, live - warm);
  const { pacePerSecond } = request;
  return {
    ...{ live, warm, cold },
    pending: {
      unknownSubscriptions: sum(({ unknownSubscriptions }) => unknownSubscriptions),
      asleep: sum(({ asleep }) => asleep),
    },
    refused: replies.flatMap(({ staying }) => staying).slice(0, configuration.limits.moveRefusedListed),
    pacePerSecond,
    estimatedSeconds: estimatedSeconds(request, { live, cold }, configuration),
    quotas: Object.fromEntries(destinationsOf(request).map((broker) => [broker, quotaOf(configuration, broker)])),
  };
}

function estimatedSeconds(
  { live: mode, pacePerSecond }: MoveRequest,
  { live, cold }: { readonly live: number; readonly cold: number },
  { handover }: Configuration,
): number {
  if (mode === 'keep' || live === 0) return 0;
  if (mode === 'reconnect') return Math.ceil(live / pacePerSecond);
  return Math.ceil(cold / pacePerSecond + ((handover.settleMs ?? usualSettleMs) + handover.overlapMs) / 1_000);
}
