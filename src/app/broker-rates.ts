import type { Configuration } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';

/** Connects per second by broker, an entry for each; undefined: no bound. */
export function connectRates({ brokers }: Configuration): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(Object.values(brokers).map(({ name, connectsPerSecond }) => [name, connectsPerSecond]));
}

/** What a claim may wait for its token, so that a dial still fits in before the device has to have its answer. */
export function claimAnswerMs({ brokerAnswerMs, dialMs }: Limits): number {
  return Math.max(brokerAnswerMs / 4, brokerAnswerMs - dialMs);
}

/** The homes stand beside the plan: they are many and change often, and the plan's file stays small. */
export function homeStorePath(planStorePath: string): string {
  return `${planStorePath}.sessions`;
}
