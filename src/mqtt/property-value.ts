import { isUtf8 } from 'node:buffer';

type PropertyKind =
  | 'flag'
  | 'uint16'
  | 'positive-uint16'
  | 'uint32'
  | 'positive-uint32'
  | 'positive-variable'
  | 'utf8'
  | 'topic'
  | 'binary'
  | 'pair';

/** By identifier, so that a list is checked without a lookup in a map. */
const kinds: readonly (PropertyKind | undefined)[] = kindsById([
  ['flag', [0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a]],
  ['uint16', [0x13, 0x22]],
  ['positive-uint16', [0x21, 0x23]],
  ['uint32', [0x02, 0x11, 0x18]],
  ['positive-uint32', [0x27]],
  ['positive-variable', [0x0b]],
  ['utf8', [0x03, 0x12, 0x15, 0x1a, 0x1c, 0x1f]],
  ['topic', [0x08]],
  ['binary', [0x09, 0x16]],
  ['pair', [0x26]],
]);

function kindsById(rows: readonly (readonly [PropertyKind, readonly number[]])[]): (PropertyKind | undefined)[] {
  const byId: (PropertyKind | undefined)[] = new Array(0x2b).fill(undefined);
  for (const [kind, ids] of rows) for (const id of ids) byId[id] = kind;
  return byId;
}

/** The number that a property's value says; undefined for text and bytes. */
export function numberOf(id: number, bytes: Buffer): number | undefined {
  switch (kinds[id]) {
    case 'flag':
      return bytes[0];
    case 'uint16':
    case 'positive-uint16':
      return bytes.readUInt16BE();
    case 'uint32':
    case 'positive-uint32':
      return bytes.readUInt32BE();
    case 'positive-variable':
      return bytes.reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
    default:
      return undefined;
  }
}

/** The text that a property's value says; undefined for numbers, bytes and pairs. */
export function textOf(id: number, bytes: Buffer): string | undefined {
  const kind = kinds[id];
  return kind === 'utf8' || kind === 'topic' ? bytes.toString('utf8', 2) : undefined;
}

/** What a value that is well-formed may not be; undefined: nothing is wrong with it. `start` is where it begins. */
export function forbiddenValue(bytes: Buffer, start: number, end: number, id: number): string | undefined {
  switch (kinds[id]) {
    case 'flag':
      return (bytes[start] as number) > 1 ? 'must be 0 or 1' : undefined;
    case 'positive-uint16':
      return bytes.readUInt16BE(start) === 0 ? 'must not be 0' : undefined;
    case 'positive-uint32':
      return bytes.readUInt32BE(start) === 0 ? 'must not be 0' : undefined;
    case 'positive-variable':
      return bytes[start] === 0 ? 'must not be 0' : undefined;
    case 'topic':
      return isTopicName(bytes, start + 2, end) ? undefined : 'must be a topic name';
    default:
      return undefined;
  }
}

/** Where the value that begins at `at` ends; -1 when it is cut short, or its text or number is not well-formed. */
export function valueEndAt(bytes: Buffer, at: number, end: number, id: number): number {
  const kind = kinds[id];
  const valueEnd = boundsEndAt(bytes, at, end, id);
  if (valueEnd < 0) return -1;
  if (kind === 'utf8' || kind === 'topic') return isText(bytes, at + 2, valueEnd) ? valueEnd : -1;
  if (kind !== 'pair') return valueEnd;
  const nameEnd = textEndAt(bytes, at, end);
  return isText(bytes, at + 2, nameEnd) && isText(bytes, nameEnd + 2, valueEnd) ? valueEnd : -1;
}

/** As `valueEndAt`, but the text is not looked into. */
export function boundsEndAt(bytes: Buffer, at: number, end: number, id: number): number {
  switch (kinds[id]) {
    case 'flag':
      return at + 1 <= end ? at + 1 : -1;
    case 'uint16':
    case 'positive-uint16':
      return at + 2 <= end ? at + 2 : -1;
    case 'uint32':
    case 'positive-uint32':
      return at + 4 <= end ? at + 4 : -1;
    case 'positive-variable':
      return variableEndAt(bytes, at, end);
    case 'utf8':
    case 'topic':
    case 'binary':
      return textEndAt(bytes, at, end);
    case 'pair': {
      const nameEnd = textEndAt(bytes, at, end);
      return nameEnd < 0 ? -1 : textEndAt(bytes, nameEnd, end);
    }
    case undefined:
      return -1;
  }
}

function textEndAt(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return -1;
  const valueEnd = at + 2 + bytes.readUInt16BE(at);
  return valueEnd <= end ? valueEnd : -1;
}

/** At most four bytes, no more than the number needs [MQTT-1.5.5-1]. */
function variableEndAt(bytes: Buffer, at: number, end: number): number {
  for (let index = 0; index < 4 && at + index < end; index += 1) {
    const byte = bytes[at + index] as number;
    if (byte < 0x80) return byte === 0 && index > 0 ? -1 : at + index + 1;
  }
  return -1;
}

/** Well-formed UTF-8 without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2]. Short ASCII, the usual case, without a view. */
function isText(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= 64) {
    let at = start;
    for (; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === 0) return false;
      if (byte > 0x7f) break;
    }
    if (at === end) return true;
  }
  const text = bytes.subarray(start, end);
  return isUtf8(text) && !text.includes(0);
}

/** Not empty [MQTT-4.7.3-1] and without `+` and `#` [MQTT-3.3.2-14]. */
function isTopicName(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] === 0x2b || bytes[at] === 0x23) return false;
  return start < end;
}
