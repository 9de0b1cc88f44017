import { failure, success } from '../../base/result.ts';
import { type Field, unexpected } from './field.ts';

export const ipv4: Field = address(4, 'an IPv4 address', parseIpv4, renderIpv4);
export const ipv6: Field = address(16, 'an IPv6 address', parseIpv6, renderIpv6);

/** Dotted decimal without leading zeros; undefined when it is none. */
export function parseIpv4(text: string): Uint8Array | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith('.')) return undefined;
  const octets = text.split('.').map(Number);
  return octets.every((octet) => octet <= 255) ? Uint8Array.from(octets) : undefined;
}

/** RFC 4291 section 2.2, all three forms, without a zone; undefined when it is none. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = withHexEnd(text)?.split('::') ?? [];
  if (halves.length < 1 || halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const [front = [], back = []] = groups;
  const missing = 8 - front.length - back.length;
  if (![...front, ...back].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...front, ...Array.from({ length: missing }, () => '0'), ...back].map((group) => Number(`0x${group}`));
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

export function renderIpv4(octets: Uint8Array): string {
  return octets.join('.');
}

/** RFC 5952: lower case, the longest run of at least two zero groups shortened, the first of equals. */
export function renderIpv6(octets: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((octets[2 * index] ?? 0) << 8) | (octets[2 * index + 1] ?? 0),
  );
  let longest = { from: 0, length: 1 };
  for (let from = 0; from < 8; from += 1) {
    const end = groups.findIndex((group, index) => index >= from && group !== 0);
    const length = (end < 0 ? 8 : end) - from;
    if (length > longest.length) longest = { from, length };
  }
  const texts = groups.map((group) => group.toString(16));
  if (longest.length < 2) return texts.join(':');
  return `${texts.slice(0, longest.from).join(':')}::${texts.slice(longest.from + longest.length).join(':')}`;
}

/** The last 32 bits may be written as IPv4. */
function withHexEnd(text: string): string | undefined {
  const lastColon = text.lastIndexOf(':');
  if (!text.includes('.')) return text;
  const octets = parseIpv4(text.slice(lastColon + 1));
  if (octets === undefined || lastColon < 0) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return `${text.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function address(
  length: number,
  what: string,
  octetsOf: (text: string) => Uint8Array | undefined,
  textOf: (octets: Uint8Array) => string,
): Field {
  return {
    parse: (words, at) => {
      const token = words.tokens[at];
      const octets = token === undefined || token.isQuoted ? undefined : octetsOf(token.text);
      return octets === undefined ? failure(unexpected(what, words, at)) : success({ octets, next: at + 1 });
    },
    render: (rdata, at) =>
      at + length > rdata.length ? undefined : { text: textOf(rdata.subarray(at, at + length)), next: at + length },
  };
}
