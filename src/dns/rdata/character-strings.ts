import { failure, type Result, success } from '../../base/result.ts';
import { type Field, unexpected } from './field.ts';

/** One string of at most 255 octets, with its length before it (RFC 1035 section 3.3). */
export function characterString(what: string): Field {
  return {
    parse: (words, at) => {
      const token = words.tokens[at];
      if (token === undefined) return failure(unexpected(what, words, at));
      const octets = decodeEscapes(token.text);
      if (!octets.ok) return octets;
      if (octets.value.length > 255)
        return failure(`expected ${what} of at most 255 octets, got ${octets.value.length}`);
      return success({ octets: withLength(octets.value), next: at + 1 });
    },
    render: (rdata, at) => {
      const end = at + 1 + (rdata[at] ?? 0);
      return at >= rdata.length || end > rdata.length
        ? undefined
        : { text: renderQuoted(rdata.subarray(at + 1, end)), next: end };
    },
  };
}

/** One or more strings to the end of the record. */
export const characterStrings: Field = {
  parse: (words, at) => {
    if (at >= words.tokens.length) return failure(unexpected('a string', words, at));
    const all: number[] = [];
    for (let index = at; index < words.tokens.length; index += 1) {
      const one = characterString('a string').parse(words, index);
      if (!one.ok) return one;
      for (const octet of one.value.octets) all.push(octet);
    }
    return success({ octets: Uint8Array.from(all), next: words.tokens.length });
  },
  render: (rdata, at) => {
    const texts: string[] = [];
    let next = at;
    while (next < rdata.length) {
      const one = characterString('a string').render(rdata, next);
      if (one === undefined) return undefined;
      texts.push(one.text);
      next = one.next;
    }
    return texts.length === 0 ? undefined : { text: texts.join(' '), next };
  },
};

/** One string that goes to the end of the rdata without a length (CAA's value, URI's target). */
export function remainingText(what: string): Field {
  return {
    parse: (words, at) => {
      const token = words.tokens[at];
      if (token === undefined) return failure(unexpected(what, words, at));
      const octets = decodeEscapes(token.text);
      return octets.ok ? success({ octets: octets.value, next: at + 1 }) : octets;
    },
    render: (rdata, at) => ({ text: renderQuoted(rdata.subarray(at)), next: rdata.length }),
  };
}

/** A property tag of CAA: letters and digits (RFC 8659 section 4.1). */
export const propertyTag: Field = {
  parse: (words, at) => {
    const text = words.tokens[at]?.text ?? '';
    if (!/^[A-Za-z0-9]{1,255}$/.test(text)) return failure(unexpected('a tag of letters and digits', words, at));
    return success({ octets: withLength(new TextEncoder().encode(text)), next: at + 1 });
  },
  render: (rdata, at) => {
    const tag = rdata.subarray(at + 1, at + 1 + (rdata[at] ?? 0));
    const text = String.fromCharCode(...tag);
    const isTag = tag.length === rdata[at] && /^[A-Za-z0-9]+$/.test(text);
    return isTag ? { text, next: at + 1 + tag.length } : undefined;
  },
};

/** The octets that a word stands for: `\DDD` is an octet, `\X` is X, anything beyond ASCII its UTF-8. */
export function decodeEscapes(text: string): Result<Uint8Array> {
  if (!text.includes('\\')) return success(new TextEncoder().encode(text));
  const octets: number[] = [];
  for (const [part, digits, escaped] of text.matchAll(/\\(\d{3})|\\(\D)|[^\\]+|\\/gsu)) {
    if (part === '\\' || Number(digits) > 255) {
      return failure(`expected \\DDD up to \\255, or \\ and a character, in ${JSON.stringify(text)}`);
    }
    if (digits !== undefined) octets.push(Number(digits));
    else for (const octet of new TextEncoder().encode(escaped ?? part)) octets.push(octet);
  }
  return success(Uint8Array.from(octets));
}

/** In quotes; `"` and `\` escaped, what is not printable ASCII as `\DDD`. */
export function renderQuoted(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`;
    else text += String.fromCharCode(octet);
  }
  return `"${text}"`;
}

function withLength(octets: Uint8Array): Uint8Array {
  const all = new Uint8Array(1 + octets.length);
  all[0] = octets.length;
  all.set(octets, 1);
  return all;
}
