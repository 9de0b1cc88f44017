import type { Socket } from 'node:net';
import type { AdaptationKind, Obstacle } from '../mqtt/adaptation-kind.ts';
import type {
  CutAbort,
  DeviceDone,
  DroppedMessage,
  DropReason,
  SessionFault,
  SessionPort,
  SubscribeWish,
} from '../mqtt/session-port.ts';
import type { FilterTokens } from '../session/filter-tokens.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegConnections } from './leg-connections.ts';
import { LegWriter } from './leg-writer.ts';
import type { PendingCounts } from './pending-counts.ts';
import { gateReason, ReadGate } from './read-gate.ts';

/** How a session machine ended, or had to be ended. */
export type SessionOutcome =
  | { readonly kind: 'done'; readonly done: DeviceDone }
  | { readonly kind: 'failed'; readonly fault: SessionFault }
  /** A message was not acknowledged because its record could not be written. */
  | { readonly kind: 'unrecorded' };

/** What a machine said of its legs during an event; acted upon behind it. */
export type LegNews =
  | { readonly kind: 'over'; readonly leg: number; readonly how: 'disconnect' | 'lost'; readonly message: string }
  | { readonly kind: 'detached'; readonly message: string }
  | { readonly kind: 'switched'; readonly leg: number }
  | { readonly kind: 'cut-aborted'; readonly leg: number; readonly reason: CutAbort }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'drained'; readonly leg: number }
  | { readonly kind: 'delivered-twice'; readonly count: number }
  | { readonly kind: 'subscriptions-changed' };

/** What the effects of all sessions of a worker share. */
export interface EffectsHost {
  readonly adaptations: PendingCounts<AdaptationKind>;
  readonly drops: PendingCounts<DropReason>;
  /** Absent: no broker bounds what it is subscribed to. */
  readonly filters?: FilterTokens | undefined;
}

/** What the effects of one session are told by and tell. */
export interface EffectsOwner {
  /** `broker`: the session's; undefined: the one that it had last. */
  obstructed(obstacle: Obstacle, example: string, broker: string | undefined): void;
  /** False: there is no record, and so there may be no acknowledgement. `broker` as above. */
  recordDropped(message: DroppedMessage, broker: string | undefined): boolean;
}

/**
 * Bytes that wait in a leg's own socket because that leg does not read: beyond this it is not read either, so that
 * answers to what it sends do not pile up.
 */
const unreadAnswersBytes = 1_048_576;

/** The effects of one session machine on its sockets. Nothing leaves before `flush`, which ends every event. */
export class SessionEffects implements SessionPort {
  readonly deviceGate: ReadGate;
  readonly #host: EffectsHost;
  readonly #owner: EffectsOwner;
  readonly #legs: LegConnections;
  readonly #device: LegWriter;
  readonly #handleMaySubscribe: (leg: number) => void;
  /** Set once. */
  outcome: SessionOutcome | undefined;
  isDeadlineEarlier = false;
  #news: LegNews[] = [];
  /** The machine's active leg, also within the event that changed it. */
  #active: LegConnection | undefined;

  constructor(
    sockets: {
      readonly device: Socket;
      readonly legs: LegConnections;
      /** That leg's broker may be asked for what waited for it. */
      readonly handleMaySubscribe: (leg: number) => void;
    },
    host: EffectsHost,
    owner: EffectsOwner,
  ) {
    this.#host = host;
    this.#owner = owner;
    this.#legs = sockets.legs;
    this.#handleMaySubscribe = sockets.handleMaySubscribe;
    this.deviceGate = new ReadGate(sockets.device);
    this.#device = new LegWriter(sockets.device);
    this.#active = sockets.legs.active;
  }

  toDevice(bytes: Buffer): void {
    if (this.outcome?.kind !== 'unrecorded') this.#device.write(bytes);
  }

  toBroker(leg: number, bytes: Buffer): void {
    this.#legs.of(leg)?.writer.write(bytes);
  }

  readDevice(wanted: boolean): void {
    if (wanted) this.deviceGate.open(gateReason.machine);
    else this.deviceGate.shut(gateReason.machine);
  }

  readBroker(leg: number, wanted: boolean): void {
    const gate = this.#legs.of(leg)?.gate;
    if (wanted) gate?.open(gateReason.machine);
    else gate?.shut(gateReason.machine);
  }

  legOver(leg: number, how: 'disconnect' | 'lost', message: string): void {
    this.#news.push({ kind: 'over', leg, how, message });
  }

  maySubscribe(number: number, wish: SubscribeWish): boolean {
    const handleGranted = () => this.#handleMaySubscribe(number);
    return this.#legs.of(number)?.filters.allows(wish, { tokens: this.#host.filters, handleGranted }) ?? true;
  }

  detached(message: string): void {
    this.#news.push({ kind: 'detached', message });
  }

  switched(leg: number): void {
    this.#active = this.#legs.of(leg);
    this.#news.push({ kind: 'switched', leg });
  }

  cutAborted(leg: number, reason: CutAbort): void {
    this.#news.push({ kind: 'cut-aborted', leg, reason });
  }

  leaving(): void {
    this.#news.push({ kind: 'leaving' });
  }

  drained(leg: number): void {
    this.#news.push({ kind: 'drained', leg });
  }

  deliveredTwice(count: number): void {
    this.#news.push({ kind: 'delivered-twice', count });
  }

  subscriptionsChanged(): void {
    this.#news.push({ kind: 'subscriptions-changed' });
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
    this.#owner.obstructed(obstacle, example, this.#active?.terms.broker);
  }

  dropped(reason: DropReason): void {
    this.#host.drops.add(reason);
  }

  recordDropped(message: DroppedMessage): boolean {
    if (this.outcome === undefined && this.#owner.recordDropped(message, this.#active?.terms.broker)) return true;
    this.outcome ??= { kind: 'unrecorded' };
    return false;
  }

  /** What was said of the legs and not taken yet, one at a time: acting upon it may add to it. */
  nextNews(): LegNews | undefined {
    return this.#news.length === 0 ? undefined : this.#news.shift();
  }

  /** Sends what the event wrote, and reads each leg as its sockets allow. */
  flush(): void {
    for (const leg of this.#legs.open) {
      if (leg.writer.flush() || leg.isOver) continue;
      // What waits in another leg's socket is answers and pings: the device is not held up for them.
      if (leg === this.#legs.active) this.deviceGate.shut(gateReason.otherIsFull);
      if (leg.writer.waitingBytes > unreadAnswersBytes) leg.gate.shut(gateReason.ownIsFull);
    }
    if (!this.#device.flush()) {
      for (const { gate } of this.#legs.open) gate.shut(gateReason.otherIsFull);
      if (this.#device.waitingBytes > unreadAnswersBytes) this.deviceGate.shut(gateReason.ownIsFull);
    }
  }

  deviceDrained(): void {
    for (const { gate } of this.#legs.open) gate.open(gateReason.otherIsFull);
    this.deviceGate.open(gateReason.ownIsFull);
  }

  brokerDrained(leg: LegConnection): void {
    leg.gate.open(gateReason.ownIsFull);
    this.activeChanged();
  }

  /** The device waits for the active leg's socket only, whichever that is now. */
  activeChanged(): void {
    const { active } = this.#legs;
    if (active?.socket.writableNeedDrain !== true) this.deviceGate.open(gateReason.otherIsFull);
    else this.deviceGate.shut(gateReason.otherIsFull);
  }

  /** A further leg is read from now on. */
  legAdded(leg: LegConnection): void {
    if (this.#device.needsDrain) leg.gate.shut(gateReason.otherIsFull);
  }
}
