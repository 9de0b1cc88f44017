/** Side by side: the same job through Mosquitto's own bridge and through Crossfade's, alternating. See bench/README.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineProcess } from '../relay/line-process.ts';
import type { Contender, Place } from './contender.ts';
import { keyed, oneLane, parallel } from './crossfade.ts';
import { type Measurement, measure, obey, type Stand } from './measure.ts';
import { mosquitto } from './mosquitto.ts';
import { type BridgeBenchOptions, type JobName, type JobSizes, parseBenchOptions, usage } from './options.ts';
import { duplicatesIn, renderReport, toJson } from './report.ts';

const allContenders: readonly Contender[] = [mosquitto, oneLane, keyed, parallel];
const toolDirectory = join(import.meta.dirname, '../../var/bench');

try {
  await main(parseBenchOptions(process.argv.slice(2), toolDirectory));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError && 'code' in error) console.error(usage);
  process.exitCode = 1;
}

async function main(options: BridgeBenchOptions): Promise<void> {
  const contenders = chooseContenders(options);
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const tools = { load: compiled('load'), distance: compiled('distance') };
  const samples = new Map<JobName, ReadonlyMap<string, readonly Measurement[]>>();
  for (const job of options.jobs) {
    const delayUs = job === 'far' ? options.sizes.farDelayUs : 0;
    samples.set(job, await runJob(job, contenders, { tools, directory, delayUs, options }));
  }
  console.log(
    options.json
      ? JSON.stringify(toJson(samples, contenders, options), null, 2)
      : renderReport(samples, contenders, options),
  );
  if (duplicatesIn(samples) > 0) process.exitCode = 1;
}

function chooseContenders({ bridges }: BridgeBenchOptions): readonly Contender[] {
  for (const name of bridges ?? []) {
    if (!allContenders.some((contender) => contender.name === name)) {
      throw new Error(
        `--bridge: expected ${allContenders.map((contender) => contender.name).join(' | ')}, got ${name}`,
      );
    }
  }
  return allContenders.filter((contender) => bridges?.includes(contender.name) ?? true);
}

/** All contenders stand ready together and take turns; whoever waits is silent. */
async function runJob(job: JobName, contenders: readonly Contender[], place: Place) {
  const { sizes, rounds } = place.options;
  const samples = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  const stands: Stand[] = [];
  try {
    for (const contender of contenders) stands.push(await standReady(contender, place));
    for (const stand of stands) {
      await obey(stand, 'probe');
      // At full speed whatever the job is: a bridge that has run for a day is compiled.
      await obey(stand, `saturate ${sizes.ahead} ${sizes.warmUpMs}`);
      await obey(stand, commandOf(job, sizes, sizes.warmUpMs));
    }
    for (let round = 0; round < rounds; round++) {
      console.error(`${job}: round ${round + 1} of ${rounds}`);
      for (const stand of rotated(stands, round)) {
        samples.get(stand.contender.name)?.push(await measure(stand, commandOf(job, sizes, sizes.turnMs)));
      }
    }
  } finally {
    for (const { load, running } of stands) {
      await load.stop();
      await running.stop();
    }
  }
  return samples;
}

function commandOf(job: JobName, sizes: JobSizes, ms: number): string {
  if (job === 'lag') return `pace ${sizes.lagRate} ${ms}`;
  return `saturate ${job === 'far' ? sizes.farAhead : sizes.ahead} ${ms}`;
}

async function standReady(contender: Contender, place: Place): Promise<Stand> {
  const running = await contender.start(place);
  const ports = ['--source', String(running.source.port), '--target', String(running.target.port)];
  const load = new LineProcess({
    command: place.tools.load,
    args: [...ports, '--keys', String(place.options.sizes.keys)],
  });
  await load.next('ready');
  return { contender, running, load };
}

/** Another one goes first every time, so that no one always meets the warmer or the quieter machine. */
function rotated<T>(items: readonly T[], turn: number): readonly T[] {
  const first = turn % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/** The program of a C source beside this file, compiled into var/bench/ where the source is newer. */
function compiled(name: string): string {
  mkdirSync(toolDirectory, { recursive: true });
  const source = join(import.meta.dirname, `${name}.c`);
  const header = join(import.meta.dirname, '../relay/wire.h');
  const program = join(toolDirectory, `bridge-${name}`);
  const newest = Math.max(statSync(source).mtimeMs, statSync(header).mtimeMs);
  if (!existsSync(program) || statSync(program).mtimeMs < newest) {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Wno-unused-function', '-o', program, source, '-lcrypto', '-lm']);
  }
  return program;
}
