import { failure, type Result, success } from '../base/result.ts';

const msByUnit: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A year: what is meant for longer is meant for good. */
const longestMs = 366 * 86_400_000;

/** Reads a duration as operators type it, `90s`, `30m`, `4h` or `2d`, into milliseconds. */
export function parseDuration(text: string): Result<number> {
  const [, digits, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const durationMs = Number(digits) * (msByUnit[unit] ?? Number.NaN);
  if (durationMs > 0 && durationMs <= longestMs) return success(durationMs);
  return failure(`expected a duration up to 366d such as 30m, 4h or 2d, got ${JSON.stringify(text)}`);
}
