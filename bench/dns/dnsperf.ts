import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuMs } from '../relay/process-usage.ts';

export interface LoadResult {
  readonly completed: number;
  readonly lost: number;
  readonly queriesPerSecond: number;
  readonly averageLatencyMs: number;
  /** Answers by rcode. */
  readonly rcodes: Readonly<Record<string, number>>;
  /** CPU that the load itself took. */
  readonly loadCpuMs: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly queries: string;
  readonly seconds: number;
  readonly core: number;
}

const run = promisify(execFile);
/** Fewer than a socket's buffer takes, so that what is lost is not the load's own fault. */
const outstanding = 100;
const clients = 8;

/** Full load on 127.0.0.1 from one thread. */
export async function runLoad({ port, queries, seconds, core }: LoadOptions): Promise<LoadResult> {
  const load = ['-s', '127.0.0.1', '-p', String(port), '-B', '-d', queries, '-l', String(seconds), '-T', '1'];
  const shape = ['-q', String(outstanding), '-c', String(clients), '-t', '2'];
  const running = run('taskset', ['-c', String(core), 'dnsperf', ...load, ...shape]);
  const { pid } = running.child;
  let loadCpuMs = 0;
  // What a process used is gone with it; the last look is near enough.
  const timer = setInterval(() => {
    loadCpuMs = Math.max(loadCpuMs, cpuMs(pid === undefined ? [] : [pid]));
  }, lookEveryMs);
  try {
    const { stdout } = await running;
    return { ...parseOutput(stdout), loadCpuMs };
  } finally {
    clearInterval(timer);
  }
}

const lookEveryMs = 50;

function parseOutput(text: string): Omit<LoadResult, 'loadCpuMs'> {
  const figure = (pattern: RegExp) => {
    const value = Number(pattern.exec(text)?.[1]);
    if (!Number.isFinite(value)) throw new Error(`dnsperf printed no ${pattern}:\n${text}`);
    return value;
  };
  const codes = /Response codes:\s+(.*)/.exec(text)?.[1] ?? '';
  return {
    completed: figure(/Queries completed:\s+(\d+)/),
    lost: figure(/Queries lost:\s+(\d+)/),
    queriesPerSecond: figure(/Queries per second:\s+([\d.]+)/),
    averageLatencyMs: 1_000 * figure(/Average Latency \(s\):\s+([\d.]+)/),
    rcodes: Object.fromEntries([...codes.matchAll(/(\w+) (\d+)/g)].map(([, code, count]) => [code, Number(count)])),
  };
}

export function dnsperfVersion(): string {
  const { stdout, stderr } = spawnSync('dnsperf', ['-h'], { encoding: 'utf8' });
  return /Version (\S+)/.exec(stdout + stderr)?.[1] ?? 'unknown';
}
