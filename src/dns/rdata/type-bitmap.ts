import { failure, success } from '../../base/result.ts';
import { parseType, renderType } from '../record-type.ts';
import { type Field, unexpected } from './field.ts';

/** The types at a name, to the end of the record (RFC 4034 section 4.1.2). */
export const typeBitmap: Field = {
  parse: (words, at) => {
    const types: number[] = [];
    for (const [index, token] of words.tokens.entries()) {
      if (index < at) continue;
      const type = parseType(token.text);
      if (type === undefined) return failure(unexpected('a type', words, index));
      types.push(type);
    }
    return success({ octets: encodeTypeBitmap(types), next: words.tokens.length });
  },
  render: (rdata, at) => {
    const types = decodeTypeBitmap(rdata.subarray(at));
    return types === undefined ? undefined : { text: types.map(renderType).join(' '), next: rdata.length };
  },
};

/** Windows of 256 types in ascending order, each without the zero octets at its end. */
export function encodeTypeBitmap(types: Iterable<number>): Uint8Array {
  const bitmapByWindow = new Map<number, Uint8Array>();
  for (const type of types) {
    const window = type >> 8;
    const bitmap = bitmapByWindow.get(window) ?? new Uint8Array(32);
    const octet = (type & 0xff) >> 3;
    bitmap[octet] = (bitmap[octet] ?? 0) | (0x80 >> (type & 7));
    bitmapByWindow.set(window, bitmap);
  }
  const windows = [...bitmapByWindow].sort(([one], [other]) => one - other);
  return Uint8Array.from(
    windows.flatMap(([window, bitmap]) => {
      const length = 1 + bitmap.findLastIndex((octet) => octet !== 0);
      return [window, length, ...bitmap.subarray(0, length)];
    }),
  );
}

/** The types in ascending order; undefined when the octets are no type bitmap. */
export function decodeTypeBitmap(octets: Uint8Array): readonly number[] | undefined {
  const types: number[] = [];
  let previous = -1;
  for (let at = 0; at < octets.length; ) {
    const window = octets[at] ?? 0;
    const length = octets[at + 1] ?? 0;
    const end = at + 2 + length;
    if (window <= previous || length < 1 || length > 32 || end > octets.length || octets[end - 1] === 0)
      return undefined;
    for (let bit = 0; bit < length * 8; bit += 1) {
      if (((octets[at + 2 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) types.push(window * 256 + bit);
    }
    previous = window;
    at = end;
  }
  return types;
}
