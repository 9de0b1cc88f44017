import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, RunningContender } from './contender.ts';
import type { LineProcess } from './line-process.ts';
import { type Measurement, measure, obey, startDevices } from './measure.ts';
import type { JobName, JobSizes } from './options.ts';
import { residence } from './process-usage.ts';
import type { World } from './world.ts';

/** Figures by metric name; the names are those of `metricsOf` in report.ts. */
export type Figures = Readonly<Record<string, number>>;

/** One contender with devices of its own, ready for slices of a job. */
export interface Stand {
  readonly contender: Contender;
  readonly running: RunningContender;
  readonly devices: LineProcess;
}

/** A job that is done in short slices, so that contenders can take turns every few seconds. */
export interface SlicedJob {
  /** What the commands to the devices are before the first slice. */
  readonly setUp: readonly string[];
  readonly slice: string;
  readonly slices: number;
  toFigures(done: Measurement): Figures;
}

export function slicedJobs(name: JobName, sizes: JobSizes): readonly SlicedJob[] {
  const { concurrency, slices } = sizes;
  if (name === 'connect') {
    const storm = `storm ${sizes.connects} ${concurrency}`;
    return [
      { setUp: [`storm ${sizes.warmUpConnects} ${concurrency}`], slice: storm, slices, toFigures: connectFigures },
    ];
  }
  if (name === 'latency') {
    const pace = (ms: number) => `pace ${sizes.latencyRate} ${ms}`;
    const setUp = [`open ${sizes.latencyDevices} ${concurrency}`, pace(sizes.warmUpMs)];
    return [{ setUp, slice: pace(sizes.latencyMs), slices, toFigures: latencyFigures }];
  }
  if (name === 'message') {
    return sizes.inFlight.map((inFlight) => ({
      setUp: [`open ${sizes.messageDevices} ${concurrency}`, `publish ${inFlight} ${sizes.warmUpMs}`],
      slice: `publish ${inFlight} ${sizes.messageMs}`,
      slices,
      toFigures: (done) => messageFigures(`message-${inFlight}`, done),
    }));
  }
  return [];
}

/** Starts the contender afresh with devices, gives both to `use`, and ends them. */
export async function withStand<T>(contender: Contender, world: World, use: (stand: Stand) => Promise<T>): Promise<T> {
  const running = await contender.start(world);
  const devices = startDevices(world, running.port);
  try {
    await devices.next('ready');
    return await use({ contender, running, devices });
  } finally {
    await devices.stop();
    await running.stop();
  }
}

export async function setUp({ devices, contender }: Stand, job: SlicedJob): Promise<void> {
  for (const command of job.setUp) await naming(contender, () => obey(devices, command));
}

export async function runSlice({ contender, running, devices }: Stand, job: SlicedJob, world: World): Promise<Figures> {
  return job.toFigures(await naming(contender, () => measure(world, devices, job.slice, running.processes)));
}

/** Resident memory per device above what the proxy held after a few connects that were over again. */
export async function runMemory({ contender, running, devices }: Stand, sizes: JobSizes): Promise<Figures> {
  const figures: Record<string, number> = {};
  const command = (text: string) => naming(contender, () => obey(devices, text));
  await command(`storm ${sizes.warmUpConnects} ${sizes.concurrency}`);
  await delay(sizes.settleMs);
  const idle = residence(running.processes.all);
  figures['memory/idle'] = idle.rssKb / 1_024;
  for (const count of sizes.memoryDevices) {
    await command(`open ${count} ${sizes.concurrency}`);
    await delay(sizes.settleMs);
    const held = residence(running.processes.all);
    figures[`memory-${count}/rss`] = (held.rssKb - idle.rssKb) / count;
    figures[`memory-${count}/pss`] = (held.pssKb - idle.pssKb) / count;
  }
  await command('close');
  return figures;
}

function connectFigures(done: Measurement): Figures {
  return {
    ...costs('connect', done),
    'connect/upstream-resumed': done.upstreamResumed / Math.max(1, done.upstreamHandshakes),
  };
}

function messageFigures(name: string, done: Measurement): Figures {
  return costs(name, done);
}

function latencyFigures(done: Measurement): Figures {
  return { ...costs('latency', done), 'latency/p50': done.p50Us, 'latency/p99': done.p99Us };
}

/** Microseconds for each, and the cores kept busy: by the proxy, devices and brokers, others, and the hypervisor. */
function costs(name: string, done: Measurement): Figures {
  return {
    [`${name}/cpu`]: (done.proxyCpuMs * 1_000) / done.count,
    [`${name}/worker-cpu`]: (done.workerCpuMs * 1_000) / done.count,
    [`${name}/rate`]: (done.count * 1_000) / done.elapsedMs,
    [`${name}/proxy-busy`]: done.proxyCpuMs / done.elapsedMs,
    [`${name}/peers-busy`]: done.peerCpuMs / done.elapsedMs,
    [`${name}/others-busy`]: done.othersCpuMs / done.elapsedMs,
    [`${name}/stolen`]: done.stolenMs / done.elapsedMs,
  };
}

async function naming<T>(contender: Contender, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new Error(`${contender.label}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
