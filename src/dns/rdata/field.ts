import type { Result } from '../../base/result.ts';
import type { WireName } from '../wire-name.ts';

/** A word of a master file with its escapes still in it; the quotes around a quoted one are taken off. */
export interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
  /** Counted from 1. */
  readonly line: number;
}

/** The words of one record's data, and what relative names in it are relative to. */
export interface RdataWords {
  readonly tokens: readonly Token[];
  readonly origin: WireName;
}

/** The wire form of a field, and the index of the word after it. */
export interface ParsedField {
  readonly octets: Uint8Array;
  readonly next: number;
}

/** The presentation form of a field, and where the octets after it begin. */
export interface RenderedField {
  readonly text: string;
  readonly next: number;
}

/** One field of a type's rdata, from presentation to wire form and back. */
export interface Field {
  /** The field that begins with word `at`; the error says what was expected and what came. */
  readonly parse: (words: RdataWords, at: number) => Result<ParsedField>;
  /** The field that begins at octet `at`; undefined when the octets are not such a field. */
  readonly render: (rdata: Uint8Array, at: number) => RenderedField | undefined;
}

/** `expected WHAT, got WORD` for the word at `at`, or for the end of the record. */
export function unexpected(what: string, words: RdataWords, at: number): string {
  const token = words.tokens[at];
  return `expected ${what}, got ${token === undefined ? 'the end of the record' : JSON.stringify(token.text)}`;
}
