/** A small generator of numbers in [0, 1) that a seed fixes (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Bytes at which decoders turn: lengths, flags, wildcards, identifiers, ends of UTF-8 ranges. */
const telling = [0, 1, 2, 3, 4, 5, 0x0b, 0x10, 0x1f, 0x23, 0x24, 0x26, 0x2b, 0x2f, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xff];

/** The packet with one to three mistakes in it; mostly its Remaining Length is then made right, so that the body is read. */
export function mutate(packet: Buffer, random: () => number): Buffer {
  let bytes: number[] = [...packet];
  const below = (limit: number) => Math.floor(random() * limit);
  const anyByte = () => (random() < 0.5 ? (telling[below(telling.length)] as number) : below(256));
  for (let left = 1 + below(3); left > 0; left -= 1) {
    const at = below(bytes.length + 1);
    const length = 1 + below(4);
    const mistakes: readonly (() => readonly number[])[] = [
      () => bytes.with(Math.min(at, bytes.length - 1), anyByte()),
      () => bytes.toSpliced(at, length),
      () => bytes.toSpliced(at, 0, ...Array.from({ length }, anyByte)),
      () => bytes.toSpliced(at, 0, ...bytes.slice(at, at + 8)),
      () => bytes.toSpliced(at, 0, ...bytes.slice(below(bytes.length + 1))).slice(0, 512),
      () => bytes.slice(0, Math.max(1, at)),
      () => bytes.with(Math.min(at, bytes.length - 1), (bytes[Math.min(at, bytes.length - 1)] ?? 0) ^ (1 << below(8))),
    ];
    bytes = [...(mistakes[below(mistakes.length)] as () => readonly number[])()];
    if (bytes.length === 0) bytes = [anyByte()];
  }
  return random() < 0.8 ? withRightLength(bytes) : Buffer.from(bytes);
}

function withRightLength(bytes: readonly number[]): Buffer {
  let lengthEnd = 1;
  while (lengthEnd < Math.min(5, bytes.length) && (bytes[lengthEnd] as number) > 0x7f) lengthEnd += 1;
  const body = bytes.slice(lengthEnd + 1);
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.from([bytes[0] as number, ...length, ...body]);
}
