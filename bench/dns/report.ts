import { cpus, release } from 'node:os';
import type { Contender } from './contender.ts';
import { dnsperfVersion, type LoadResult } from './dnsperf.ts';
import { type BenchOptions, type JobName, jobNames } from './options.ts';

/** One server under load for some seconds. */
export interface Turn extends LoadResult {
  readonly contender: string;
  readonly job: JobName;
  readonly round: number;
  /** Microseconds of CPU, user and system, of all processes of the server. */
  readonly cpuUsPerQuery: number;
  /** Share of a core that the server took; near 1 the rate is the server's, below it the load's. */
  readonly busy: number;
  /** Shares of a core that the hypervisor took away, and that others on this machine took. */
  readonly stolen: number;
  readonly others: number;
}

/** Below this share of its core a server was not the one that held the rate down. */
const saturated = 0.9;
/** A share of a core that others may take before a turn is called disturbed; this program takes some of it. */
const quiet = 0.1;

export function renderReport(turns: readonly Turn[], contenders: readonly Contender[], options: BenchOptions): string {
  return [
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Linux ${release()}, dnsperf ${dnsperfVersion()}, UDP on loopback`,
    `${options.rounds} rounds, turns of ${options.seconds} s; server on core 0, load on core 1; medians`,
    ...contenders.map(({ label, describe }) => `${label}: ${describe()}`),
    '',
    '| job | server | queries/s | CPU per query, µs | core busy | latency, ms | lost | × Crossfade queries/s | × Crossfade CPU |',
    '|---|---|---|---|---|---|---|---|---|',
    ...jobNames.flatMap((job) => contenders.flatMap((contender) => row(turns, job, contender))),
    '',
    ...notes(turns),
  ].join('\n');
}

export function toJson(turns: readonly Turn[], contenders: readonly Contender[]): unknown {
  return {
    contenders: contenders.map(({ name, describe }) => ({ name, description: describe() })),
    medians: jobNames.flatMap((job) =>
      contenders.flatMap(({ name }) => {
        const own = turnsOf(turns, job, name);
        if (own.length === 0) return [];
        return [{ job, contender: name, ...medians(own), ratios: ratios(turns, job, name) }];
      }),
    ),
    turns,
    notes: notes(turns),
  };
}

function row(turns: readonly Turn[], job: JobName, { name, label }: Contender): readonly string[] {
  const own = turnsOf(turns, job, name);
  if (own.length === 0) return [];
  const { queriesPerSecond, cpuUsPerQuery, busy, averageLatencyMs, lost } = medians(own);
  const ratio = ratios(turns, job, name);
  const rate = `${busy < saturated ? '≥ ' : ''}${Math.round(queriesPerSecond)}`;
  const cells = [job, label, rate, cpuUsPerQuery.toFixed(2), busy.toFixed(2), averageLatencyMs.toFixed(2), lost];
  return [`| ${[...cells, ratio?.rate.toFixed(2) ?? '', ratio?.cpu.toFixed(2) ?? ''].join(' | ')} |`];
}

function medians(turns: readonly Turn[]) {
  const of = (figure: (turn: Turn) => number) => median(turns.map(figure));
  return {
    queriesPerSecond: of((turn) => turn.queriesPerSecond),
    cpuUsPerQuery: of((turn) => turn.cpuUsPerQuery),
    busy: of((turn) => turn.busy),
    averageLatencyMs: of((turn) => turn.averageLatencyMs),
    lost: turns.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** Medians of the ratios to Crossfade within a round, which a machine that drifts leaves alone. */
function ratios(turns: readonly Turn[], job: JobName, name: string) {
  const base = turnsOf(turns, job, 'crossfade');
  const pairs = turnsOf(turns, job, name).flatMap((turn) => {
    const beside = base.find(({ round }) => round === turn.round);
    return beside === undefined ? [] : [{ turn, beside }];
  });
  if (pairs.length === 0) return undefined;
  return {
    rate: median(pairs.map(({ turn, beside }) => turn.queriesPerSecond / beside.queriesPerSecond)),
    cpu: median(pairs.map(({ turn, beside }) => turn.cpuUsPerQuery / beside.cpuUsPerQuery)),
  };
}

function notes(turns: readonly Turn[]): readonly string[] {
  const disturbed = turns.filter(({ stolen, others }) => stolen > quiet || others > quiet);
  const wrong = turns.filter(({ rcodes }) => Object.keys(rcodes).some((code) => code !== 'NOERROR'));
  return [
    '≥: the server had time left, so the rate is what the load could ask; CPU per query stands.',
    ...(disturbed.length > 0
      ? [`Disturbed: in ${disturbed.length} of ${turns.length} turns others used the machine; the figures say little.`]
      : []),
    ...wrong.map(({ contender, job, rcodes }) => `${contender}, ${job}: answers were ${JSON.stringify(rcodes)}`),
  ];
}

function turnsOf(turns: readonly Turn[], job: JobName, name: string): readonly Turn[] {
  return turns.filter((turn) => turn.job === job && turn.contender === name);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
