import { InvalidArgumentError } from 'commander';
import { parseWeight, renderWeight } from '../plan/weight.ts';

/** `5%`, `0.01%` or `500bps` to basis points of a cohort. */
export function parseWeightOption(text: string): number {
  const weight = parseWeight(text);
  if (!weight.ok) throw new InvalidArgumentError(weight.error);
  return weight.value;
}

/** `100/s` or `100`: live sessions per second. */
export function parsePaceOption(text: string): number {
  const match = /^([1-9]\d{0,6})(?:\/s)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected sessions per second such as 100/s.');
  return Number(match[1]);
}

/** A whole number from 1. */
export function parseCountOption(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1.');
  return Number(text);
}

/** Both spellings, as the contract asks: per cent of the cohort and basis points. */
export function renderWeightInWords(weightBps: number): string {
  return `${renderWeight(weightBps)} (${weightBps} bps)`;
}
