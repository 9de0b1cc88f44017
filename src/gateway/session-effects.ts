import type { Socket } from 'node:net';
import type { AdaptationKind, Obstacle } from '../mqtt/adaptation-kind.ts';
import type { DeviceDone, DroppedMessage, DropReason, SessionFault, SessionPort } from '../mqtt/session-port.ts';
import { LegWriter } from './leg-writer.ts';
import type { PendingCounts } from './pending-counts.ts';
import { gateReason, ReadGate } from './read-gate.ts';

/** How a session machine ended, or had to be ended. */
export type SessionOutcome =
  | { readonly kind: 'done'; readonly done: DeviceDone }
  | { readonly kind: 'failed'; readonly fault: SessionFault }
  /** A message was not acknowledged because its record could not be written. */
  | { readonly kind: 'unrecorded' };

/** What the effects of all sessions of a worker share. */
export interface EffectsHost {
  readonly adaptations: PendingCounts<AdaptationKind>;
  readonly drops: PendingCounts<DropReason>;
}

/** What the effects of one session are told by and tell. */
export interface EffectsOwner {
  obstructed(obstacle: Obstacle, example: string): void;
  /** False: there is no record, and so there may be no acknowledgement. */
  recordDropped(message: DroppedMessage): boolean;
}

/**
 * Bytes that wait in a leg's own socket because that leg does not read: beyond this it is not read either, so that
 * answers to what it sends do not pile up.
 */
const unreadAnswersBytes = 1_048_576;

/** The effects of one session machine on its two sockets. Nothing leaves before `flush`, which ends every event. */
export class SessionEffects implements SessionPort {
  readonly deviceGate: ReadGate;
  readonly brokerGate: ReadGate;
  readonly #host: EffectsHost;
  readonly #owner: EffectsOwner;
  readonly #device: LegWriter;
  readonly #broker: LegWriter;
  /** Set once. */
  outcome: SessionOutcome | undefined;
  isDeadlineEarlier = false;

  constructor(sockets: { readonly device: Socket; readonly upstream: Socket }, host: EffectsHost, owner: EffectsOwner) {
    this.#host = host;
    this.#owner = owner;
    this.deviceGate = new ReadGate(sockets.device);
    this.brokerGate = new ReadGate(sockets.upstream);
    this.#device = new LegWriter(sockets.device);
    this.#broker = new LegWriter(sockets.upstream);
  }

  toDevice(bytes: Buffer): void {
    if (this.outcome?.kind !== 'unrecorded') this.#device.write(bytes);
  }

  toBroker(bytes: Buffer): void {
    this.#broker.write(bytes);
  }

  readDevice(wanted: boolean): void {
    if (wanted) this.deviceGate.open(gateReason.machine);
    else this.deviceGate.shut(gateReason.machine);
  }

  readBroker(wanted: boolean): void {
    if (wanted) this.brokerGate.open(gateReason.machine);
    else this.brokerGate.shut(gateReason.machine);
  }

  deviceDone(done: DeviceDone): void {
    this.outcome ??= { kind: 'done', done };
  }

  failed(fault: SessionFault): void {
    this.outcome ??= { kind: 'failed', fault };
  }

  deadlineMoved(): void {
    this.isDeadlineEarlier = true;
  }

  adapted(kind: AdaptationKind): void {
    this.#host.adaptations.add(kind);
  }

  obstructed(obstacle: Obstacle, example: string): void {
    this.#owner.obstructed(obstacle, example);
  }

  dropped(reason: DropReason): void {
    this.#host.drops.add(reason);
  }

  recordDropped(message: DroppedMessage): boolean {
    if (this.outcome === undefined && this.#owner.recordDropped(message)) return true;
    this.outcome ??= { kind: 'unrecorded' };
    return false;
  }

  /** Sends what the event wrote, and reads each leg as its sockets allow. */
  flush(): void {
    if (!this.#broker.flush()) {
      this.deviceGate.shut(gateReason.otherIsFull);
      if (this.#broker.waitingBytes > unreadAnswersBytes) this.brokerGate.shut(gateReason.ownIsFull);
    }
    if (!this.#device.flush()) {
      this.brokerGate.shut(gateReason.otherIsFull);
      if (this.#device.waitingBytes > unreadAnswersBytes) this.deviceGate.shut(gateReason.ownIsFull);
    }
  }

  deviceDrained(): void {
    this.brokerGate.open(gateReason.otherIsFull);
    this.deviceGate.open(gateReason.ownIsFull);
  }

  brokerDrained(): void {
    this.deviceGate.open(gateReason.otherIsFull);
    this.brokerGate.open(gateReason.ownIsFull);
  }
}
