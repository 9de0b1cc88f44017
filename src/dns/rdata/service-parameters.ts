import { failure, type Result, success } from '../../base/result.ts';
import { type Field, type Token, unexpected } from './field.ts';
import { parseServiceKey, renderServiceKey, serviceKey } from './service-key.ts';
import { mandatoryKeys, serviceValueOf } from './service-value.ts';

/** `key=value` pairs to the end of the record, in any order; on the wire in ascending order (RFC 9460 section 2). */
export const serviceParameters: Field = {
  parse: (words, at) => {
    const valueByKey = new Map<number, Uint8Array>();
    for (let index = at; index < words.tokens.length; index += 1) {
      const token = words.tokens[index];
      const pair = token === undefined || token.isQuoted ? undefined : readPair(token);
      if (pair === undefined) return failure(unexpected('key=value', words, index));
      if (valueByKey.has(pair.key)) return failure(`expected each key once, got ${renderServiceKey(pair.key)} again`);
      const value = serviceValueOf(pair.key).parse(pair.text);
      if (!value.ok) return failure(`${renderServiceKey(pair.key)}: ${value.error}`);
      valueByKey.set(pair.key, value.value);
    }
    const agreed = agreement(valueByKey);
    if (!agreed.ok) return agreed;
    return success({ octets: encodeParameters(valueByKey), next: words.tokens.length });
  },
  render: (rdata, at) => {
    const valueByKey = decodeParameters(rdata.subarray(at));
    if (valueByKey === undefined || !agreement(valueByKey).ok) return undefined;
    const texts: string[] = [];
    for (const [key, octets] of valueByKey) {
      const value = serviceValueOf(key).render(octets);
      if (value === undefined) return undefined;
      texts.push(value === '' ? renderServiceKey(key) : `${renderServiceKey(key)}=${value}`);
    }
    return { text: texts.join(' '), next: rdata.length };
  },
};

/** `alpn=h2`, `alpn="h2"` (the quote stands inside the word) and `no-default-alpn`. */
function readPair({ text }: Token): { readonly key: number; readonly text: string | undefined } | undefined {
  const sign = text.indexOf('=');
  const key = parseServiceKey(sign < 0 ? text : text.slice(0, sign));
  if (key === undefined) return undefined;
  if (sign < 0) return { key, text: undefined };
  const value = text.slice(sign + 1);
  return { key, text: /^".*"$/s.test(value) ? value.slice(1, -1) : value };
}

/** What keys say about each other: RFC 9460 sections 7.1.1 and 8. */
function agreement(valueByKey: ReadonlyMap<number, Uint8Array>): Result<undefined> {
  const missing = mandatoryKeys(valueByKey.get(serviceKey.mandatory) ?? new Uint8Array()).find(
    (key) => !valueByKey.has(key),
  );
  if (missing !== undefined) return failure(`expected ${renderServiceKey(missing)}, which is mandatory, got none`);
  if (valueByKey.has(serviceKey['no-default-alpn']) && !valueByKey.has(serviceKey.alpn)) {
    return failure('expected alpn beside no-default-alpn, got none');
  }
  return success(undefined);
}

function encodeParameters(valueByKey: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const pairs = [...valueByKey].sort(([one], [other]) => one - other);
  return Uint8Array.from(
    pairs.flatMap(([key, value]) => [key >> 8, key & 0xff, value.length >> 8, value.length & 0xff, ...value]),
  );
}

/** Undefined when lengths do not fit or the keys do not ascend strictly. */
function decodeParameters(octets: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const valueByKey = new Map<number, Uint8Array>();
  let previous = -1;
  for (let at = 0; at < octets.length; ) {
    if (at + 4 > octets.length) return undefined;
    const key = ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
    const end = at + 4 + (((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0));
    if (key <= previous || end > octets.length) return undefined;
    valueByKey.set(key, octets.subarray(at + 4, end));
    previous = key;
    at = end;
  }
  return valueByKey;
}
