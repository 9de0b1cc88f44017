import { parseArgs } from 'node:util';

/** `static`: names of the zone file. `split`: one name, steered by who asks. `cohort`: names of devices. */
export const jobNames = ['static', 'split', 'cohort'] as const;
export type JobName = (typeof jobNames)[number];

export interface BenchOptions {
  readonly jobs: readonly JobName[];
  readonly rounds: number;
  /** Length of a turn. */
  readonly seconds: number;
  readonly json: boolean;
  /** The servers to run, by name; absent: all. */
  readonly servers?: readonly string[];
  /** Writes a CPU profile of Crossfade, and runs nothing else. */
  readonly profile: boolean;
  /** Changes the plan and loads the zone again under full load, and measures nothing. */
  readonly changes: boolean;
}

export const usage = `usage: npm run bench:dns -- [options]
  --quick          a smoke run (one round, turns of a second); its figures mean nothing
  --job JOB        static | split | cohort; may be repeated
  --server NAME    crossfade | bare | powerdns | gdnsd | knot | dns2; may be repeated
  --rounds N       rounds, each with a turn of every server (default 3)
  --seconds N      length of a turn (default 3)
  --changes        no figures: the plan changes and the zone is loaded again under full load; fails when a query is lost
  --profile        a CPU profile of Crossfade alone, to var/bench/
  --json           one JSON object instead of the table`;

/** The options that the command line asks for; throws with the usage on anything else. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      job: { type: 'string', multiple: true },
      server: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      changes: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    jobs: values.job === undefined ? jobNames : values.job.map(parseJob),
    rounds: parseCount('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    seconds: parseCount('--seconds', values.seconds ?? (values.quick ? '1' : '3')),
    json: values.json,
    ...(values.server && { servers: values.server }),
    profile: values.profile,
    changes: values.changes,
  };
}

function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 60) throw new Error(`${option}: expected 1 to 60, got ${text}`);
  return count;
}

function parseJob(name: string): JobName {
  const job = jobNames.find((known) => known === name);
  if (job === undefined) throw new Error(`--job: expected ${jobNames.join(' | ')}, got ${name}`);
  return job;
}
