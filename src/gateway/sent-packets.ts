/** Whether whole packets that lie side by side have one of this type among them. */
export function hasPacketOf(type: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    if ((bytes[at] ?? 0) >> 4 === type) return true;
    at += 1;
    let length = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80 && shift <= 21; shift += 7) {
      byte = bytes[at] ?? 0;
      at += 1;
      length += (byte & 0x7f) << shift;
    }
    at += length;
  }
  return false;
}
