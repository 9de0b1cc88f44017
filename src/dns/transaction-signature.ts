import { rcode, recordClass, recordType } from './record-type.ts';
import { readName } from './wire-name.ts';

/** RFC 8945 section 4.2. */
const timeAndFudgeOctets = 8;

/**
 * The TSIG record that answers one made with a key that nobody has given us, which is every key (RFC 8945
 * section 5.2.1): BADKEY, not signed. Undefined when the record at `at` is malformed or is for no query.
 */
export function unknownKeyRecord(message: Uint8Array, at: number): Uint8Array | undefined {
  const owner = readName(message, at);
  if (owner === undefined) return undefined;
  const headAt = owner.next;
  const algorithm = readName(message, headAt + 10);
  if (algorithm === undefined || uint16(message, headAt + 2) !== recordClass.ANY) return undefined;
  // RFC 8945 section 4.2: the algorithm's name is not compressed.
  if (algorithm.next !== headAt + 10 + algorithm.name.length) return undefined;
  const signatureOctets = uint16(message, algorithm.next + timeAndFudgeOctets);
  const originalIdAt = algorithm.next + timeAndFudgeOctets + 2 + signatureOctets;
  const otherOctets = uint16(message, originalIdAt + 4);
  const end = headAt + 10 + uint16(message, headAt + 8);
  if (originalIdAt + 6 + otherOctets !== end || end > message.length) return undefined;

  const dataOctets = algorithm.name.length + timeAndFudgeOctets + 2 + 6;
  const record = new Uint8Array(owner.name.length + 10 + dataOctets);
  record.set(owner.name, 0);
  const recordHeadAt = owner.name.length;
  putUint16(record, recordHeadAt, recordType.TSIG);
  putUint16(record, recordHeadAt + 2, recordClass.ANY);
  putUint16(record, recordHeadAt + 8, dataOctets);
  record.set(algorithm.name, recordHeadAt + 10);
  const timeAt = recordHeadAt + 10 + algorithm.name.length;
  record.set(message.subarray(algorithm.next, algorithm.next + timeAndFudgeOctets), timeAt);
  // No signature: its length stays 0.
  record.set(message.subarray(originalIdAt, originalIdAt + 2), timeAt + timeAndFudgeOctets + 2);
  putUint16(record, timeAt + timeAndFudgeOctets + 4, rcode.BADKEY);
  return record;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
