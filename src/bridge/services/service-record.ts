import type { CarriedFigures } from './service-verdict.ts';
import type { WindowFigures } from './window-tally.ts';

/**
 * Where a service's migration is.
 *
 * - `idle`: every member of the bridge stands for an instance that is removed.
 * - `introducing`: one member more is wanted; ends when all members have their subscription.
 * - `verifying`: probes go through the members; ends when each of them has carried some.
 * - `awaiting-removal`: one instance too many stands in the group: an operator ends one, and says which.
 * - `measuring`: an instance is said to be gone; the bridge's share is measured.
 * - `confirming`: the last one is said to be gone: everything must come through the bridge.
 * - `done`: it did.
 * - `awaiting-start`: the way back: an operator starts an instance again, and says which.
 * - `joining`: an instance is said to have started; ends when somebody beside the bridge is seen in the group.
 * - `retiring`: one member is too many; ends when it has left.
 */
export type ServiceStep =
  | { readonly kind: 'idle' | 'awaiting-removal' | 'confirming' | 'done' }
  | { readonly kind: 'introducing' | 'verifying' | 'retiring'; readonly members: number }
  | { readonly kind: 'measuring' | 'joining' | 'awaiting-start'; readonly instance: string };

export type ServiceStepKind = ServiceStep['kind'];

/** Probes that were published, and how many of them came out at the other side. */
export interface ProbeFigures {
  readonly sent: number;
  readonly heard: number;
  /** Those that went the way back; absent: the service has no rule for that. */
  readonly answersSent?: number;
  readonly answersHeard?: number;
}

/** The bridge's part of what the share group got. */
export interface ShareFigures {
  /** 0 to 1. */
  readonly share: number;
  /** Members, of members and of the instances that are left: what a broker gives that goes round. */
  readonly expectedShare: number;
  /** What the share may differ by: the more messages, the less. */
  readonly tolerance: number;
  readonly messages: number;
}

/** What a task of the ledger has seen. */
export interface ServiceFigures {
  readonly probes?: ProbeFigures;
  readonly share?: ShareFigures;
}

/** What came of holding source and target against each other. */
export interface VerificationRecord {
  readonly state: 'running' | 'complete' | 'incomplete' | 'failed';
  readonly author: string;
  readonly startedAtMs: number;
  readonly windowMs: number;
  readonly text: string;
  readonly window?: WindowFigures;
  readonly bridge?: CarriedFigures;
}

export interface ServiceEntry {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly author: string;
  /** The step that was ended, or begun by an operator. */
  readonly step: ServiceStepKind;
  readonly text: string;
  readonly figures?: ServiceFigures;
}

/** What is written down of one service. */
export interface ServiceRecord {
  /** Instances that are gone from the source, the last one last. */
  readonly removed: readonly string[];
  /** Members that the last step wanted. */
  readonly members: number;
  readonly step: ServiceStep;
  /** Who asked for what is under way. */
  readonly author: string;
  /** Why the step did not end when it was tried last; the step is taken up by the next `move`. */
  readonly trouble?: string;
  /** The last one. */
  readonly verification?: VerificationRecord;
  /** Newest last. */
  readonly history: readonly ServiceEntry[];
}

export const untouchedService: ServiceRecord = {
  removed: [],
  members: 0,
  step: { kind: 'idle' },
  author: '',
  history: [],
};

/** Steps that work by themselves; in the others it is an operator's turn. */
export function isWorking({ step, trouble }: Pick<ServiceRecord, 'step' | 'trouble'>): boolean {
  return trouble === undefined && !['idle', 'awaiting-removal', 'awaiting-start', 'done'].includes(step.kind);
}

export const maxHistory = 500;
