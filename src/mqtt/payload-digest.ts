/** FNV-1a over a payload: tells a device's own messages from others (emulated No Local), not a defence against anybody. */
export function payloadDigest(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
