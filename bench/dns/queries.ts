import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { option, queryFor, uint16 } from '../../test/dns/query-bytes.ts';
import type { JobName } from './options.ts';

export const benchOrigin = 'bench.test';
export const hostCount = 1_000;
const deviceCount = 10_000;
const networkCount = 20_000;

/** The static part of the zone, which all servers load. */
export const staticZone = [
  `$ORIGIN ${benchOrigin}.`,
  '$TTL 60',
  `@ SOA ns.${benchOrigin}. hostmaster.${benchOrigin}. 1 7200 3600 1209600 60`,
  `@ NS ns.${benchOrigin}.`,
  'ns A 192.0.2.53',
  ...Array.from({ length: hostCount }, (_, host) => `host-${host} A 198.51.${host >> 8}.${host & 0xff}`),
  '',
].join('\n');

export const splitName = `front.${benchOrigin}`;
export const sides = ['192.0.2.1', '192.0.2.2'] as const;

/** Messages as dnsperf takes them with -B: each behind its length. All speak EDNS, and come with RD clear. */
export function writeQueries(directory: string): Readonly<Record<JobName, string>> {
  const files = {
    static: Array.from({ length: hostCount }, (_, host) => query(`host-${shuffled(host, hostCount)}.${benchOrigin}.`)),
    split: Array.from({ length: networkCount }, (_, network) => query(`${splitName}.`, subnet(network))),
    cohort: Array.from({ length: deviceCount }, (_, device) =>
      query(`device-${shuffled(device, deviceCount)}.d.${benchOrigin}.`),
    ),
  };
  const paths = Object.entries(files).map(([job, messages]) => {
    const path = join(directory, `${job}.queries`);
    writeFileSync(path, Buffer.concat(messages.flatMap((message) => [uint16(message.length), message])));
    return [job, path] as const;
  });
  return Object.fromEntries(paths) as Readonly<Record<JobName, string>>;
}

function query(name: string, ...options: readonly Uint8Array[]): Buffer {
  return queryFor(name, 1, { payload: 1_232, options }, { flags: 0 });
}

/** A client subnet of its own /24 for each number. */
function subnet(network: number): Buffer {
  return option(8, Buffer.of(0, 1, 24, 0, 10, network >> 8, network & 0xff));
}

/** Every number once, far from its neighbours. */
function shuffled(index: number, count: number): number {
  return (index * 7_919) % count;
}
