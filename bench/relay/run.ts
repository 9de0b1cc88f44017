/** Side by side: the same jobs through HAProxy, a bare Node relay and Crossfade, alternating. See bench/README.md. */
import { bare, bareFull } from './bare.ts';
import type { Contender } from './contender.ts';
import { crossfade } from './crossfade.ts';
import { haproxy } from './haproxy.ts';
import { type Figures, runMemory, runSlice, type SlicedJob, type Stand, setUp, slicedJobs, withStand } from './jobs.ts';
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
  const samples: SampleLists = new Map([direct, ...contenders].map((contender) => [contender.name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const name of options.jobs) {
      console.error(`round ${round + 1} of ${options.rounds}: ${name}`);
      for (const job of slicedJobs(name, options.sizes)) {
        await takeTurns(job, entrants(name, contenders), world, samples);
      }
      if (name === 'memory') {
        for (const contender of rotated(entrants(name, contenders), round)) {
          const figures = await withStand(contender, world, (stand) => runMemory(stand, options.sizes));
          samples.get(contender.name)?.push(figures);
        }
      }
    }
  }
  return samples;
}

type SampleLists = Map<string, Figures[]>;

function entrants(job: JobName, contenders: readonly Contender[]): readonly Contender[] {
  if (job === 'connect') return contenders;
  const others = contenders.filter((contender) => contender !== bareFull);
  return job === 'latency' ? [direct, ...others] : others;
}

/** All contenders stand ready together and do one slice after the other in turn; whoever waits is silent. */
async function takeTurns(job: SlicedJob, contenders: readonly Contender[], world: World, samples: SampleLists) {
  await withStands(contenders, world, async (stands) => {
    for (const stand of stands) await setUp(stand, job);
    for (let slice = 0; slice < job.slices; slice++) {
      for (const stand of rotated(stands, slice)) {
        samples.get(stand.contender.name)?.push(await runSlice(stand, job, world));
      }
    }
  });
}

async function withStands(
  contenders: readonly Contender[],
  world: World,
  use: (stands: readonly Stand[]) => Promise<void>,
  stands: readonly Stand[] = [],
): Promise<void> {
  const [next, ...rest] = contenders;
  if (next === undefined) return use(stands);
  await withStand(next, world, (stand) => withStands(rest, world, use, [...stands, stand]));
}

/** Another one goes first every time, so that no one always meets the warmer or the quieter machine. */
function rotated<T>(items: readonly T[], turn: number): readonly T[] {
  const first = turn % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
