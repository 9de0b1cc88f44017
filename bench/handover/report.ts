import type { HandoverBenchOptions } from './options.ts';
import type { RoundFigures } from './round.ts';

const rows: readonly (readonly [keyof RoundFigures, string, number])[] = [
  ['preparedPerSecond', 'sessions prepared per second', 0],
  ['prepareMs', 'time to prepare all, ms', 0],
  ['commitMs', 'time to commit, ms', 0],
  ['rollbackMs', 'time to roll back, ms', 0],
  ['prepareCpuMsPerSession', 'CPU per prepared session, ms', 2],
  ['commitCpuMsPerSession', 'CPU per committed session, ms', 2],
  ['rollbackCpuMsPerSession', 'CPU per session rolled back, ms', 2],
  ['preparedKbPerSession', 'memory per prepared session, KB', 1],
];

/** Medians with the lowest and the highest of the rounds. */
export function renderTable({ workers }: HandoverBenchOptions, rounds: readonly RoundFigures[]): string {
  const widest = Math.max(...rows.map(([, title]) => title.length));
  return [
    `${rounds[0]?.sessions ?? 0} idle sessions, ${workers} workers, ${rounds.length} rounds`,
    '',
    `${''.padEnd(widest)}  ${'median'.padStart(8)}  ${'lowest'.padStart(8)}  ${'highest'.padStart(8)}`,
    ...rows.map(([name, title, digits]) => {
      const values = sorted(rounds, name);
      const shown = [middleOf(values), values[0] ?? 0, values.at(-1) ?? 0];
      return `${title.padEnd(widest)}  ${shown.map((value) => value.toFixed(digits).padStart(8)).join('  ')}`;
    }),
  ].join('\n');
}

/** Each figure's median of its own. */
export function median(rounds: readonly RoundFigures[]): Readonly<Record<string, number>> {
  return Object.fromEntries(rows.map(([name]) => [name, middleOf(sorted(rounds, name))]));
}

function sorted(rounds: readonly RoundFigures[], name: keyof RoundFigures): readonly number[] {
  return rounds.map((figures) => figures[name]).toSorted((a, b) => a - b);
}

function middleOf(values: readonly number[]): number {
  return values[Math.floor(values.length / 2)] ?? 0;
}
