/** Side by side: the same jobs through HAProxy, a bare Node relay and Crossfade, alternating. See bench/README.md. */
import { bare, bareFull } from './bare.ts';
import type { Contender } from './contender.ts';
import { crossfade } from './crossfade.ts';
import { haproxy } from './haproxy.ts';
import { type Figures, runJob } from './jobs.ts';
import { type BenchOptions, type JobName, parseBenchOptions, usage } from './options.ts';
import { renderReport, toJson } from './report.ts';
import { openFileLimit, openWorld, type World } from './world.ts';

const allContenders: readonly Contender[] = [haproxy, bare, bareFull, crossfade];

/** The devices straight at a broker: what a proxy's latency is counted above. */
const direct: Contender = {
  name: 'direct',
  label: 'direct',
  describe: () => 'the devices connected to a broker without a proxy',
  start: async (world) => ({
    port: world.brokerPorts[0] ?? 0,
    processes: { all: [], workers: [] },
    stop: async () => undefined,
  }),
};

try {
  await main(parseBenchOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError && 'code' in error) console.error(usage);
  process.exitCode = 1;
}

async function main(options: BenchOptions): Promise<void> {
  const contenders = chooseContenders(options);
  const needed = 2 * Math.max(...options.sizes.memoryDevices) + 200;
  if (options.jobs.includes('memory') && openFileLimit() < needed) {
    throw new Error(
      `The memory job needs ${needed} open files in one process, and the hard limit is ${openFileLimit()}`,
    );
  }
  const world = await openWorld({ mutualUpstream: options.mutualUpstream });
  try {
    const samples = await runRounds(contenders, options, world);
    console.log(
      options.json
        ? JSON.stringify(toJson(samples, contenders, options, world), null, 2)
        : renderReport(samples, contenders, options, world),
    );
  } finally {
    await world.close();
  }
}

function chooseContenders(options: BenchOptions): readonly Contender[] {
  for (const name of options.proxies ?? []) {
    if (!allContenders.some((proxy) => proxy.name === name)) {
      throw new Error(`--proxy: expected ${allContenders.map((proxy) => proxy.name).join(' | ')}, got ${name}`);
    }
  }
  return allContenders.filter((proxy) => options.proxies?.includes(proxy.name) ?? true);
}

async function runRounds(contenders: readonly Contender[], options: BenchOptions, world: World) {
  const samples = new Map<string, Figures[]>(contenders.map((proxy) => [proxy.name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const job of options.jobs) {
      const baseline = job === 'latency' ? await runJob(job, direct, world, options.sizes) : {};
      for (const proxy of rotated(contenders, round)) {
        if (proxy === bareFull && job !== 'connect') continue;
        console.error(`round ${round + 1} of ${options.rounds}: ${job} through ${proxy.label}`);
        samples.get(proxy.name)?.push(aboveBaseline(job, await runJob(job, proxy, world, options.sizes), baseline));
      }
    }
  }
  return samples;
}

/** Another proxy goes first in every round, so that no one always meets the warmer or the quieter machine. */
function rotated(contenders: readonly Contender[], round: number): readonly Contender[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

function aboveBaseline(job: JobName, figures: Figures, baseline: Figures): Figures {
  if (job !== 'latency') return figures;
  const above = (name: string) => (figures[name] ?? Number.NaN) - (baseline[name] ?? Number.NaN);
  return { ...figures, 'latency/added-p50': above('latency/p50'), 'latency/added-p99': above('latency/p99') };
}
