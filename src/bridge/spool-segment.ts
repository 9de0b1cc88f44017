import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { SpooledMessage } from './link/link-item.ts';
import { decodeSpoolBody, encodeSpoolBody, recordHeaderBytes } from './link/spool-record.ts';

/** A file of records, the first of which has the position in its name. */
export interface SpoolSegment {
  readonly path: string;
  readonly firstPosition: number;
  /** Records that are on disk for sure, readable or not. */
  count: number;
  /** Bytes of those. */
  bytes: number;
}

const nameForm = /^(\d{16})\.spool$/;

export function segmentName(firstPosition: number): string {
  return `${String(firstPosition).padStart(16, '0')}.spool`;
}

/** Undefined: the file is no segment. */
export function segmentPosition(name: string): number | undefined {
  const digits = nameForm.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeRecord(record: SpooledMessage): Buffer {
  const body = encodeSpoolBody(record);
  const header = Buffer.allocUnsafe(recordHeaderBytes);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

/** What stands at an offset: where it ends, and the message; undefined: it cannot be read any more. */
export interface RecordFound {
  readonly end: number;
  readonly message: SpooledMessage | undefined;
}

const chunkBytes = 262_144;

/** Reads records of a segment one after the other; keeps one chunk of the file. */
export class SegmentReader {
  readonly #file: FileHandle;
  readonly #size: number;
  #chunk = Buffer.alloc(0);
  #chunkAt = 0;

  /** `size`: bytes of the file that are read, whatever lies behind them. */
  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Whether the record at the offset lies in what was read already. */
  isAtHand(offset: number): boolean {
    const at = offset - this.#chunkAt;
    if (at < 0 || at + recordHeaderBytes > this.#chunk.length) return false;
    return at + recordHeaderBytes + this.#chunk.readUInt32BE(at) <= this.#chunk.length;
  }

  /** Undefined: no whole record begins there. */
  async record(offset: number): Promise<RecordFound | undefined> {
    const header = await this.#bytes(offset, recordHeaderBytes);
    if (header === undefined) return undefined;
    const length = header.readUInt32BE(0);
    const checksum = header.readUInt32BE(4);
    const body = await this.#bytes(offset + recordHeaderBytes, length);
    if (body === undefined) return undefined;
    const end = offset + recordHeaderBytes + length;
    const isRight = crc32(body) === checksum;
    // A copy: what a message holds must not hold a whole chunk.
    return { end, message: isRight ? decodeSpoolBody(Buffer.from(body)) : undefined };
  }

  async #bytes(offset: number, length: number): Promise<Buffer | undefined> {
    if (offset + length > this.#size) return undefined;
    const at = offset - this.#chunkAt;
    if (at >= 0 && at + length <= this.#chunk.length) return this.#chunk.subarray(at, at + length);
    const wanted = Math.min(Math.max(length, chunkBytes), this.#size - offset);
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    if (bytesRead < length) return undefined;
    this.#chunk = buffer.subarray(0, bytesRead);
    this.#chunkAt = offset;
    return this.#chunk.subarray(0, length);
  }
}

export interface SegmentSurvey {
  readonly count: number;
  /** Bytes up to the end of the last record. */
  readonly bytes: number;
  readonly unreadable: number;
}

/**
 * What a segment holds after a crash: records up to where nothing whole follows any more. A record whose checksum is wrong
 * counts where a right one stands behind it; else the file was torn there.
 */
export async function surveySegment(file: FileHandle, size: number): Promise<SegmentSurvey> {
  const reader = new SegmentReader(file, size);
  let survey: SegmentSurvey = { count: 0, bytes: 0, unreadable: 0 };
  let suspects = 0;
  for (let offset = 0; ; ) {
    const found = await reader.record(offset);
    if (found === undefined) return survey;
    offset = found.end;
    suspects += 1;
    if (found.message === undefined) continue;
    const unreadable = survey.unreadable + suspects - 1;
    survey = { count: survey.count + suspects, bytes: offset, unreadable };
    suspects = 0;
  }
}
