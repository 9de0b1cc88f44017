import { failure, success } from '../../base/result.ts';
import { longestLabelOctets, longestNameOctets, parseName, renderName, type WireName } from '../wire-name.ts';
import { type Field, unexpected } from './field.ts';

/** A domain name, relative to the origin unless it ends with a dot; `@` is the origin. Never compressed. */
export const domainName: Field = {
  parse: (words, at) => {
    const token = words.tokens[at];
    if (token === undefined || token.isQuoted) return failure(unexpected('a domain name', words, at));
    if (token.text === '@') return success({ octets: words.origin, next: at + 1 });
    const name = parseName(token.text, words.origin);
    return name.ok ? success({ octets: name.value, next: at + 1 }) : name;
  },
  render: (rdata, at) => {
    const name = uncompressedName(rdata, at);
    return name === undefined ? undefined : { text: renderName(name), next: at + name.length };
  },
};

/** The name that begins at `at`; undefined when it is compressed, too long or does not end inside `rdata`. */
export function uncompressedName(rdata: Uint8Array, at: number): WireName | undefined {
  for (let end = at; end < rdata.length && end - at < longestNameOctets; ) {
    const length = rdata[end] ?? 0;
    if (length > longestLabelOctets) return undefined;
    end += 1 + length;
    if (length === 0) return rdata.subarray(at, end);
  }
  return undefined;
}
