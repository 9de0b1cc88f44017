/** A fault in DER that somebody else wrote; the message says what was expected and where. */
export class DerError extends Error {}

/** DER tags, X.690 §8. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  teletexString: 0x14,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * A cursor over the elements of one DER value. Strict about lengths: definite, minimal, inside the enclosing value.
 * After `next()` the element's tag and content bounds are in `tag`, `start` and `end`, so that a CRL of a hundred
 * thousand entries is read without an object per element.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  /** Offset of the end of the enclosing value. */
  readonly limit: number;
  #position: number;
  tag = 0;
  /** Offset of the element's first octet (its tag). */
  elementStart = 0;
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#position = start;
    this.limit = end;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.limit;
  }

  /** The tag of the element that `next()` would read, -1 at the end. */
  get nextTag(): number {
    return this.isAtEnd ? -1 : (this.bytes[this.#position] ?? -1);
  }

  next(expectedTag?: number): this {
    const { bytes } = this;
    const at = this.#position;
    if (at + 2 > this.limit) throw new DerError(`Expected an element at offset ${at}, got the end`);
    const tag = bytes[at] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw new DerError(`Expected a short tag at offset ${at}, got a long one`);
    if (expectedTag !== undefined && tag !== expectedTag) {
      throw new DerError(`Expected tag 0x${expectedTag.toString(16)} at offset ${at}, got 0x${tag.toString(16)}`);
    }
    const first = bytes[at + 1] ?? 0;
    const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
    const length = first < 0x80 ? first : this.#longLength(at + 2, lengthOctets);
    this.tag = tag;
    this.elementStart = at;
    this.start = at + 2 + lengthOctets;
    this.end = this.start + length;
    if (this.end > this.limit) throw new DerError(`Element at offset ${at} ends behind its enclosing value`);
    this.#position = this.end;
    return this;
  }

  /** Skips the next element if it has this tag; says whether it had. */
  skipIf(tag: number): boolean {
    if (this.nextTag !== tag) return false;
    this.next();
    return true;
  }

  /** A reader over the content of the current element. */
  inside(): DerReader {
    return new DerReader(this.bytes, this.start, this.end);
  }

  content(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Whether the current element's content is these octets. */
  contentIs(expected: Uint8Array): boolean {
    if (this.end - this.start !== expected.length) return false;
    for (let index = 0; index < expected.length; index++) {
      if (this.bytes[this.start + index] !== expected[index]) return false;
    }
    return true;
  }

  /** The whole current element, tag and length included. */
  element(): Uint8Array {
    return this.bytes.subarray(this.elementStart, this.end);
  }

  #longLength(at: number, octets: number): number {
    if (octets === 0 || octets > 4 || at + octets > this.limit) {
      throw new DerError(`Expected a definite length of at most 4 octets at offset ${at - 1}`);
    }
    let length = 0;
    for (let index = 0; index < octets; index++) length = length * 256 + (this.bytes[at + index] ?? 0);
    if (length < 0x80 || (octets > 1 && this.bytes[at] === 0)) {
      throw new DerError(`Expected a minimal length at offset ${at - 1}`);
    }
    return length;
  }
}

/** UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5, in milliseconds since the epoch. */
export function readTime(reader: DerReader): number {
  reader.next();
  const isShort = reader.tag === derTag.utcTime;
  const length = reader.end - reader.start;
  if (!isShort && (reader.tag !== derTag.generalizedTime || length !== 15)) throw timeError(reader);
  if (isShort && length !== 13) throw timeError(reader);
  if (reader.bytes[reader.end - 1] !== 0x5a) throw timeError(reader);
  const at = reader.end - 13;
  const shortYear = twoDigits(reader, at);
  const century = isShort ? (shortYear < 50 ? 20 : 19) : twoDigits(reader, at - 2);
  return Date.UTC(
    century * 100 + shortYear,
    twoDigits(reader, at + 2) - 1,
    twoDigits(reader, at + 4),
    twoDigits(reader, at + 6),
    twoDigits(reader, at + 8),
    twoDigits(reader, at + 10),
  );
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** An INTEGER's content as lower-case hex without leading zeros; zero is `0`. A negative one keeps a minus sign. */
export function integerHex(content: Uint8Array): string {
  const digits = hexadecimal(content);
  if ((content[0] ?? 0) < 0x80) return withoutLeadingZeros(digits);
  return `-${((1n << BigInt(content.length * 8)) - BigInt(`0x${digits}`)).toString(16)}`;
}

function withoutLeadingZeros(digits: string): string {
  let at = 0;
  while (at < digits.length - 1 && digits[at] === '0') at++;
  return at === 0 ? digits : digits.slice(at);
}

function twoDigits(reader: DerReader, at: number): number {
  const tens = (reader.bytes[at] ?? 0) - 0x30;
  const ones = (reader.bytes[at + 1] ?? 0) - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw timeError(reader);
  return tens * 10 + ones;
}

function timeError(reader: DerReader): DerError {
  const text = JSON.stringify(latin1(reader.content()));
  return new DerError(`Expected a UTC time with seconds at offset ${reader.elementStart}, got ${text}`);
}
