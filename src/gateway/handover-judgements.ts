import type { RoutingSnapshot } from '../plan/snapshot.ts';
import { cohortOf } from './broker-question.ts';
import { type StayReason, stayReason } from './handover-eligibility.ts';
import type { AttachmentContext } from './leg-attachment.ts';
import type { Relay } from './relay.ts';

/** How long it is taken to hold that a session may move, or may not; up to twice that, so that not all are looked into at once. */
const judgementMs = 5_000;

interface Judgement {
  readonly broker: string;
  readonly atMs: number;
  readonly stays: StayReason | undefined;
}

/** Whether sessions may move, looked up again after a moment only: a move asks about every one of them many times a second. */
export class HandoverJudgements {
  readonly #context: Pick<AttachmentContext, 'settings' | 'ports'>;
  readonly #byRelay = new WeakMap<Relay, Judgement>();

  constructor(context: Pick<AttachmentContext, 'settings' | 'ports'>) {
    this.#context = context;
  }

  /** Why the session does not go to `broker`; undefined: it may. */
  stays(relay: Relay, broker: string, snapshot: RoutingSnapshot): StayReason | undefined {
    const nowMs = this.#context.ports.clock.monotonicMs();
    const known = this.#byRelay.get(relay);
    const heldMs = judgementMs + (relay.record.connection % judgementMs);
    if (known?.broker === broker && nowMs - known.atMs < heldMs) return known.stays;
    const cohort = cohortOf(snapshot, relay.record.assignment);
    const stays = stayReason(relay, broker, { settings: this.#context.settings, cohort });
    this.#byRelay.set(relay, { broker, atMs: nowMs, stays });
    return stays;
  }

  /** Something of the session is not as it was. */
  forget(relay: Relay): void {
    this.#byRelay.delete(relay);
  }
}
