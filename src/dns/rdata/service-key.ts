/** IANA "Service Parameter Keys" (RFC 9460 section 14.3): numbers by name. */
export const serviceKey = {
  mandatory: 0,
  alpn: 1,
  'no-default-alpn': 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
  ohttp: 8,
} as const;

/** RFC 9460 section 14.3.2: never assigned. */
const invalidKey = 65_535;

const nameByKey: ReadonlyMap<number, string> = new Map(Object.entries(serviceKey).map(([name, key]) => [key, name]));
const keyByName: ReadonlyMap<string, number> = new Map(Object.entries(serviceKey));

/** A registered name or `keyNNNNN` without leading zeros; undefined when it is neither. */
export function parseServiceKey(text: string): number | undefined {
  const known = keyByName.get(text.toLowerCase());
  if (known !== undefined) return known;
  const digits = /^key(0|[1-9]\d{0,4})$/i.exec(text)?.[1];
  return digits !== undefined && Number(digits) < invalidKey ? Number(digits) : undefined;
}

export function renderServiceKey(key: number): string {
  return nameByKey.get(key) ?? `key${key}`;
}
