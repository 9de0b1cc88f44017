import { parseArgs } from 'node:util';

export const jobNames = ['connect', 'message', 'latency', 'memory'] as const;
export type JobName = (typeof jobNames)[number];

export interface BenchOptions {
  readonly jobs: readonly JobName[];
  readonly rounds: number;
  readonly json: boolean;
  /** The proxies to run, by name; absent: all. */
  readonly proxies?: readonly string[];
  /** Whether the brokers demand a client certificate of the proxy, too. */
  readonly mutualUpstream: boolean;
  readonly sizes: JobSizes;
}

/** How much of each job is done. Times in milliseconds. */
export interface JobSizes {
  /** Turns that each proxy gets in each round of a job. */
  readonly slices: number;
  readonly warmUpConnects: number;
  readonly connects: number;
  /** Handshakes that the devices keep unfinished at a time. */
  readonly concurrency: number;
  readonly messageDevices: number;
  readonly inFlight: readonly number[];
  readonly warmUpMs: number;
  readonly messageMs: number;
  readonly latencyDevices: number;
  readonly latencyRate: number;
  readonly latencyMs: number;
  readonly memoryDevices: readonly number[];
  readonly settleMs: number;
}

const fullSizes: JobSizes = {
  slices: 5,
  warmUpConnects: 500,
  connects: 800,
  concurrency: 32,
  messageDevices: 200,
  inFlight: [1, 4],
  warmUpMs: 3_000,
  messageMs: 2_000,
  latencyDevices: 100,
  latencyRate: 1_000,
  latencyMs: 2_000,
  memoryDevices: [2_000, 5_000],
  settleMs: 5_000,
};

const quickSizes: JobSizes = {
  ...fullSizes,
  slices: 2,
  warmUpConnects: 100,
  connects: 150,
  messageDevices: 50,
  warmUpMs: 500,
  messageMs: 1_000,
  latencyRate: 500,
  latencyMs: 1_000,
  memoryDevices: [200, 500],
  settleMs: 1_000,
};

export const usage = `usage: npm run bench:relay -- [options]
  --quick              a small smoke run (one round); its figures mean nothing
  --only JOB           connect | message | latency | memory; may be repeated
  --proxy NAME         haproxy | bare | bare-full | crossfade; may be repeated
  --rounds N           rounds, each through every proxy (default 3)
  --mutual-upstream    the brokers demand a client certificate of the proxy
  --json               one JSON object instead of the table`;

/** The options that the command line asks for; throws with the usage on anything else. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      proxy: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      'mutual-upstream': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 50) {
    throw new Error(`--rounds: expected 1 to 50, got ${values.rounds}`);
  }
  return {
    jobs: values.only === undefined ? jobNames : values.only.map(parseJob),
    rounds,
    json: values.json,
    ...(values.proxy && { proxies: values.proxy }),
    mutualUpstream: values['mutual-upstream'],
    sizes: values.quick ? quickSizes : fullSizes,
  };
}

function parseJob(name: string): JobName {
  const job = jobNames.find((known) => known === name);
  if (job === undefined) throw new Error(`--only: expected ${jobNames.join(' | ')}, got ${name}`);
  return job;
}
