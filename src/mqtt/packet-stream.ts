import { packetType } from './control-packet.ts';
import type { FramingProblem } from './framer.ts';

/**
 * What a reader of packets says to one: go on, ask again later with the same packet, or read nothing any more. To a large
 * PUBLISH also `collect`: give it like any other once all of it has come.
 */
export type PacketVerdict = 'proceed' | 'block' | 'stop' | 'collect';

export interface PacketReader {
  /** One whole packet: `bytes` from `start` to `end`, its body begins at `body`. The bytes are the reader's to change. */
  handlePacket(packet: PacketSpan): PacketVerdict;
  /**
   * A PUBLISH above `wholePacketBytes`: its variable header lies whole in the span, which ends before the packet does.
   * The rest of its payload follows through `handlePayload`.
   */
  handleLargePublish(packet: PacketSpan): PacketVerdict;
  handlePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void;
}

/** Where a packet lies. One object per stream is used again for every packet: take from it what is kept. */
export interface PacketSpan {
  bytes: Buffer;
  start: number;
  body: number;
  end: number;
  /** Bytes of the whole packet; more than `end - start` for a large PUBLISH only. */
  packetBytes: number;
}

/** A larger PUBLISH is judged by its variable header, and its payload passes by. */
export const wholePacketBytes = 65_536;

/** The variable header of a PUBLISH and every other packet fit in here, or the packet is refused. */
export const headBytes = 1_048_576;

export interface PacketStreamOptions {
  readonly maxPacketBytes: number;
  /** MQTT 5 PUBLISH packets have properties, which belong to the variable header. */
  readonly hasProperties: boolean;
  /** Where a packet is described to the reader; shared by streams that are never read at the same time. */
  readonly span: PacketSpan;
}

/**
 * Cuts a byte stream into packets. A packet that lies whole in one chunk is given in place; of another the bytes that
 * came are collected, never more than `headBytes`. A reader that blocks is asked again at `resume`.
 */
export class PacketStream {
  readonly #reader: PacketReader;
  readonly #options: PacketStreamOptions;
  #maxPacketBytes: number;
  /** The packet under way, while its bytes lie in several chunks. */
  #collected = noBytes;
  #collectedBytes = 0;
  /** The packet under way is a large PUBLISH that is wanted whole. */
  #isWantedWhole = false;
  /** Bytes of a large PUBLISH's payload that have not come. */
  #payloadBytesLeft = 0;
  /** What came behind a packet that blocked. */
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #isBlocked = false;
  #isStopped = false;

