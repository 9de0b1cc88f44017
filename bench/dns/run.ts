/** Side by side: the same questions to Crossfade, PowerDNS, gdnsd, Knot and dns2, alternating. See bench/README.md. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMs, machineCpu } from '../relay/process-usage.ts';
import { bare } from './bare.ts';
import { type ChangesResult, complaintsAbout, loadUnderChanges } from './changes.ts';
import type { Contender, RunningContender, World } from './contender.ts';
import { crossfadeContender } from './crossfade.ts';
import { dns2 } from './dns2.ts';
import { runLoad } from './dnsperf.ts';
import { gdnsd } from './gdnsd.ts';
import { knot } from './knot.ts';
import { type BenchOptions, type JobName, parseBenchOptions, usage } from './options.ts';
import { powerdns } from './powerdns.ts';
import { writeQueries } from './queries.ts';
import { renderReport, type Turn, toJson } from './report.ts';

const warmUpSeconds = 1;

try {
  await main(parseBenchOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError && 'code' in error) console.error(usage);
  process.exitCode = 1;
}

async function main(options: BenchOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-dns-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const cores = availableParallelism();
  if (cores < 2) throw new Error('The benchmark needs two cores: one for the server, one for the load');
  const world = { directory, serverCore: 0, loadCore: 1 };
  const queries = writeQueries(directory);
  const contenders = chooseContenders(options);
  if (options.changes) return showChanges(options, { world, queries });
  const turns = await runRounds(contenders, options, { world, queries });
  console.log(
    options.json ? JSON.stringify(toJson(turns, contenders), null, 2) : renderReport(turns, contenders, options),
  );
}

function chooseContenders({ servers, profile }: BenchOptions): readonly Contender[] {
  if (profile) {
    const folder = join(import.meta.dirname, '../../var/bench');
    mkdirSync(folder, { recursive: true });
    console.error(`The profile goes to ${folder}`);
    return [crossfadeContender(folder)];
  }
  const all = [crossfadeContender(), bare, powerdns, gdnsd, knot, dns2];
  for (const name of servers ?? []) {
    if (!all.some((contender) => contender.name === name)) {
      throw new Error(`--server: expected ${all.map((contender) => contender.name).join(' | ')}, got ${name}`);
    }
  }
  return all.filter(({ name }) => servers?.includes(name) ?? true);
}

interface Stand {
  readonly contender: Contender;
  readonly running: RunningContender;
}

interface Setting {
  readonly world: World;
  readonly queries: Readonly<Record<JobName, string>>;
}

/** All servers stand ready together and take turns; whoever waits is silent. */
async function runRounds(
  contenders: readonly Contender[],
  options: BenchOptions,
  setting: Setting,
): Promise<readonly Turn[]> {
  const stands: Stand[] = [];
  const turns: Turn[] = [];
  try {
    for (const contender of contenders) stands.push({ contender, running: await contender.start(setting.world) });
    for (const job of options.jobs) {
      const entrants = stands.filter(({ contender }) => contender.jobs.includes(job));
      for (const { running } of entrants) await load(running, job, warmUpSeconds, setting);
      for (let round = 0; round < options.rounds; round += 1) {
        console.error(`${job}: round ${round + 1} of ${options.rounds}`);
        for (const stand of rotated(entrants, round)) {
          turns.push(await takeTurn(stand, { job, round, seconds: options.seconds }, setting));
        }
      }
    }
  } finally {
    for (const { running } of stands) await running.process.stop();
  }
  return turns;
}

async function takeTurn(
  { contender, running }: Stand,
  { job, round, seconds }: { job: JobName; round: number; seconds: number },
  setting: Setting,
): Promise<Turn> {
  const before = { cpuMs: cpuMs(running.pids), machine: machineCpu(), atMs: performance.now() };
  const result = await load(running, job, seconds, setting);
  const machine = machineCpu();
  const usedMs = cpuMs(running.pids) - before.cpuMs;
  const wallMs = performance.now() - before.atMs;
  return {
    ...result,
    contender: contender.name,
    job,
    round,
    cpuUsPerQuery: (1_000 * usedMs) / result.completed,
    busy: usedMs / wallMs,
    stolen: (machine.stolenMs - before.machine.stolenMs) / wallMs,
    others: (machine.busyMs - before.machine.busyMs - usedMs - result.loadCpuMs) / wallMs,
  };
}

function load({ port }: RunningContender, job: JobName, seconds: number, { world, queries }: Setting) {
  return runLoad({ port, queries: queries[job], seconds, core: world.loadCore });
}

async function showChanges({ jobs, seconds, json }: BenchOptions, setting: Setting): Promise<void> {
  const results = await loadUnderChanges(jobs, { ...setting, seconds });
  const complaints = complaintsAbout(results);
  console.log(json ? JSON.stringify({ results, complaints }, null, 2) : results.map(changesLine).join('\n'));
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
}

function changesLine({ job, completed, lost, changes, queriesPerSecond }: ChangesResult): string {
  const rate = Math.round(queriesPerSecond);
  return `${job}: ${completed} queries at ${rate}/s under ${changes} changes of plan and zone, ${lost} lost`;
}

/** Another one goes first every time, so that no one always meets the warmer or the quieter machine. */
function rotated<Item>(items: readonly Item[], turn: number): readonly Item[] {
  const first = turn % Math.max(1, items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}
