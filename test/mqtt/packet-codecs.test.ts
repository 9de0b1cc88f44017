import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { versions } from './packet-arbitraries.ts';
import { codecs } from './packet-codecs.ts';

for (const codec of codecs) {
  for (const protocol of versions) {
    describe(`${codec.name} of ${protocol}`, () => {
      it('is the same value after the wire, and the same bytes after the value', () => {
        fc.assert(
          fc.property(codec.any(protocol), (value) => {
            const bytes = codec.encode(protocol, value);
            const decoded = codec.decode(protocol, bytes);
            assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message);
            assert.equal(plain(decoded.value), plain(value));
            assert.equal(codec.encode(protocol, decoded.value).toString('hex'), bytes.toString('hex'));
          }),
        );
      });

      it('is refused when its end is missing or something stands behind it', () => {
        fc.assert(
          fc.property(
            codec.any(protocol),
            fc.nat(),
            fc.uint8Array({ minLength: 1, maxLength: 3 }),
            (value, cut, more) => {
              const bytes = codec.encode(protocol, value);
              assert.equal(codec.decode(protocol, bytes.subarray(0, cut % bytes.length)).ok, false);
              assert.equal(codec.decode(protocol, Buffer.concat([bytes, more])).ok, false);
            },
          ),
        );
      });

      it('says of a fault what fits into a line of a log', () => {
        fc.assert(
          fc.property(codec.any(protocol), fc.nat(), fc.nat(255), (value, at, byte) => {
            const bytes = codec.encode(protocol, value);
            bytes[at % bytes.length] = byte;
            const decoded = codec.decode(protocol, bytes);
            if (!decoded.ok) assert.match(decoded.error.message, /^[ -~]{1,120}$/);
          }),
        );
      });
    });
  }
}

/** Text in which two values are the same when they say the same: secrets revealed, bytes in hex, keys in order. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part !== null && typeof part === 'object' && !Array.isArray(part) && !('data' in part)) {
      return Object.fromEntries(
        Object.entries(part)
          .map(([key, field]) => [key, revealed(field)] as const)
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      );
    }
    return part;
  });
}

function revealed(field: unknown): unknown {
  if (Buffer.isBuffer(field)) return field.toString('hex');
  if (field instanceof Object && 'reveal' in field && typeof field.reveal === 'function') {
    return (field.reveal() as Buffer).toString('hex');
  }
  return field;
}
