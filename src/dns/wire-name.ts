import { failure, type Result, success } from '../base/result.ts';

/** A domain name: absolute, uncompressed, with the root label, at most 255 octets; in the case it was written in. */
export type WireName = Uint8Array;

/** RFC 1035 section 2.3.4. */
export const longestLabelOctets = 63;
export const longestNameOctets = 255;
/** A name of one-octet labels. */
export const mostLabels = 127;

export const rootName: WireName = Uint8Array.of(0);

/** A name read from a message, and where the bytes after it begin. */
export interface NameRead {
  readonly name: WireName;
  readonly next: number;
}

/** Written anew by every parseName before it is read: a large zone has hundreds of thousands of names. */
const parseScratch = new Uint8Array(longestNameOctets);

/**
 * Reads presentation form (RFC 1035 section 5.1): `\.`, `\\` and `\DDD` are escapes; a name without the dot at its end
 * is relative to `origin` (absent: to the root). The error says what was expected.
 */
export function parseName(text: string, origin: WireName = rootName): Result<WireName> {
  if (text === '.') return success(rootName);
  if (text === '') return failure('expected a domain name, got an empty one');
  const bytes = parseScratch;
  let labelAt = 0;
  let end = 1;
  for (let index = 0; index < text.length; ) {
    if (text[index] === '.') {
      const problem = labelProblem(end - labelAt - 1, text);
      if (problem !== undefined) return failure(problem);
      bytes[labelAt] = end - labelAt - 1;
      labelAt = end;
      end += 1;
      index += 1;
    } else {
      const octet = readOctet(text, index);
      if (!octet.ok) return octet;
      if (end >= longestNameOctets) return failure(tooLong(text));
      bytes[end] = octet.value.code;
      end += 1;
      index = octet.value.next;
    }
  }
  const isAbsolute = end === labelAt + 1;
  bytes[labelAt] = 0;
  if (isAbsolute) return end > longestNameOctets ? failure(tooLong(text)) : success(bytes.slice(0, end));
  const problem = labelProblem(end - labelAt - 1, text);
  if (problem !== undefined) return failure(problem);
  bytes[labelAt] = end - labelAt - 1;
  if (end + origin.length > longestNameOctets) return failure(tooLong(text));
  bytes.set(origin, end);
  return success(bytes.slice(0, end + origin.length));
}

/** Presentation form with the dot at the end; every octet that is not printable ASCII is `\DDD`. */
export function renderName(name: WireName): string {
  const labels = labelsOf(name).map(renderLabel);
  return labels.length === 0 ? '.' : `${labels.join('.')}.`;
}

/** Written anew by every nameKey before it is read: a view of the name's own octets costs twenty times as much. */
const keyScratch = Buffer.alloc(longestNameOctets);

/** What maps are keyed by: the wire form with A to Z lowered, one character an octet. */
export function nameKey(name: WireName): string {
  // Length octets are at most 63, so that none of them is taken for a letter.
  for (let at = 0; at < name.length; at += 1) keyScratch[at] = lowerOctet(name[at] ?? 0);
  return keyScratch.toString('latin1', 0, name.length);
}

/** A copy with A to Z lowered (RFC 4343). */
export function lowerName(name: WireName): WireName {
  const lowered = new Uint8Array(name.length);
  for (let at = 0; at < name.length; at += 1) lowered[at] = lowerOctet(name[at] ?? 0);
  return lowered;
}

export function lowerOctet(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}

/** The name whose key this is, in lower case. */
export function nameOfKey(key: string): WireName {
  return Uint8Array.from(Buffer.from(key, 'latin1'));
}

/** The labels, leftmost first, without the root's. */
export function labelsOf(name: WireName): readonly Uint8Array[] {
  const labels: Uint8Array[] = [];
  for (let at = 0; (name[at] ?? 0) !== 0; at += 1 + (name[at] ?? 0)) {
    labels.push(name.subarray(at + 1, at + 1 + (name[at] ?? 0)));
  }
  return labels;
}

/** How many labels, the root's not counted. */
export function labelCount(name: WireName): number {
  let count = 0;
  for (let at = 0; (name[at] ?? 0) !== 0; at += 1 + (name[at] ?? 0)) count += 1;
  return count;
}

/** The inverse of labelsOf; undefined when a label or the whole is out of bounds. */
export function nameOfLabels(labels: readonly Uint8Array[]): WireName | undefined {
  const octets = labels.reduce((sum, label) => sum + 1 + label.length, 1);
  if (octets > longestNameOctets) return undefined;
  const name = new Uint8Array(octets);
  let at = 0;
  for (const label of labels) {
    if (label.length === 0 || label.length > longestLabelOctets) return undefined;
    name[at] = label.length;
    name.set(label, at + 1);
    at += 1 + label.length;
  }
  return name;
}

