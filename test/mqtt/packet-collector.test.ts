import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PacketCollector } from '../../src/mqtt/packet-collector.ts';

const connectOnly = { maxPacketBytes: 65_536, types: [1] };

describe('PacketCollector', () => {
  it('gives one exact packet and the rest, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 127, 128, 5000),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 100 }),
        (length, behind, sizes) => {
          const packet = packetOf(length);
          const bytes = Buffer.concat([packet, behind]);
          const collector = new PacketCollector(connectOnly);
          let offset = 0;
          for (let turn = 0; ; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            const result = collector.push(bytes.subarray(offset, offset + size));
            offset += size;
            if (result.kind === 'incomplete') continue;
            assert.ok(result.kind === 'packet');
            assert.deepEqual(result.packet, packet);
            const given = Math.min(offset, bytes.length);
            assert.deepEqual(result.rest, bytes.subarray(packet.length, given));
            return;
          }
        },
      ),
    );
  });

  it('does not copy a packet that lies in one chunk', () => {
    const bytes = packetOf(100);
    const result = new PacketCollector(connectOnly).push(bytes);
    assert.ok(result.kind === 'packet');
    assert.equal(result.packet.buffer, bytes.buffer);
  });

  it('refuses another packet type at its first byte', () => {
    assert.deepEqual(new PacketCollector(connectOnly).push(Buffer.from([0x30])), {
      kind: 'refused',
      problem: 'unexpected-type',
    });
  });

  it('refuses 256 MB and 64 KiB plus one at the header', () => {
    for (const header of [
      [0x10, 0xff, 0xff, 0xff, 0x7f],
      [0x10, 0xfd, 0xff, 0x03],
    ]) {
      const collector = new PacketCollector(connectOnly);
      const results = header.map((byte) => collector.push(Buffer.from([byte])));
      assert.deepEqual(results.at(-1), { kind: 'refused', problem: 'packet-too-large' });
    }
  });
});

function packetOf(length: number): Buffer {
  const header = length < 128 ? [0x10, length] : [0x10, (length % 128) + 128, Math.floor(length / 128)];
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0x5a)]);
}
