import { failure, success } from '../../base/result.ts';
import { type Field, unexpected } from './field.ts';

/** Hexadecimal digits to the end of the record, spaces between them as one likes. */
export function hexadecimal(what: string): Field {
  return encoded(what, 'hex', (text) => /^(?:[0-9a-f]{2})+$/i.test(text));
}

/** Base64 to the end of the record, spaces as one likes. */
export function base64(what: string): Field {
  return encoded(what, 'base64', isBase64);
}

/** RFC 4648 section 4, with its padding. */
export function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) && text !== '';
}

function encoded(what: string, encoding: 'hex' | 'base64', isWellFormed: (text: string) => boolean): Field {
  return {
    parse: (words, at) => {
      const text = words.tokens
        .slice(at)
        .map((token) => token.text)
        .join('');
      if (!isWellFormed(text)) return failure(unexpected(`${what} in ${encoding}`, words, at));
      return success({ octets: Uint8Array.from(Buffer.from(text, encoding)), next: words.tokens.length });
    },
    render: (rdata, at) => {
      if (at >= rdata.length) return undefined;
      const text = Buffer.from(rdata.subarray(at)).toString(encoding);
      return { text: encoding === 'hex' ? text.toUpperCase() : text, next: rdata.length };
    },
  };
}
