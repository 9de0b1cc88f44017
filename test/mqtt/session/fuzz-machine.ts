import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import { mutate, randomOf } from '../mutation.ts';
import { anyPacketOf, anySetting, recordedMachine } from './machine-input.ts';

/** Inputs that one machine gets at most; most end it sooner. */
const inputsPerMachine = 60;

/**
 * Feeds `count` mutated packets to both legs of machines of every setting, in chunks of any size and with time passing.
 * Throws what a machine throws; gives the longest that one input took, in milliseconds.
 */
export function fuzzMachines(count: number, seed: number): number {
  const random = randomOf(seed);
  let slowestMs = 0;
  for (let fed = 0; fed < count; ) {
    const setting = anySetting(random);
    const { machine, effects } = recordedMachine(setting, false);
    for (let left = inputsPerMachine, nowMs = 0; left > 0 && fed < count && !machine.isEnded; left -= 1) {
      const side = random() < 0.5 ? 'device' : 'broker';
      const protocol = side === 'device' ? setting.device.protocol : setting.upstream.protocol;
      const packet = anyPacketOf(side, protocol, random);
      const bytes = random() < 0.4 ? packet : mutate(packet.subarray(0, 600), random);
      const startMs = performance.now();
      feed({ machine, side, bytes: Buffer.concat([bytes]), cut: 1 + Math.floor(random() * bytes.length * 2), nowMs });
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      nowMs += random() < 0.05 ? 1_000 : 0;
      fed += 1;
      effects.toDevice.length = 0;
      effects.toBroker.length = 0;
      effects.said.length = 0;
    }
  }
  return slowestMs;
}

function feed(input: {
  readonly machine: ReturnType<typeof recordedMachine>['machine'];
  readonly side: 'device' | 'broker';
  readonly bytes: Buffer;
  readonly cut: number;
  readonly nowMs: number;
}): void {
  const { machine, side, bytes, cut, nowMs } = input;
  for (let at = 0; at < bytes.length; at += cut) {
    const chunk = Buffer.from(bytes.subarray(at, at + cut));
    if (side === 'device') machine.handleDeviceData(chunk, nowMs);
    else machine.handleBrokerData(chunk, nowMs, firstLeg);
  }
  if (machine.nextDeadlineMs() <= nowMs) machine.handleTick(nowMs);
}

/** `node test/mqtt/session/fuzz-machine.ts COUNT [SEED]` */
if (import.meta.main) {
  const count = Number(process.argv[2] ?? 1_000_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
  console.log(`seed ${seed}`);
  const before = process.memoryUsage().rss;
  const startMs = performance.now();
  const slowestMs = fuzzMachines(count, seed);
  const seconds = (performance.now() - startMs) / 1_000;
  const grownMiB = (process.memoryUsage().rss - before) / 1_048_576;
  console.log(
    `${count} inputs in ${seconds.toFixed(1)} s, slowest ${slowestMs.toFixed(1)} ms, grown by ${grownMiB.toFixed(0)} MiB`,
  );
}
