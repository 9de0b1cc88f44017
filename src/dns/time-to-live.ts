/** RFC 2181 section 8: a TTL has 31 bits. */
export const longestTimeToLive = 2 ** 31 - 1;

const secondsByUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `3600`, `1h30m`, `2W`: seconds, at most 2^32 − 1; undefined when it is none. */
export function parseTimeToLive(text: string): number | undefined {
  if (!/^(?:\d{1,10}|(?:\d{1,10}[smhdw])+)$/i.test(text)) return undefined;
  const seconds = [...text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)].reduce(
    (sum, [, digits, unit]) => sum + Number(digits) * (secondsByUnit[unit ?? ''] ?? 1),
    0,
  );
  return seconds < 2 ** 32 ? seconds : undefined;
}
