import { parseArgs } from 'node:util';

export const jobNames = ['near', 'far', 'lag'] as const;
export type JobName = (typeof jobNames)[number];

export interface BridgeBenchOptions {
  readonly jobs: readonly JobName[];
  /** By name; absent: all. */
  readonly bridges?: readonly string[];
  readonly rounds: number;
  readonly json: boolean;
  /** Where Crossfade's process writes a CPU profile when it ends; absent: none. */
  readonly profileTo?: string;
  readonly sizes: JobSizes;
}

/** How much of each job is done. Times in milliseconds. */
export interface JobSizes {
  readonly warmUpMs: number;
  readonly turnMs: number;
  readonly keys: number;
  /** Messages that are published and not heard, near and far. */
  readonly ahead: number;
  readonly farAhead: number;
  /** Between the bridge and a far target, each way. */
  readonly farDelayUs: number;
  /** Messages a second where lag is measured. */
  readonly lagRate: number;
}

const fullSizes: JobSizes = {
  warmUpMs: 3_000,
  turnMs: 3_000,
  keys: 100,
  ahead: 1_000,
  farAhead: 4_000,
  farDelayUs: 10_000,
  lagRate: 1_000,
};

export const usage = `usage: npm run bench:bridge -- [options]
  --quick          a small smoke run (one round); its figures mean nothing
  --only JOB       near | far | lag; may be repeated
  --bridge NAME    mosquitto | one-lane | keyed | parallel; may be repeated
  --rounds N       rounds, a turn of every bridge in each (default 5)
  --profile        Crossfade's CPU profiles, in var/bench/
  --json           one JSON object instead of the table`;

/** The options that the command line asks for; throws with the usage on anything else. */
export function parseBenchOptions(args: readonly string[], profileDirectory: string): BridgeBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      bridge: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 50) {
    throw new Error(`--rounds: expected 1 to 50, got ${values.rounds}`);
  }
  return {
    jobs: values.only === undefined ? jobNames : values.only.map(parseJob),
    ...(values.bridge && { bridges: values.bridge }),
    ...(values.profile && { profileTo: profileDirectory }),
    rounds,
    json: values.json,
    sizes: values.quick ? { ...fullSizes, warmUpMs: 300, turnMs: 700 } : fullSizes,
  };
}

function parseJob(name: string): JobName {
  const job = jobNames.find((known) => known === name);
  if (job === undefined) throw new Error(`--only: expected ${jobNames.join(' | ')}, got ${name}`);
  return job;
}
