/** What hostile packets cost the pure answer path, kind by kind; fails above the bound. See bench/README.md. */
import { parseArgs } from 'node:util';
import { type HostileKind, hostileKinds } from '../../test/dns/hostile-kinds.ts';
import { createHostileWorld, type HostileWorld } from './hostile-world.ts';

interface Cost {
  readonly kind: string;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const usage = `usage: npm run bench:hostile -- [options]
  --packets N      of each kind and round (default 10000)
  --rounds N       the least of them counts for each packet: what else the machine does is not the packet's (default 4)
  --bound N        microseconds at p99.9 (default 200)
  --kind TEXT      only kinds whose name contains it
  --json           one JSON object instead of the table`;

/** More than a second's budget has: most packets meet an empty one, and one in ten buys a signature. */
const packetsPerSecond = 5_000;
const signaturesPerSecond = 500;
const beganAtMs = 1_764_000_000_000;

try {
  process.exitCode = runHostile(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError && 'code' in error) console.error(usage);
  process.exitCode = 1;
}

/** The exit code: 1 when a kind is above the bound. */
function runHostile(commandLine: readonly string[]): number {
  const { packets, rounds, bound, kind, json } = parseHostileOptions(commandLine);
  const kinds = Object.entries(hostileKinds).filter(([name]) => name.includes(kind));
  const costs = kinds.map(([name, messageOf]) => costOf(name, messageOf, { packets, rounds }));
  const above = costs.filter(({ p999 }) => p999 > bound);
  console.log(
    json
      ? JSON.stringify({ boundUs: bound, costs, above: above.map(({ kind: name }) => name) }, null, 2)
      : table(costs),
  );
  for (const { kind: name, p999 } of above) console.error(`${name}: ${p999.toFixed(0)} µs at p99.9, above ${bound} µs`);
  return above.length > 0 || costs.length === 0 ? 1 : 0;
}

function parseHostileOptions(commandLine: readonly string[]) {
  const { values } = parseArgs({
    args: [...commandLine],
    options: {
      packets: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '4' },
      bound: { type: 'string', default: '200' },
      kind: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  });
  const count = (name: 'packets' | 'rounds' | 'bound') => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${name}: expected a number from 1 up, got ${values[name]}\n${usage}`);
    return value;
  };
  return {
    packets: count('packets'),
    rounds: count('rounds'),
    bound: count('bound'),
    kind: values.kind,
    json: values.json,
  };
}

/**
 * Every round meets a responder and a signer that have seen nothing, and asks the same: what a packet costs is the least of
 * its rounds. What else the machine does meets another packet in each; what an answer costs the first time is in all.
 */
function costOf(
  kind: string,
  messageOf: HostileKind,
  { packets, rounds }: { readonly packets: number; readonly rounds: number },
): Cost {
  const messages = Array.from({ length: packets }, (_, index) => messageOf(index));
  const least = new Float64Array(packets).fill(Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round += 1) {
    const spentUs = feed(createHostileWorld(signaturesPerSecond), messages);
    for (let index = 0; index < packets; index += 1) {
      least[index] = Math.min(least[index] ?? 0, spentUs[index] ?? 0);
    }
  }
  return percentiles(kind, least.sort());
}

function feed({ respond, source }: HostileWorld, messages: readonly Buffer[]): Float64Array {
  const spentUs = new Float64Array(messages.length);
  for (const [index, message] of messages.entries()) {
    const nowMs = beganAtMs + (1_000 * index) / packetsPerSecond;
    // TCP: nothing is cut short or held back, so that whole answers are written.
    const asker = {
      address: Buffer.of(10, index >> 16, index >> 8, index),
      transport: index % 4 === 0 ? 'udp' : 'tcp',
    } as const;
    const beganMs = performance.now();
    respond(message, asker, nowMs, source);
    spentUs[index] = 1_000 * (performance.now() - beganMs);
  }
  return spentUs;
}

function percentiles(kind: string, sorted: Float64Array): Cost {
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { kind, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

function table(costs: readonly Cost[]): string {
  const width = Math.max(...costs.map(({ kind }) => kind.length));
  const row = (kind: string, cells: readonly string[]) =>
    `${kind.padEnd(width)}  ${cells.map((cell) => cell.padStart(8)).join('')}`;
  return [
    row('µs', ['p50', 'p99', 'p99.9', 'max']),
    ...costs.map(({ kind, p50, p99, p999, max }) =>
      row(
        kind,
        [p50, p99, p999, max].map((us) => us.toFixed(1)),
      ),
    ),
  ].join('\n');
}
