import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sipHashKey, writeSipHash } from '../../src/dns/siphash.ts';

/** The obvious form: 64-bit words as BigInt, octet by octet. */
function plainSipHash(key: Uint8Array, message: Uint8Array): string {
  const mask = (1n << 64n) - 1n;
  const word = (bytes: Uint8Array) => bytes.reduceRight((value, octet) => (value << 8n) | BigInt(octet), 0n);
  const left = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & mask;
  const k0 = word(key.subarray(0, 8));
  const k1 = word(key.subarray(8, 16));
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = () => {
    v0 = (v0 + v1) & mask;
    v1 = left(v1, 13n) ^ v0;
    v0 = left(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = left(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = left(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = left(v1, 17n) ^ v2;
    v2 = left(v2, 32n);
  };
  const padded = new Uint8Array(Math.floor(message.length / 8) * 8 + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  for (let at = 0; at < padded.length; at += 8) {
    const block = word(padded.subarray(at, at + 8));
    v3 ^= block;
    round();
    round();
    v0 ^= block;
  }
  v2 ^= 0xffn;
  for (let index = 0; index < 4; index += 1) round();
  return Buffer.from((v0 ^ v1 ^ v2 ^ v3).toString(16).padStart(16, '0'), 'hex')
    .reverse()
    .toString('hex');
}

function sipHash(key: Uint8Array, message: Uint8Array): string {
  const into = Buffer.alloc(8);
  writeSipHash(sipHashKey(key), message, message.length, into, 0);
  return into.toString('hex');
}

const paperKey = Uint8Array.from({ length: 16 }, (_, index) => index);

test('writeSipHash gives the values of the paper and its reference implementation', () => {
  const message = Uint8Array.from({ length: 15 }, (_, index) => index);
  assert.equal(sipHash(paperKey, message), 'e545be4961ca29a1');
  assert.equal(sipHash(paperKey, message.subarray(0, 0)), '310e0edd47db6f72');
  assert.equal(sipHash(paperKey, message.subarray(0, 1)), 'fd67dc93c539f874');
  assert.equal(sipHash(paperKey, message.subarray(0, 8)), '6224939a79f5f593');
});

test('writeSipHash agrees with 64-bit words for every key and length', () => {
  const octets = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(octets, fc.uint8Array({ maxLength: 64 }), (key, message) =>
      assert.equal(sipHash(key, message), plainSipHash(key, message)),
    ),
    { numRuns: 2_000 },
  );
});
