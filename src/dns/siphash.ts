/** A key of 16 octets as four little-endian words. */
export type SipHashKey = readonly [number, number, number, number];

export function sipHashKey(octets: Uint8Array): SipHashKey {
  return [word(octets, 0), word(octets, 4), word(octets, 8), word(octets, 12)];
}

/** Four words in halves, low half first; begun anew by every writeSipHash. */
const state = new Int32Array(8);

/**
 * SipHash-2-4 of `length` octets of `bytes` from 0 on (Aumasson and Bernstein, 2012): eight octets, written to `into`
 * at `at`. In halves of 32 bits, because BigInt costs fifty times as much.
 */
export function writeSipHash(key: SipHashKey, bytes: Uint8Array, length: number, into: Uint8Array, at: number): void {
  state[0] = key[0] ^ 0x70736575;
  state[1] = key[1] ^ 0x736f6d65;
  state[2] = key[2] ^ 0x6e646f6d;
  state[3] = key[3] ^ 0x646f7261;
  state[4] = key[0] ^ 0x6e657261;
  state[5] = key[1] ^ 0x6c796765;
  state[6] = key[2] ^ 0x79746573;
  state[7] = key[3] ^ 0x74656462;
  const whole = length - (length % 8);
  for (let offset = 0; offset < whole; offset += 8) absorb(word(bytes, offset), word(bytes, offset + 4));
  absorb(tailWord(bytes, whole, length), tailWord(bytes, whole + 4, length) | (length << 24));
  state[4] = (state[4] ?? 0) ^ 0xff;
  for (let round = 0; round < 4; round += 1) mix();
  writeWord(into, at, (state[0] ?? 0) ^ (state[2] ?? 0) ^ (state[4] ?? 0) ^ (state[6] ?? 0));
  writeWord(into, at + 4, (state[1] ?? 0) ^ (state[3] ?? 0) ^ (state[5] ?? 0) ^ (state[7] ?? 0));
}

/** Two rounds for one word of 64 bits. */
function absorb(low: number, high: number): void {
  state[6] = (state[6] ?? 0) ^ low;
  state[7] = (state[7] ?? 0) ^ high;
  mix();
  mix();
  state[0] = (state[0] ?? 0) ^ low;
  state[1] = (state[1] ?? 0) ^ high;
}

function mix(): void {
  add(0, 2);
  rotate(2, 13);
  xor(2, 0);
  rotate(0, 32);
  add(4, 6);
  rotate(6, 16);
  xor(6, 4);
  add(0, 6);
  rotate(6, 21);
  xor(6, 0);
  add(4, 2);
  rotate(2, 17);
  xor(2, 4);
  rotate(4, 32);
}

function add(to: number, from: number): void {
  const low = ((state[to] ?? 0) >>> 0) + ((state[from] ?? 0) >>> 0);
  state[to] = low;
  state[to + 1] = (state[to + 1] ?? 0) + (state[from + 1] ?? 0) + (low > 0xffffffff ? 1 : 0);
}

function xor(to: number, from: number): void {
  state[to] = (state[to] ?? 0) ^ (state[from] ?? 0);
  state[to + 1] = (state[to + 1] ?? 0) ^ (state[from + 1] ?? 0);
}

function rotate(at: number, bits: number): void {
  const low = state[at] ?? 0;
  const high = state[at + 1] ?? 0;
  if (bits === 32) {
    state[at] = high;
    state[at + 1] = low;
  } else {
    state[at] = (low << bits) | (high >>> (32 - bits));
    state[at + 1] = (high << bits) | (low >>> (32 - bits));
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** The octets from `at` up to `end`, at most four. */
function tailWord(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let index = Math.min(at + 3, end - 1); index >= at; index -= 1) value = (value << 8) | (bytes[index] ?? 0);
  return value;
}

function writeWord(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}
