import type { BridgedMessage } from './bridged-message.ts';
import type { LaneItem } from './lane.ts';
import type { Delivery } from './source-leg.ts';

/** A message on its way through a link, as the target will get it. */
export interface LinkItem extends LaneItem {
  readonly payloadBytes: number;
  /** Whose acknowledgement waits for it; absent at QoS 0 and for what a spool kept. */
  readonly delivery: Delivery | undefined;
  /** Where it stands in the spool; -1: nowhere. */
  position: number;
  /** On the bridge's monotonic clock; what a spool kept counts from when it was read. */
  readonly arrivedMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly arrivedWallMs: number;
  /** Nothing more is to be done for it: its source may forget it and so may the spool. */
  isDone: boolean;
  /** It is on its way to the dead letters, and goes neither to a lane nor to the spool. */
  isDead: boolean;
}

/** A message as the spool keeps it. */
export interface SpooledMessage {
  readonly message: BridgedMessage;
  readonly arrivedWallMs: number;
}

/** `nowMs` and `tooOldMs` on the monotonic clock. */
export function createLinkItem(
  { message, arrivedWallMs }: SpooledMessage,
  { delivery, nowMs, tooOldMs }: { delivery: Delivery | undefined; nowMs: number; tooOldMs: number },
): LinkItem {
  return {
    message,
    delivery,
    packetBytes: 0,
    retain: message.retain,
    packetId: 0,
    sentAtMs: 0,
    payloadBytes: message.payload.length,
    blame: 0,
    throttled: 0,
    sendings: 0,
    position: -1,
    arrivedMs: nowMs,
    arrivedWallMs,
    tooOldMs,
    isDone: false,
    isDead: false,
  };
}

const noBytes = Buffer.alloc(0);

/** Stands in line where a record of the spool cannot be read. */
export const unreadable: SpooledMessage = {
  message: {
    ...{ topic: '', qos: 1, retain: false, properties: noBytes, payload: noBytes, isMarked: false },
    expiresAtMs: Number.POSITIVE_INFINITY,
  },
  arrivedWallMs: Number.POSITIVE_INFINITY,
};
