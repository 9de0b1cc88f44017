import fc from 'fast-check';

/** Packets of both versions that mean something to a broker, in hexadecimal. */
const seeds = [
  '820600010001740182',
  '8206000100017401',
  '82070001000001740100',
  'a2050001000174',
  'a206000100000174',
  '300300017478',
  '3206000174000178',
  '320700017400010078',
  '3310000174000109020000000a26000000007878',
  '40020001',
  '4003000187',
  'c000',
  'e000',
  'e00104',
  'e00705110000006400',
  '62020001',
  'f000',
  '8212000100010d2473686172652f672f2301',
  '100c00044d5154540402003c0000',
].map((hex) => Buffer.from(hex, 'hex'));

/** Such a packet, perhaps with some bytes changed or its end missing, or just bytes. */
export const mutatedPackets: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom(...seeds),
  fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 255 })), { maxLength: 3 }),
      fc.nat({ max: 30 }),
    )
    .map(([seed, changes, length]) => {
      const bytes = Buffer.from(seed.subarray(0, Math.max(1, Math.min(seed.length, length))));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    }),
  fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)),
);
