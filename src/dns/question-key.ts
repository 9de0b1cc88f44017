import type { Question } from './answer-source.ts';
import { headerOctets, type Query } from './question-reader.ts';
import { lowerOctet, nameOfKey } from './wire-name.ts';

/** Type and class, which is IN for all that is answered. */
const questionTailOctets = 4;
/** Type and flags, behind the name. */
const keyTail = 3;
const dnssecOk = 1;
const compactOk = 2;

/**
 * What answers are kept by: the question's name in lower case, its type, and the flags that change an answer; one
 * character an octet. `scratch` has 512 octets.
 */
export function questionKey(message: Uint8Array, { questionEnd, type, edns }: Query, scratch: Buffer): string {
  const at = lowerInto(scratch, message, questionEnd);
  scratch[at] = type >>> 8;
  scratch[at + 1] = type;
  scratch[at + 2] = edns?.isDnssecOk === true ? dnssecOk | (edns.isCompactOk ? compactOk : 0) : 0;
  return scratch.toString('latin1', 0, at + keyTail);
}

/** The question that has this key. */
export function questionOfKey(questionText: string): Question {
  const nameEnd = questionText.length - keyTail;
  const key = questionText.slice(0, nameEnd);
  const flags = questionText.charCodeAt(nameEnd + 2);
  return {
    name: nameOfKey(key),
    key,
    type: (questionText.charCodeAt(nameEnd) << 8) | questionText.charCodeAt(nameEnd + 1),
    isDnssecOk: (flags & dnssecOk) !== 0,
    isCompactOk: (flags & compactOk) !== 0,
  };
}

/** nameKey of the question's name. */
export function nameKeyOfQuestion(message: Uint8Array, { questionEnd }: Query, scratch: Buffer): string {
  return scratch.toString('latin1', 0, lowerInto(scratch, message, questionEnd));
}

function lowerInto(scratch: Buffer, message: Uint8Array, questionEnd: number): number {
  const nameOctets = questionEnd - questionTailOctets - headerOctets;
  for (let at = 0; at < nameOctets; at += 1) scratch[at] = lowerOctet(message[headerOctets + at] ?? 0);
  return nameOctets;
}