  constructor(reader: PacketReader, options: PacketStreamOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#maxPacketBytes = options.maxPacketBytes;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** True when no packet is under way that has been given to the reader in part. */
  get atBoundary(): boolean {
    return this.#payloadBytesLeft === 0;
  }

  /** Bytes kept for packets that are not whole or not read yet, while it is blocked. */
  get blockedBytes(): number {
    return this.#isBlocked ? this.#unreadBytes + this.#collectedBytes : 0;
  }

  /** Packets whose length comes from now on. */
  bound(maxPacketBytes: number): void {
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** Reads all of `chunk`, or up to the first problem. After a problem or a stop nothing is read any more. */
  push(chunk: Buffer): FramingProblem | undefined {
    if (this.#isStopped) return undefined;
    if (this.#isBlocked) {
      this.#unread.push(chunk);
      this.#unreadBytes += chunk.length;
      return undefined;
    }
    let offset = 0;
    while (offset < chunk.length && !this.#isStopped) {
      const next = this.#step(chunk, offset);
      if (typeof next === 'string') {
        this.#isStopped = true;
        return next;
      }
      offset = next;
      if (this.#isBlocked) {
        if (offset < chunk.length) this.#unread.unshift(chunk.subarray(offset));
        this.#unreadBytes += chunk.length - offset;
        return undefined;
      }
    }
    return undefined;
  }

  /** Asks the reader again for the packet that it blocked, and reads on. */
  resume(): FramingProblem | undefined {
    if (!this.#isBlocked) return undefined;
    this.#isBlocked = false;
    if (this.#collectedBytes > 0) {
      const problem = this.#deliverCollected();
      if (problem !== undefined || this.#isBlocked) return problem;
    }
    const chunks = this.#unread;
    this.#unread = [];
    this.#unreadBytes = 0;
    for (const chunk of chunks) {
      const problem = this.push(chunk);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#unread = [];
    this.#unreadBytes = 0;
  }

  /** Reads one packet, or a part of one, at `offset`; gives where the next begins. */
  #step(chunk: Buffer, offset: number): number | FramingProblem {
    if (this.#payloadBytesLeft > 0) return this.#passPayload(chunk, offset);
    if (this.#collectedBytes > 0) return this.#collect(chunk, offset);
    const firstByte = chunk[offset] as number;
    // Before its length: a byte alone is judged the same.
    if (isReserved(firstByte)) return 'reserved';
    const body = bodyOffset(chunk, offset, chunk.length);
    if (body <= 0) return body < 0 ? 'malformed-length' : this.#collect(chunk, offset);
    const packetBytes = body - offset + lengthOf(chunk, offset);
    const problem = this.#judge(firstByte, packetBytes);
    if (problem !== undefined) return problem;
    const end = offset + packetBytes;
    if (packetBytes > wholePacketBytes || end > chunk.length) return this.#collect(chunk, offset);
    return this.#deliver(chunk, offset, body, end) ? end : offset;
  }

  /** Gives a whole packet to the reader; false: it stays unread. */
  #deliver(bytes: Buffer, start: number, body: number, end: number): boolean {
    const { span } = this.#options;
    span.bytes = bytes;
    span.start = start;
    span.body = body;
    span.end = end;
    span.packetBytes = end - start;
    return this.#heed(this.#reader.handlePacket(span));
  }

  #heed(verdict: PacketVerdict): boolean {
    if (verdict === 'proceed') return true;
    if (verdict === 'stop') this.#isStopped = true;
    else this.#isBlocked = true;
    return verdict === 'stop';
  }

  /** Adds bytes to the packet under way, as many as its next part needs, and delivers it when it is whole. */
  #collect(chunk: Buffer, offset: number): number | FramingProblem {
    let at = offset;
    while (at < chunk.length) {
      const wanted = this.#wantedBytes();
      if (typeof wanted === 'string') return wanted;
      if (wanted === this.#collectedBytes) break;
      const taken = Math.min(wanted - this.#collectedBytes, chunk.length - at);
      this.#append(chunk, at, at + taken);
      at += taken;
    }
    const wanted = this.#wantedBytes();
    if (typeof wanted === 'string') return wanted;
    if (wanted > this.#collectedBytes) return at;
    return this.#deliverCollected() ?? at;
  }

  /** Bytes from the packet's start that must be there before the reader is asked. */
  #wantedBytes(): number | FramingProblem {
    const have = this.#collectedBytes;
    if (have < 2) return 2;
    const body = bodyOffset(this.#collected, 0, have);
    if (body < 0) return 'malformed-length';
    if (body === 0) return have + 1;
    const packetBytes = body + lengthOf(this.#collected, 0);
    const problem = this.#judge(this.#collected[0] as number, packetBytes);
    if (problem !== undefined) return problem;
    const isSmall = packetBytes <= wholePacketBytes || !isPublish(this.#collected[0] as number);
    if (isSmall || this.#isWantedWhole) return packetBytes;
    const head = this.#publishHeadBytes(body, have);
    return head > Math.min(headBytes, packetBytes) ? 'packet-too-large' : Math.min(head, packetBytes);
  }

  /** How many bytes the variable header of the PUBLISH under way needs, as far as that can be told. */
  #publishHeadBytes(body: number, have: number): number {
    const bytes = this.#collected;
    if (have < body + 2) return body + 2;
    const hasIdentifier = ((bytes[0] as number) & 0x06) !== 0;
    const properties = body + 2 + bytes.readUInt16BE(body) + (hasIdentifier ? 2 : 0);
    if (!this.#options.hasProperties) return properties;
    let length = 0;
    for (let index = 0, multiplier = 1; index < 4; index += 1, multiplier *= 128) {
      if (have <= properties + index) return properties + index + 1;
      const byte = bytes[properties + index] as number;
      length += (byte & 0x7f) * multiplier;
      if (byte < 0x80) return properties + index + 1 + length;
    }
    return properties + 4;
  }

  #deliverCollected(): FramingProblem | undefined {
    const bytes = this.#collected;
    const end = this.#collectedBytes;
    const body = bodyOffset(bytes, 0, end);
    const packetBytes = body + lengthOf(bytes, 0);
    if (packetBytes <= end) {
      if (this.#deliver(bytes, 0, body, end)) this.#forgetCollected();
      return undefined;
    }
    const { span } = this.#options;
    Object.assign(span, { bytes, start: 0, body, end, packetBytes });
    const verdict = this.#reader.handleLargePublish(span);
    this.#isWantedWhole = verdict === 'collect';
    if (this.#isWantedWhole || !this.#heed(verdict)) return undefined;
    this.#forgetCollected();
    this.#payloadBytesLeft = packetBytes - end;
    return undefined;
  }

  #passPayload(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#payloadBytesLeft);
    this.#payloadBytesLeft -= end - offset;
    this.#reader.handlePayload(chunk, offset, end, this.#payloadBytesLeft === 0);
    return end;
  }

  #append(chunk: Buffer, start: number, end: number): void {
    const needed = this.#collectedBytes + end - start;
    if (this.#collected.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#collected.length, 64));
      this.#collected.copy(grown, 0, 0, this.#collectedBytes);
      this.#collected = grown;
    }
    chunk.copy(this.#collected, this.#collectedBytes, start, end);
    this.#collectedBytes = needed;
  }

  #forgetCollected(): void {
    this.#collected = noBytes;
    this.#collectedBytes = 0;
    this.#isWantedWhole = false;
  }

  #judge(firstByte: number, packetBytes: number): FramingProblem | undefined {
    if (packetBytes > this.#maxPacketBytes) return 'packet-too-large';
    return packetBytes > headBytes && !isPublish(firstByte) ? 'packet-too-large' : undefined;
  }
}

const noBytes = Buffer.alloc(0);

/** A whole, well-formed packet in a buffer of its own. */
export function spanOfPacket(bytes: Buffer): PacketSpan {
  return { bytes, start: 0, body: bodyOffset(bytes, 0, bytes.length), end: bytes.length, packetBytes: bytes.length };
}

/** Where the body begins of the packet at `start`; 0: its length is not whole yet; -1: its length is malformed [MQTT-1.5.5-1]. */
function bodyOffset(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < start + 5; at += 1) {
    if (at >= end) return 0;
    const byte = bytes[at] as number;
    if (byte < 0x80) return byte === 0 && at > start + 1 ? -1 : at + 1;
  }
  return -1;
}

/** The Remaining Length of the packet at `start`, whose length bytes are whole and well-formed. */
function lengthOf(bytes: Buffer, start: number): number {
  const low = bytes[start + 1] as number;
  if (low < 0x80) return low;
  let length = low & 0x7f;
  for (let at = start + 2, multiplier = 128; ; at += 1, multiplier *= 128) {
    const byte = bytes[at] as number;
    length += (byte & 0x7f) * multiplier;
    if (byte < 0x80) return length;
  }
}

function isReserved(firstByte: number): boolean {
  return firstByte < 0x10 || (isPublish(firstByte) && (firstByte & 0x06) === 0x06);
}

function isPublish(firstByte: number): boolean {
  return firstByte >> 4 === packetType.publish;
}
