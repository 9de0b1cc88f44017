import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';
import type { RawProperty } from './properties.ts';

/** One SUBSCRIBE or UNSUBSCRIBE of the device (or an UNSUBSCRIBE of the gateway's own) from its plan to its answer. */
export interface SubscriptionWork {
  readonly adaptations: ReadonlySet<AdaptationKind>;
  readonly obstructions: readonly Obstruction[];
  /** What came says the broker exactly what the plan would: it may go on as it came. */
  readonly isUnchanged: boolean;
  /** Packets to the broker; 0: everything is answered here. */
  readonly chunks: number;
  /** What the broker is asked to subscribe the device to with the chunk and all later ones; of an UNSUBSCRIBE nothing. */
  filtersFrom(chunk: number): number;
  /** It is about to be sent. */
  begin(): void;
  encodeChunk(chunk: number, packetId: number): Buffer;
  /** Codes as the broker gave them; those that are missing count as refusals, or before MQTT 5 as what UNSUBACK means. */
  answered(chunk: number, codes: readonly number[]): void;
  /** Brings the table up to date. One code for each position of what came, in the device's version. */
  finish(nowMs: number): readonly number[];
  /** What the broker holds and the device was refused: to be unsubscribed from. */
  leftovers(): readonly string[];
}

export interface Obstruction {
  readonly kind: Obstacle;
  readonly filter: string;
}

/** Bytes that a SUBSCRIBE or UNSUBSCRIBE has besides its filters, at most. */
export function packetOverhead(userProperties: readonly RawProperty[]): number {
  const properties = userProperties.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return 1 + 4 + 2 + 4 + subscriptionIdentifierBytes + properties;
}

/** Bytes that a filter takes in a packet: its length, itself, its options. */
export function filterBytes(filter: string): number {
  return 2 + Buffer.byteLength(filter) + 1;
}

/** Cuts a list into packets of at most `count` filters and `bytes` bytes; one that is too large alone stays alone. */
export function chunksOf<T>(
  list: readonly T[],
  limit: { readonly count: number; readonly bytes: number },
  filterOf: (item: T) => string,
): T[][] {
  const chunks: T[][] = [];
  let last: T[] = [];
  let room = 0;
  for (const item of list) {
    const needed = filterBytes(filterOf(item));
    if (last.length === 0 || last.length >= limit.count || needed > room) {
      last = [];
      room = limit.bytes;
      chunks.push(last);
    }
    last.push(item);
    room -= needed;
  }
  return chunks;
}

const subscriptionIdentifierBytes = 5;
