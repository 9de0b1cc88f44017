/** The DER of every PEM block with this label, in order; text around the blocks is ignored (RFC 7468 §2). */
export function pemBlocks(text: string, label: string): Buffer[] {
  const blocks: Buffer[] = [];
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const stop = text.indexOf(end, at);
    if (stop < 0) break;
    blocks.push(Buffer.from(text.slice(at + begin.length, stop), 'base64'));
    at = stop + end.length;
  }
  return blocks;
}
