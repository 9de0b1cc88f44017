import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, ContenderProcesses } from './contender.ts';
import type { LineProcess } from './line-process.ts';
import { type Measurement, measure, obey, startDevices } from './measure.ts';
import type { JobName, JobSizes } from './options.ts';
import { residence } from './process-usage.ts';
import type { World } from './world.ts';

/** Figures by metric name; the names are those of `metrics` in report.ts. */
export type Figures = Readonly<Record<string, number>>;

interface JobContext {
  readonly world: World;
  readonly devices: LineProcess;
  readonly processes: ContenderProcesses;
  readonly sizes: JobSizes;
}

const jobs: Readonly<Record<JobName, (context: JobContext) => Promise<Figures>>> = {
  connect: runConnects,
  message: runMessages,
  latency: runLatency,
  memory: runMemory,
};

/** Starts the proxy afresh, does one job through it and ends it. */
export async function runJob(job: JobName, proxy: Contender, world: World, sizes: JobSizes): Promise<Figures> {
  const running = await proxy.start(world);
  const devices = startDevices(world, running.port);
  try {
    await devices.next('ready');
    return await jobs[job]({ world, devices, processes: running.processes, sizes });
  } catch (error) {
    throw new Error(`${proxy.label}, ${job}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    await devices.stop();
    await running.stop();
  }
}

async function runConnects({ world, devices, processes, sizes }: JobContext): Promise<Figures> {
  await obey(devices, `storm ${sizes.warmUpConnects} ${sizes.concurrency}`);
  const done = await measure(world, devices, `storm ${sizes.connects} ${sizes.concurrency}`, processes);
  return {
    'connect/cpu': (done.proxyCpuMs * 1_000) / done.count,
    'connect/worker-cpu': (done.workerCpuMs * 1_000) / done.count,
    'connect/rate': (done.count * 1_000) / done.elapsedMs,
    'connect/upstream-resumed': done.upstreamResumed / Math.max(1, done.upstreamHandshakes),
    ...shares('connect', done),
  };
}

async function runMessages({ world, devices, processes, sizes }: JobContext): Promise<Figures> {
  const figures: Record<string, number> = {};
  await obey(devices, `open ${sizes.messageDevices} ${sizes.concurrency}`);
  for (const inFlight of sizes.inFlight) {
    await obey(devices, `publish ${inFlight} ${sizes.warmUpMs}`);
    const done = await measure(world, devices, `publish ${inFlight} ${sizes.messageMs}`, processes);
    const name = `message-${inFlight}`;
    figures[`${name}/cpu`] = (done.proxyCpuMs * 1_000) / done.count;
    figures[`${name}/worker-cpu`] = (done.workerCpuMs * 1_000) / done.count;
    figures[`${name}/rate`] = (done.count * 1_000) / done.elapsedMs;
    Object.assign(figures, shares(name, done));
  }
  await obey(devices, 'close');
  return figures;
}

async function runLatency({ world, devices, processes, sizes }: JobContext): Promise<Figures> {
  await obey(devices, `open ${sizes.latencyDevices} ${sizes.concurrency}`);
  await obey(devices, `pace ${sizes.latencyRate} ${sizes.warmUpMs}`);
  const done = await measure(world, devices, `pace ${sizes.latencyRate} ${sizes.latencyMs}`, processes);
  await obey(devices, 'close');
  return { 'latency/p50': done.p50Us, 'latency/p99': done.p99Us, ...shares('latency', done) };
}

/** Resident memory per device above what the proxy held after a few connects that were over again. */
async function runMemory({ devices, processes, sizes }: JobContext): Promise<Figures> {
  const figures: Record<string, number> = {};
  await obey(devices, `storm ${sizes.warmUpConnects} ${sizes.concurrency}`);
  await delay(sizes.settleMs);
  const idle = residence(processes.all);
  figures['memory/idle'] = idle.rssKb / 1_024;
  for (const count of sizes.memoryDevices) {
    await obey(devices, `open ${count} ${sizes.concurrency}`);
    await delay(sizes.settleMs);
    const held = residence(processes.all);
    figures[`memory-${count}/rss`] = (held.rssKb - idle.rssKb) / count;
    figures[`memory-${count}/pss`] = (held.pssKb - idle.pssKb) / count;
  }
  await obey(devices, 'close');
  return figures;
}

/** Cores kept busy by the proxy, by the devices and brokers, by everybody else, and by nobody here: the hypervisor. */
function shares(name: string, done: Measurement): Figures {
  return {
    [`${name}/proxy-busy`]: done.proxyCpuMs / done.elapsedMs,
    [`${name}/peers-busy`]: done.peerCpuMs / done.elapsedMs,
    [`${name}/others-busy`]: done.othersCpuMs / done.elapsedMs,
    [`${name}/stolen`]: done.stolenMs / done.elapsedMs,
  };
}
