import type { Configuration } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';
import { profileNamed } from '../mqtt/broker-profiles.ts';

/** Connects per second by broker, an entry for each; undefined: no bound. */
export function connectRates({ brokers }: Configuration): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(Object.values(brokers).map(({ name, connectsPerSecond }) => [name, connectsPerSecond]));
}

/** The same of one client ID, by what the broker's profile says; none where that has no bound. */
export function clientConnectRates({ brokers }: Configuration): Readonly<Record<string, number>> {
  const rates = Object.values(brokers).map(
    ({ name, profile }) => [name, profileNamed(profile).connectsPerSecondPerClientId] as const,
  );
  return Object.fromEntries(rates.filter(([, rate]) => rate < Number.POSITIVE_INFINITY));
}

/** Filters a second by broker, as it is configured or its profile says; none where there is no bound. */
export function filterRates({ brokers }: Pick<Configuration, 'brokers'>): Readonly<Record<string, number>> {
  const rates = Object.values(brokers).map(
    ({ name, profile, filtersPerSecond }) =>
      [name, filtersPerSecond ?? profileNamed(profile).filtersPerSecond] as const,
  );
  return Object.fromEntries(rates.filter(([, rate]) => rate < Number.POSITIVE_INFINITY));
}

/** First contacts a second by broker; none where each device has no identity of its own. */
export function registrationRates({ brokers }: Pick<Configuration, 'brokers'>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.values(brokers).flatMap(({ name, identity: { firstContact } }) =>
      firstContact === undefined ? [] : [[name, firstContact.registrationsPerSecond] as const],
    ),
  );
}

/** What a claim may wait for its token, so that a dial still fits in before the device has to have its answer. */
export function claimAnswerMs({ brokerAnswerMs, dialMs }: Limits): number {
  return Math.max(brokerAnswerMs / 4, brokerAnswerMs - dialMs);
}

/** Assessments are many and may be lost: a file of their own keeps them out of the way of plan and homes. */
export function assessmentStorePath(planStorePath: string): string {
  return `${planStorePath}.assessments`;
}

/** What the assessment store is opened with. */
export function assessmentBounds({ assessedDevices, obstacleDays }: Limits) {
  return { devices: assessedDevices, obstacleMs: obstacleDays * 86_400_000 };
}

/** What devices use is seldom written and may be lost: it stands apart from what decides where they go. */
export function topicStorePath(planStorePath: string): string {
  return `${planStorePath}.topics`;
}

/** The homes stand beside the plan: they are many and change often, and the plan's file stays small. */
export function homeStorePath(planStorePath: string): string {
  return `${planStorePath}.sessions`;
}
