import type { Question } from './answer-source.ts';
import { headerOctets, type Query } from './question-reader.ts';
import { longestNameOctets, lowerOctet } from './wire-name.ts';

/** Type and class, which is IN for all that is answered. */
const questionTailOctets = 4;
/** Type and flags, behind the name. */
const keyTailOctets = 3;
const dnssecOk = 1;
const compactOk = 2;

/**
 * What answers are kept by: the name in lower case, the type, and the flags that change an answer. One is filled for
 * question after question.
 */
export interface QuestionKey {
  readonly octets: Buffer;
  length: number;
  /** 32 bits, signed: small integers are the fastest keys of maps. */
  hash: number;
}

export function createQuestionKey(): QuestionKey {
  return { octets: Buffer.alloc(longestNameOctets + keyTailOctets), length: 0, hash: 0 };
}

/** Fills `key` with what the query, which has a question, asks. */
export function fillQuestionKey(key: QuestionKey, message: Uint8Array, { questionEnd, type, edns }: Query): void {
  const { octets } = key;
  const nameOctets = questionEnd - questionTailOctets - headerOctets;
  const flags = edns?.isDnssecOk === true ? dnssecOk | (edns.isCompactOk ? compactOk : 0) : 0;
  let hash = 0x811c9dc5 ^ (type << 2) ^ flags;
  for (let at = 0; at < nameOctets; at += 1) {
    const octet = lowerOctet(message[headerOctets + at] ?? 0);
    octets[at] = octet;
    hash = Math.imul(hash ^ octet, 0x01000193);
  }
  octets[nameOctets] = type >>> 8;
  octets[nameOctets + 1] = type;
  octets[nameOctets + 2] = flags;
  key.length = nameOctets + keyTailOctets;
  key.hash = hash | 0;
}

/** The octets are those of the key. */
export function isSameKey(octets: Uint8Array, key: QuestionKey): boolean {
  if (octets.length !== key.length) return false;
  for (let at = key.length - 1; at >= 0; at -= 1) if (octets[at] !== key.octets[at]) return false;
  return true;
}

/** A copy of the key's octets, to be kept. */
export function keptOctets(key: QuestionKey): Uint8Array {
  return firstOctets(key, key.length);
}

/** The question that has this key. */
export function questionOfKey(key: QuestionKey): Question {
  const { octets } = key;
  const nameOctets = key.length - keyTailOctets;
  const flags = octets[nameOctets + 2] ?? 0;
  return {
    name: firstOctets(key, nameOctets),
    key: nameKeyOf(key),
    type: octets.readUInt16BE(nameOctets),
    isDnssecOk: (flags & dnssecOk) !== 0,
    isCompactOk: (flags & compactOk) !== 0,
  };
}

/** nameKey of the key's name. */
export function nameKeyOf({ octets, length }: QuestionKey): string {
  return octets.toString('latin1', 0, length - keyTailOctets);
}

function firstOctets({ octets }: QuestionKey, count: number): Uint8Array {
  const copy = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) copy[at] = octets[at] ?? 0;
  return copy;
}
