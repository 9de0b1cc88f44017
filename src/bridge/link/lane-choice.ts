import { orderKey } from '../../mqtt/topic-rule.ts';

/** FNV-1a over a key's characters. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * Rendezvous: the lane of 0 to `lanes` - 1 with the highest score for the key. A further lane takes keys from all others and
 * moves none between them.
 */
export function laneOfKey(hash: number, lanes: number): number {
  let best = 0;
  let bestScore = -1;
  for (let lane = 0; lane < lanes; lane += 1) {
    const score = mixed(hash ^ Math.imul(lane + 1, 0x9e3779b1));
    if (score <= bestScore) continue;
    best = lane;
    bestScore = score;
  }
  return best;
}

/** The finalizer of MurmurHash3: every bit of the input reaches every bit of the output. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** One of `count` parts of the keys that a topic level has. */
export interface Partition {
  readonly keyLevel: number;
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Other bits than those that choose the lane: else all keys of a partition would be on one. */
const partitionBits = 0x5bd1e995;

export function isInPartition(topic: string, { keyLevel, index, count }: Partition): boolean {
  return laneOfKey(keyHash(orderKey(topic, keyLevel)) ^ partitionBits, count) === index;
}

export interface MeasuredTraffic {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Milliseconds from PUBLISH to PUBACK. */
  readonly acknowledgementMs: number;
}

export interface ConnectionBounds {
  readonly publishesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly inflightFromDevice: number;
}

/** The part of a connection's bounds that is planned with: the rest is for bursts. */
const plannedShare = 0.8;

/** Connections that carry the traffic within the bounds of each, at least 1. */
export function connectionsFor(traffic: MeasuredTraffic, bounds: ConnectionBounds): number {
  const inflight = (traffic.messagesPerSecond * traffic.acknowledgementMs) / 1_000;
  return Math.max(
    1,
    Math.ceil(traffic.messagesPerSecond / (bounds.publishesPerSecond * plannedShare)),
    Math.ceil(traffic.bytesPerSecond / (bounds.bytesPerSecond * plannedShare)),
    Math.ceil(inflight / (bounds.inflightFromDevice * plannedShare)),
  );
}

/** One connection gets so many messages that a burst may be more than its broker delivers to it. */
export function isCrowded(messagesPerSecond: number, bounds: Pick<ConnectionBounds, 'publishesPerSecond'>): boolean {
  return messagesPerSecond > bounds.publishesPerSecond * plannedShare;
}

/** What the lanes of a rule have before them. */
export interface LaneDemand extends MeasuredTraffic {
  /** Messages that stand in line for the lanes, and that stood there when it was measured before, a second or more ago. */
  readonly behind: number;
  readonly behindBefore: number;
}

/** In how long a line in front of lanes that keep their bounds should be gone. */
const catchUpSeconds = 10;
/** A line that is not shorter than this share of what it was a second ago does not get shorter. */
const standingShare = 0.99;

/**
 * Lanes that the traffic needs, and the line before them, at least 1. A line that stands asks for one more than there are:
 * all wait for the lane with the most traffic, and keys do not divide equally. At most twice as many as there are: what a
 * source had kept comes all at once, and is no rate.
 */
export function lanesFor(demand: LaneDemand, lanes: number, bounds: ConnectionBounds): number {
  const { messagesPerSecond, bytesPerSecond, acknowledgementMs, behind, behindBefore } = demand;
  const catchingUp = messagesPerSecond + behind / catchUpSeconds;
  const needed = connectionsFor(
    {
      messagesPerSecond: catchingUp,
      bytesPerSecond: messagesPerSecond > 0 ? (bytesPerSecond * catchingUp) / messagesPerSecond : bytesPerSecond,
      acknowledgementMs,
    },
    bounds,
  );
  const isBounded = Number.isFinite(bounds.publishesPerSecond) || Number.isFinite(bounds.bytesPerSecond);
  const stands = behindBefore > 0 && behind > behindBefore * standingShare;
  const wanted = isBounded && stands ? Math.max(needed, lanes + 1) : needed;
  return Math.min(wanted, 2 * lanes);
}
