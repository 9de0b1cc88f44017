import { failure, success } from '../../base/result.ts';
import { parseType, renderType } from '../record-type.ts';
import { parseTimeToLive } from '../time-to-live.ts';
import { type Field, unexpected } from './field.ts';

/** A decimal number of so many octets, most significant first. */
export function unsigned(octetCount: 1 | 2 | 4, what: string): Field {
  return numeric(octetCount, `${what}, 0 to ${2 ** (8 * octetCount) - 1}`, {
    numberOf: (text) => (/^\d{1,10}$/.test(text) ? Number(text) : undefined),
    textOf: String,
  });
}

/** Seconds, also written as `1h30m`; on the wire any 32 bits. */
export function interval(what: string): Field {
  return numeric(4, `${what} in seconds or as 1h30m`, { numberOf: parseTimeToLive, textOf: String });
}

/** A type by its mnemonic. */
export const typeCovered: Field = numeric(2, 'a type', { numberOf: parseType, textOf: renderType });

/** IANA DNS security algorithm numbers, by number or mnemonic (RFC 4034 appendix A.1). */
export const algorithm: Field = numeric(1, 'a DNSSEC algorithm', {
  numberOf: (text) => algorithmByMnemonic.get(text.toUpperCase()) ?? smallNumber(text),
  textOf: String,
});

const algorithmByMnemonic: ReadonlyMap<string, number> = new Map([
  ['DELETE', 0],
  ['RSASHA1', 5],
  ['RSASHA1-NSEC3-SHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
  ['INDIRECT', 252],
  ['PRIVATEDNS', 253],
  ['PRIVATEOID', 254],
]);

/**
 * A moment of a signature (RFC 4034 section 3.2): YYYYMMDDHHmmSS in UTC or seconds since 1970, modulo 2^32. Rendered as
 * seconds, which need no reference moment to be read back.
 */
export const signatureTime: Field = numeric(4, 'a time as YYYYMMDDHHmmSS or in seconds', {
  numberOf: (text) => {
    if (!/^\d{14}$/.test(text)) return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
    const [year = 0, ...rest] = [text.slice(0, 4), ...(text.slice(4).match(/../g) ?? [])].map(Number);
    const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest;
    const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
    const isReal = new Date(milliseconds).toISOString().replace(/[-T:]/g, '').slice(0, 14) === text;
    return isReal ? (milliseconds / 1000) % 2 ** 32 : undefined;
  },
  textOf: String,
});

function smallNumber(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

interface Notation {
  readonly numberOf: (text: string) => number | undefined;
  readonly textOf: (value: number) => string;
}

function numeric(octetCount: number, what: string, { numberOf, textOf }: Notation): Field {
  return {
    parse: (words, at) => {
      const token = words.tokens[at];
      const value = token === undefined || token.isQuoted ? undefined : numberOf(token.text);
      if (value === undefined || value >= 2 ** (8 * octetCount)) return failure(unexpected(what, words, at));
      return success({ octets: bigEndian(value, octetCount), next: at + 1 });
    },
    render: (rdata, at) => {
      if (at + octetCount > rdata.length) return undefined;
      const value = rdata.subarray(at, at + octetCount).reduce((sum, octet) => sum * 256 + octet, 0);
      return { text: textOf(value), next: at + octetCount };
    },
  };
}

/** `value` in so many octets, most significant first. */
export function bigEndian(value: number, octetCount: number): Uint8Array {
  const octets = new Uint8Array(octetCount);
  let rest = value;
  for (let at = octetCount - 1; at >= 0; at -= 1) {
    octets[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return octets;
}
