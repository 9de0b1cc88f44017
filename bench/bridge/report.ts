import { arch, cpus, release } from 'node:os';
import { median } from '../relay/report.ts';
import type { Contender } from './contender.ts';
import type { Measurement } from './measure.ts';
import type { BridgeBenchOptions, JobName } from './options.ts';

/** All turns' measurements, by job and contender. */
export type Samples = ReadonlyMap<JobName, ReadonlyMap<string, readonly Measurement[]>>;

interface Figure {
  readonly title: string;
  readonly digits: number;
  of(turn: Measurement): number;
}

const perMessage = (title: string, cpuMs: (turn: Measurement) => number): Figure => ({
  title,
  digits: 2,
  of: (turn) => (cpuMs(turn) * 1_000) / turn.messages,
});

const rate: Figure = { title: 'messages/s', digits: 0, of: (turn) => turn.messagesPerSecond };
const all = perMessage(
  'CPU per message, source + bridge + target, µs',
  (turn) => turn.sourceCpuMs + turn.bridgeCpuMs + turn.targetCpuMs,
);
const parts = [
  perMessage('of it the source broker, µs', (turn) => turn.sourceCpuMs),
  perMessage('of it the bridge process, µs', (turn) => turn.bridgeCpuMs),
  perMessage('of it the target broker, µs', (turn) => turn.targetCpuMs),
];
const lags: readonly Figure[] = [
  { title: 'lag p50, ms', digits: 2, of: (turn) => turn.p50Us / 1_000 },
  { title: 'lag p99, ms', digits: 2, of: (turn) => turn.p99Us / 1_000 },
  { title: 'lag p99.9, ms', digits: 2, of: (turn) => turn.p999Us / 1_000 },
];

const figuresByJob: Readonly<Record<JobName, readonly Figure[]>> = {
  near: [rate, all, ...parts],
  far: [rate, all, ...parts],
  lag: [...lags, all, ...parts],
};

/** A share of a core that others may take during a turn before its figures are called disturbed. */
const quiet = 0.1;

export function renderReport(samples: Samples, contenders: readonly Contender[], options: BridgeBenchOptions): string {
  return [
    ...machineLines(options),
    ...contenders.map(({ label, describe }) => `${label}: ${describe()}`),
    '',
    '| job | figure | bridge | median | lowest … highest | × Mosquitto |',
    '|---|---|---|---|---|---|',
    ...[...samples].flatMap(([job, byName]) =>
      figuresByJob[job].flatMap((figure) => contenders.map((contender) => row(job, figure, contender, byName))),
    ),
    '',
    ...guardLines(samples),
    ...(duplicatesIn(samples) === 0 ? [] : [`${duplicatesIn(samples)} messages came twice: the figures are not valid`]),
  ].join('\n');
}

function row(job: JobName, figure: Figure, contender: Contender, byName: ReadonlyMap<string, readonly Measurement[]>) {
  const values = (byName.get(contender.name) ?? []).map(figure.of);
  const others = (byName.get('mosquitto') ?? []).map(figure.of);
  const isComparable = values.length === others.length && others.every((value) => value > 0);
  const ratio = isComparable ? median(values.map((value, turn) => value / (others[turn] as number))).toFixed(2) : '';
  const range = `${Math.min(...values).toFixed(figure.digits)} … ${Math.max(...values).toFixed(figure.digits)}`;
  const cells = [job, figure.title, contender.label, median(values).toFixed(figure.digits), range, ratio];
  return `| ${cells.join(' | ')} |`;
}

export function toJson(samples: Samples, contenders: readonly Contender[], options: BridgeBenchOptions): unknown {
  return {
    machine: machineLines(options),
    options,
    contenders: contenders.map(({ name, describe }) => ({ name, description: describe() })),
    samples: Object.fromEntries([...samples].map(([job, byName]) => [job, Object.fromEntries(byName)])),
    notes: guardLines(samples),
  };
}

function machineLines({ sizes, rounds }: BridgeBenchOptions): readonly string[] {
  return [
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release()} ${arch()}; nothing is pinned to a core`,
    `${rounds} rounds, turns of ${sizes.turnMs} ms in rotating order; ${sizes.keys} keys; near: ${sizes.ahead} messages on their way, ` +
      `far: ${sizes.farAhead}, ${sizes.farDelayUs / 1_000} ms each way between bridge and target; lag: ${sizes.lagRate} messages/s`,
    ...(sizes.turnMs < 2_000 ? ['a quick run: it shows that everything works, its figures mean nothing'] : []),
  ];
}

function guardLines(samples: Samples): readonly string[] {
  return [...samples].flatMap(([job, byName]) => {
    const turns = [...byName.values()].flat();
    const worst = (of: (turn: Measurement) => number) => Math.max(...turns.map((turn) => of(turn) / turn.elapsedMs));
    const others = worst((turn) => turn.othersCpuMs);
    const stolen = worst((turn) => turn.stolenMs);
    const disturbance = `others on the machine ${percent(others)} of a core, its hypervisor ${percent(stolen)}`;
    return [...(others < quiet && stolen < quiet ? [] : [`${job}: disturbed, in its worst turn by ${disturbance}`])];
  });
}

/** Messages that came twice: some connection was lost, and the figures are not those of a bridge at work. */
export function duplicatesIn(samples: Samples): number {
  const turns = [...samples.values()].flatMap((byName) => [...byName.values()].flat());
  return turns.reduce((sum, turn) => sum + turn.duplicates, 0);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
