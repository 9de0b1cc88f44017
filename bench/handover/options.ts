import { parseArgs } from 'node:util';

export interface HandoverBenchOptions {
  readonly devices: number;
  readonly workers: number;
  readonly rounds: number;
  readonly json: boolean;
}

export const usage = 'npm run bench:handover -- [--devices N] [--workers N] [--rounds N] [--json]';

/** Throws TypeError on an unknown option, Error on a wrong value. */
export function parseOptions(commandLine: readonly string[]): HandoverBenchOptions {
  const { values } = parseArgs({
    args: [...commandLine],
    options: {
      devices: { type: 'string', default: '1000' },
      workers: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    devices: numberOf('devices', values.devices, 9_000),
    workers: numberOf('workers', values.workers, 64),
    rounds: numberOf('rounds', values.rounds, 50),
    json: values.json,
  };
}

function numberOf(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`--${option}: expected 1 to ${most}, got ${text}`);
}
