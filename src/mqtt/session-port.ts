import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';

/** A message that the broker cannot take and that was acknowledged to the device all the same (`undeliverable: acknowledge`). */
export interface DroppedMessage {
  readonly obstacle: Obstacle;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly payloadBytes: number;
  /** Empty where the packet is larger than 64 KiB: its payload passes by and is not kept. */
  readonly payload: Buffer;
}

/** Why the machine ends a session. Reasons are MQTT 5 reason codes. */
export type SessionFault =
  /** The device broke the protocol, or asked for what cannot be carried and has no code for it. Its will is published. */
  | { readonly side: 'device'; readonly reason: number; readonly message: string }
  /** The broker broke the protocol or answers no more. */
  | { readonly side: 'broker'; readonly reason: number; readonly message: string };

/** Why a cut ended before its switch. */
export interface CutAbort {
  /** `busy`: the old broker owes an answer; `device-stopped`: the device owes the rest of a packet. */
  readonly kind:
    | 'denied-subscription'
    | 'unanswered'
    | 'leg-lost'
    | 'operator'
    | 'busy'
    | 'device-stopped'
    | 'device-gone';
  readonly message: string;
}

/** A SUBSCRIBE that is about to go to a broker. */
export interface SubscribeWish {
  readonly filters: number;
  /** With those that follow it in further packets. */
  readonly remaining: number;
  /** The gateway asks for what the device holds already. */
  readonly isOwn: boolean;
}

/** How a device ended its session by DISCONNECT. */
export interface DeviceDone {
  /** Reason 0x04 of MQTT 5: the broker is to publish the will. */
  readonly withWill: boolean;
  /** Seconds, when the device changed it. */
  readonly sessionExpiryInterval?: number;
}

/** The effects of a session machine. All are synchronous and none calls back into the machine. */
export interface SessionPort {
  toDevice(bytes: Buffer): void;
  toBroker(leg: number, bytes: Buffer): void;
  /** The device is not to be read until `readDevice(true)`; likewise a leg. Said only when it changes. */
  readDevice(wanted: boolean): void;
  readBroker(leg: number, wanted: boolean): void;
  /**
   * The leg is at its end, and its number is never used again. `disconnect`: DISCONNECT has been written, so flush and close;
   * `lost`: it broke the protocol, was silent, or its connection is gone, so destroy.
   */
  legOver(leg: number, how: 'disconnect' | 'lost', message: string): void;
  /** False, only where `isOwn`: not yet; `handleMaySubscribe` follows. */
  maySubscribe(leg: number, wish: SubscribeWish): boolean;
  /** No leg is active: attach another one, or end the session. Follows `legOver`. */
  detached(message: string): void;
  /** The active role went to this leg. */
  switched(leg: number): void;
  /**
   * A cut ended before its switch; `legOver` was said of the leg that it was to go to. Where it was the way back to the leg
   * just left, and nothing is wrong with that one, it was not: the overlap goes on.
   */
  cutAborted(leg: number, reason: CutAbort): void;
  /**
   * The former leg's broker has given what it had, or has had its time: from here on the session is the active leg's alone.
   * The former one is unsubscribed `leaveMs` later.
   */
  leaving(leg: number): void;
  /** The former leg is unsubscribed and owes nothing: it stands by. */
  drained(leg: number): void;
  /** So many messages of an overlap that has ended were delivered by both legs. */
  deliveredTwice(count: number): void;
  /** What the device holds as subscriptions has changed, and the session outlives the connection. */
  subscriptionsChanged(): void;
  /** The device said DISCONNECT and everything before it has gone out; no more comes from the machine to the broker. */
  deviceDone(done: DeviceDone): void;
  /** The session cannot go on. What the device may be told has been sent. The broker gets no DISCONNECT. */
  failed(fault: SessionFault): void;
  /** An earlier deadline than `nextDeadlineMs` last said. */
  deadlineMoved(): void;
  adapted(kind: AdaptationKind): void;
  /** The device did on this broker what the broker cannot take. */
  obstructed(obstacle: Obstacle, example: string): void;
  /** Counted in `crossfade_messages_dropped_total{reason}`. */
  dropped(reason: DropReason): void;
  /** The record that `undeliverable: acknowledge` owes; false: it could not be written, and the shell ends the session. */
  recordDropped(message: DroppedMessage): boolean;
}

export type DropReason =
  /** Larger than the device said it takes [MQTT-3.1.2-24]. */
  | 'device-packet-size'
  /** Its message expiry interval ran out in the gateway. */
  | 'expired'
  /** A QoS 0 PUBLISH above the bound of what is held, where what lies behind it may not wait. */
  | 'held-overflow'
  /** The broker cannot take it and the operator chose to acknowledge. */
  | 'undeliverable'
  /** The broker cannot take it; the device was told so, or its connection was ended. */
  | 'refused'
  /** The broker refused it with a reason that the device's version cannot say. */
  | 'refused-by-broker'
  /** A retained value that the device was given already, sent again because the gateway subscribed again. Not a loss. */
  | 'retained-seen'
  /** A broker delivered it and was lost before the device's window had room for it. */
  | 'leg-lost'
  /** Emulated No Local and Retain Handling: the subscription does not want it. Not a loss. */
  | 'not-wanted';