/** The name without its leftmost label; undefined for the root. */
export function parentName(name: WireName): WireName | undefined {
  const length = name[0] ?? 0;
  return length === 0 ? undefined : name.subarray(length + 1);
}

/** `label` in front of `name`; undefined when that is longer than a name may be. */
export function childName(label: Uint8Array, name: WireName): WireName | undefined {
  if (label.length === 0 || label.length > longestLabelOctets) return undefined;
  if (1 + label.length + name.length > longestNameOctets) return undefined;
  const child = new Uint8Array(1 + label.length + name.length);
  child[0] = label.length;
  child.set(label, 1);
  child.set(name, 1 + label.length);
  return child;
}

/** The same name, case aside. */
export function isSameName(one: WireName, other: WireName): boolean {
  return one.length === other.length && endsAlike(one, 0, other);
}

/** `name` is `ancestor` or lies below it, case aside. */
export function isAtOrBelow(name: WireName, ancestor: WireName): boolean {
  const start = name.length - ancestor.length;
  if (start < 0) return false;
  for (let at = 0; at <= start; at += 1 + (name[at] ?? 0)) {
    if (at === start) return endsAlike(name, start, ancestor);
    if ((name[at] ?? 0) === 0) return false;
  }
  return false;
}

/**
 * Reads a name at `at`, following compression pointers (RFC 1035 section 4.1.4). Undefined when it does not end inside
 * `message`, is too long, has a label type that does not exist, or a pointer that does not lead strictly backwards:
 * every hop then lies before the one before it, so that no message makes this loop.
 */
export function readName(message: Uint8Array, at: number): NameRead | undefined {
  const bytes = new Uint8Array(longestNameOctets);
  let length = 0;
  let next = -1;
  let position = at;
  let chunkAt = at;
  for (;;) {
    const octet = message[position] ?? 0xff;
    if (octet >= 0xc0) {
      const target = ((octet & 0x3f) << 8) | (message[position + 1] ?? 0);
      if (target >= chunkAt || position + 1 >= message.length) return undefined;
      if (next < 0) next = position + 2;
      position = target;
      chunkAt = target;
      continue;
    }
    const end = position + 1 + octet;
    if (octet > longestLabelOctets || length + 1 + octet > longestNameOctets || end > message.length) return undefined;
    while (position < end) {
      bytes[length] = message[position] ?? 0;
      length += 1;
      position += 1;
    }
    if (octet === 0) return { name: bytes.slice(0, length), next: next < 0 ? position : next };
  }
}

function endsAlike(name: WireName, start: number, end: WireName): boolean {
  for (let at = 0; at < end.length; at += 1) {
    if (lowerOctet(name[start + at] ?? 0) !== lowerOctet(end[at] ?? 0)) return false;
  }
  return true;
}

function labelProblem(octets: number, text: string): string | undefined {
  if (octets === 0) return `expected a label between the dots of ${JSON.stringify(text)}`;
  if (octets <= longestLabelOctets) return undefined;
  return `expected labels of at most ${longestLabelOctets} octets, got one of ${octets}`;
}

function tooLong(text: string): string {
  return `expected a name of at most ${longestNameOctets} octets, got ${JSON.stringify(text)}`;
}

function readOctet(text: string, index: number): Result<{ readonly code: number; readonly next: number }> {
  const code = text.charCodeAt(index);
  if (code !== 0x5c) {
    if (code > 0x20 && code < 0x7f) return success({ code, next: index + 1 });
    return failure(`expected printable ASCII, or \\DDD, in a name, got ${JSON.stringify(text[index])}`);
  }
  const digits = /^\d{3}/.exec(text.slice(index + 1, index + 4))?.[0];
  if (digits !== undefined && Number(digits) <= 255) return success({ code: Number(digits), next: index + 4 });
  const escaped = text.charCodeAt(index + 1);
  if (digits !== undefined || !(escaped >= 0x20 && escaped < 0x7f) || /\d/.test(text[index + 1] ?? '')) {
    return failure(`expected \\DDD up to \\255, or \\ and a character, in ${JSON.stringify(text)}`);
  }
  return success({ code: escaped, next: index + 2 });
}

function renderLabel(label: Uint8Array): string {
  let text = '';
  for (const octet of label) {
    if (octet <= 0x20 || octet >= 0x7f) text += `\\${String(octet).padStart(3, '0')}`;
    else text += specialOctets.has(octet) ? `\\${String.fromCharCode(octet)}` : String.fromCharCode(octet);
  }
  return text;
}

/** What means something to a master file: `.` `\` `"` `(` `)` `;` `@` `$`. */
const specialOctets: ReadonlySet<number> = new Set([...'.\\"();@$'].map((character) => character.charCodeAt(0)));
