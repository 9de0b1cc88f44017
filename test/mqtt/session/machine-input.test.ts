import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { maxHeldBytes } from '../../../src/mqtt/held-packets.ts';
import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import { mutate, randomOf } from '../mutation.ts';
import { fuzzMachines } from './fuzz-machine.ts';
import { anyPacketOf, anySetting, type Effects, recordedMachine } from './machine-input.ts';
import { publishBytes } from './model-packets.ts';
import { SessionScript } from './session-script.ts';

interface Event {
  readonly side: 'device' | 'broker';
  readonly bytes: Buffer;
}

/**
 * Packets of both sides in turn, one event one or more packets; the last may be malformed. Identifiers of PUBLISH are never
 * used again: one that waits for its own to be free goes on at the end of a chunk, whatever else lies in it.
 */
function anyEvents(seed: number): {
  readonly setting: ReturnType<typeof anySetting>;
  readonly events: readonly Event[];
} {
  const random = randomOf(seed);
  const setting = anySetting(random);
  let publishId = 0;
  const events = Array.from({ length: 1 + Math.floor(random() * 12) }, (): Event => {
    const side = random() < 0.6 ? 'device' : 'broker';
    const protocol = side === 'device' ? setting.device.protocol : setting.upstream.protocol;
    const packets = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      publishId += 1;
      return anyPacketOf(side, protocol, random, publishId);
    });
    return { side, bytes: Buffer.concat(packets) };
  });
  if (random() < 0.5) {
    const packet = anyPacketOf('device', setting.device.protocol, random, publishId + 1);
    events.push({ side: 'device', bytes: mutate(packet.subarray(0, 600), random) });
  }
  return { setting, events };
}

function effectsOf(seed: number, size: number): Effects {
  const { setting, events } = anyEvents(seed);
  const { machine, effects } = recordedMachine(setting, true);
  for (const { side, bytes } of events) {
    // A PUBLISH above 64 KiB would take its time byte by byte.
    const piece = bytes.length > 20_000 ? Math.max(size, 997) : size;
    for (let at = 0; at < bytes.length; at += piece) {
      const chunk = Buffer.from(bytes.subarray(at, at + piece));
      if (side === 'device') machine.handleDeviceData(chunk, 0);
      else machine.handleBrokerData(chunk, 0, firstLeg);
    }
  }
  return effects;
}

function assertSame(seed: number, size: number): void {
  const whole = effectsOf(seed, Number.MAX_SAFE_INTEGER);
  const cut = effectsOf(seed, size);
  assert.deepEqual(Buffer.concat(cut.toDevice), Buffer.concat(whole.toDevice));
  assert.deepEqual(Buffer.concat(cut.toBroker), Buffer.concat(whole.toBroker));
  assert.deepEqual(cut.said, whole.said);
}

describe('bytes into the session machine', () => {
  test('one at a time have the same effects as in one buffer', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (seed) => assertSame(seed, 1)),
      { numRuns: 1_500 },
    );
  });

  test('in pieces of any size have the same effects as in one buffer', () => {
    const anyPiece = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 2, max: 200 }));
    fc.assert(
      fc.property(anyPiece, ([seed, size]) => assertSame(seed, size)),
      { numRuns: 3_000 },
    );
  });

  test('mutated, 100 000 times, neither throw nor hang nor make memory grow', (context) => {
    const seed = Date.now() % 1_000_000_000;
    context.diagnostic(`seed ${seed}`);
    fuzzMachines(20_000, seed);
    const before = process.memoryUsage();
    const slowestMs = fuzzMachines(100_000, seed + 1);
    const after = process.memoryUsage();
    assert.ok(slowestMs < 2_000, `one input took ${slowestMs} ms`);
    const grown = after.heapUsed + after.external - before.heapUsed - before.external;
    assert.ok(grown < 128 * 1_048_576, `grew by ${grown} bytes`);
  });
});

describe('what the machine keeps is bounded', () => {
  for (const [side, line] of [
    ['device', 'session device=3.1.1 broker=5 broker-window=2'],
    ['broker', 'session device=5 broker=3.1.1 device-window=2'],
  ] as const) {
    test(`when the ${side} sends without end and nobody acknowledges`, () => {
      const script = new SessionScript();
      script.play(line);
      let takenBytes = 0;
      for (let id = 1; id < 60_000 && !script.lines.includes(`  reads no more of the ${side}`); id += 1) {
        const payload = Buffer.alloc(3_000);
        const packet = publishBytes('3.1.1', { qos: 1, id, topic: 't', payload });
        takenBytes += packet.length;
        if (side === 'device') script.machine.handleDeviceData(packet, 0);
        else script.machine.handleBrokerData(packet, 0, firstLeg);
      }
      assert.ok(takenBytes <= maxHeldBytes + 4 * 3_010, `${takenBytes} bytes were taken`);
    });
  }
});
