import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createImageMemory } from '../../src/dns/image-memory.ts';

test('createImageMemory keeps every copy as it was, whatever comes after', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 60 }), (lengths) => {
      const keep = createImageMemory();
      const scratch = Buffer.alloc(2_000);
      const kept = lengths.map((length, index) => keep(scratch.fill(index), length));
      kept.forEach((octets, index) => {
        assert.equal(octets.length, lengths[index]);
        assert.ok(octets.every((octet) => octet === index % 256));
      });
    }),
  );
});

test('createImageMemory holds no more than 4 KiB for a small image, and what it takes for a large one', () => {
  const keep = createImageMemory();
  const scratch = Buffer.alloc(70_000);
  for (const length of [100, 1_024, 1_025, 65_535]) {
    const held = keep(scratch, length).buffer.byteLength;
    assert.ok(held === (length > 1_024 ? length : 4_096), `${held} for ${length}`);
  }
});
