import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { HandoverJudgements } from './handover-judgements.ts';
import type { HandoverSetbacks } from './handover-setbacks.ts';
import type { Relay } from './relay.ts';
import type { SessionHandover } from './session-handover.ts';

/** What is known of a session that is not where the plan wants it. */
export interface PendingSession {
  readonly isDetached: boolean;
  readonly handover: Pick<SessionHandover, 'stage' | 'broker'> | undefined;
  /** Why its broker is not asked, or has closed what it was asked: it does not know the device yet. */
  readonly contact: string | undefined;
  /** Its cut is wanted, and its broker takes only so many filters a second. */
  readonly awaitsFilters: boolean;
  /** Why it may not move. */
  readonly stays: string | undefined;
  /** What ended the last attempt. */
  readonly setback: string | undefined;
}

/** Why it is where it is, in the order of what the operator can do least about. */
export function pendingReason({
  isDetached,
  handover,
  contact,
  awaitsFilters,
  stays,
  setback,
}: PendingSession): string {
  if (stays !== undefined) return stays;
  if (contact !== undefined) return contact;
  if (isDetached) return 'its broker is lost, and another connection is being made';
  const stage = handover?.stage.name;
  if (stage === 'dialling' || stage === 'cutting' || stage === 'awaiting') return 'its handover is under way';
  if (awaitsFilters) return `its turn comes: ${handover?.broker} takes only so many subscriptions a second`;
  if (setback !== undefined) return `the last attempt was given up: ${setback}`;
  return 'it can move, and no move has begun with it';
}

/** Why the session is not where the plan wants it; undefined: it is there. */
export function explainSession(
  relay: Relay,
  handover: SessionHandover | undefined,
  {
    judgements,
    setbacks,
    snapshot,
    contact,
    awaitsFilters,
  }: {
    readonly judgements: HandoverJudgements;
    readonly setbacks: HandoverSetbacks;
    readonly snapshot: RoutingSnapshot;
    readonly contact: string | undefined;
    readonly awaitsFilters: boolean;
  },
): string | undefined {
  const { connection, home, assignment } = relay.record;
  if (home.broker === assignment.broker) return undefined;
  const stays = (judgements.stays(relay, assignment.broker, snapshot) ?? judgements.sleeps(relay))?.reason;
  return pendingReason({
    isDetached: relay.isDetached,
    handover,
    contact,
    awaitsFilters,
    stays,
    setback: setbacks.messageOf(connection),
  });
}
