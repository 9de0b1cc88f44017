import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type FramingProblem, PacketScanner } from '../../src/mqtt/framer.ts';

class RecordingScanner extends PacketScanner {
  readonly seen: [number, number][] = [];
  stopAt: number | undefined;

  protected override handlePacket(firstByte: number, remainingLength: number): boolean {
    this.seen.push([firstByte, remainingLength]);
    return firstByte >> 4 !== this.stopAt;
  }
}

const anyPacket = fc
  .tuple(
    fc.integer({ min: 0x10, max: 0xff }).filter((byte) => byte >> 4 !== 3 || (byte & 6) !== 6),
    fc.oneof(fc.constantFrom(0, 127, 128, 16_383, 16_384), fc.integer({ min: 0, max: 300 })),
  )
  .map(([firstByte, length]) => ({ firstByte, length, bytes: packetOf(firstByte, length) }));

describe('PacketScanner', () => {
  it('sees every packet whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(anyPacket, { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
        (packets, sizes) => {
          const scanner = new RecordingScanner(1 << 28);
          for (const chunk of chunksOf(Buffer.concat(packets.map(({ bytes }) => bytes)), sizes)) {
            assert.equal(scanner.scan(chunk), undefined);
          }
          assert.deepEqual(
            scanner.seen,
            packets.map(({ firstByte, length }) => [firstByte, length]),
          );
          assert.ok(scanner.atBoundary);
        },
      ),
    );
  });

  it('is at a boundary exactly between packets, fed byte by byte', () => {
    const bytes = Buffer.concat([packetOf(0x30, 3), packetOf(0xc0, 0), packetOf(0x32, 200)]);
    const scanner = new RecordingScanner(1 << 20);
    const boundaries: number[] = [];
    bytes.forEach((_, index) => {
      scanner.scan(bytes.subarray(index, index + 1));
      if (scanner.atBoundary) boundaries.push(index + 1);
    });
    assert.deepEqual(boundaries, [5, 7, 210]);
  });

  const problems: [name: string, bytes: number[], problem: FramingProblem, seen: number][] = [
    ['a fifth length byte', [0x30, 0x80, 0x80, 0x80, 0x80], 'malformed-length', 0],
    ['a length that is not minimal', [0x30, 0x80, 0x00], 'malformed-length', 0],
    ['256 MB over a limit of 1000', [0x30, 0xff, 0xff, 0xff, 0x7f], 'packet-too-large', 0],
    ['one byte over the limit', [0x30, 0xe6, 0x07], 'packet-too-large', 0],
    ['packet type 0', [0x00, 0x00], 'reserved', 0],
    ['PUBLISH with QoS 3', [0x36, 0x02], 'reserved', 0],
    ['packet type 0 behind a good packet', [0xc0, 0x00, 0x0f], 'reserved', 1],
  ];
  for (const [name, bytes, problem, seen] of problems) {
    it(`reports ${problem}: ${name}`, () => {
      const scanner = new RecordingScanner(1000);
      assert.equal(scanner.scan(Buffer.from(bytes)), problem);
      assert.equal(scanner.seen.length, seen);
    });
  }

  it('lets the largest packet pass that the limit allows', () => {
    const scanner = new RecordingScanner(1000);
    assert.equal(scanner.scan(packetOf(0x30, 997)), undefined);
    assert.deepEqual(scanner.seen, [[0x30, 997]]);
  });

  it('stops behind the header of a packet that is refused', () => {
    const scanner = new RecordingScanner(1000);
    scanner.stopAt = 14;
    assert.equal(scanner.scan(Buffer.from([0xc0, 0x00, 0xe0, 0x02, 0x00, 0x00, 0xc0, 0x00])), 'stopped');
    assert.equal(scanner.offset, 4);
  });
});

function packetOf(firstByte: number, length: number): Buffer {
  const header = [firstByte];
  let left = length;
  do {
    header.push((left % 128) + (left > 127 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xa5)]);
}

function* chunksOf(bytes: Buffer, sizes: Iterable<number>): Generator<Buffer> {
  let offset = 0;
  for (const size of sizes) {
    if (offset >= bytes.length) return;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}
