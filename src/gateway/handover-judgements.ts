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

const asleep: StayReason = {
  reason: 'its device stopped in the middle of a packet: it moves once the rest has come',
  pending: 'asleep',
};

/** Whether sessions may move, looked up again after a moment only: a move asks about every one of them many times a second. */
export class HandoverJudgements {
  readonly #context: Pick<AttachmentContext, 'settings' | 'ports'>;
  readonly #byRelay = new WeakMap<Relay, Judgement>();
  readonly #stopped = new WeakSet<Relay>();

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

  /** A cut waited in vain for the rest of what the device sends. */
  noteStopped(relay: Relay): void {
    this.#stopped.add(relay);
  }

  /** Until the rest has come, it cannot be cut from where the beginning went. */
  sleeps(relay: Relay): StayReason | undefined {
    if (!this.#stopped.has(relay)) return undefined;
    if (!relay.machine.mayTellBroker) return asleep;
    this.#stopped.delete(relay);
    return undefined;
  }
}
