import { failure, type Result, success } from '../base/result.ts';

/** Basis points of the whole: a weight is 0 to this. */
export const wholeBps = 10_000;

/** Reads a weight as operators type it, `5%`, `0.01%` or `500bps`, into basis points, 0 to 10 000. */
export function parseWeight(text: string): Result<number> {
  const match = /^(\d{1,5})(?:\.(\d{1,20}))? ?(%|bps)$/.exec(text.trim());
  const expected = 'expected a weight such as 5%, 0.01% or 500bps';
  if (match === null) return failure(`${expected}, got ${JSON.stringify(text)}`);
  const [, whole = '', fraction = '', unit = ''] = match;
  const digits = fraction.replace(/0+$/, '');
  if (digits.length > (unit === '%' ? 2 : 0)) {
    return failure(`${expected}, got ${JSON.stringify(text)}, which is finer than 0.01% (1bps), the smallest step`);
  }
  const bps = unit === '%' ? Number(whole) * 100 + Number(digits.padEnd(2, '0')) : Number(whole);
  if (bps > wholeBps) return failure(`${expected} up to 100% (10000bps), got ${JSON.stringify(text)}`);
  return success(bps);
}

/** Per cent as it can be typed again, as short as it is exact: 500 is `5%`, 1 is `0.01%`. */
export function renderWeight(weightBps: number): string {
  return `${weightBps / 100}%`;
}
