import { z } from 'zod';

/** `GET /v1/interlock`: what the devices of cohorts would lose at their targets. */
export interface InterlockDocument {
  /** False: the configuration has no rules of a bridge and no services, so that nothing is known of other ends. */
  readonly armed: boolean;
  readonly cohorts: readonly CohortInterlock[];
}

export interface CohortInterlock {
  readonly cohort: string;
  readonly source: string;
  readonly target: string;
  /** What has no other end at the target, most devices first; bounded. */
  readonly lost: readonly LostTopic[];
  readonly lostTotal: number;
  /** What does not hold a cutover up and should be known before it. */
  readonly warnings: readonly string[];
  /** Milliseconds that the bridge's lag wants of a handover's overlap; `handover.overlapMs` where that is more. */
  readonly bridgeOverlapMs: number;
  /** Rules whose messages wait: the switches of a cutover wait for them, as long as `handover.bridgeWaitMs`. */
  readonly behind: readonly string[];
}

export interface LostTopic {
  /** A topic or a filter; levels that are a device's own name are `+`. */
  readonly topic: string;
  readonly use: 'publish' | 'subscribe';
  /** What the bridge does with all of it, from the source to the target and back. */
  readonly class: 'mirrored' | 'to-target' | 'to-source' | 'unbridged';
  /** Of the cohort, that used it lately; about 3 % off. */
  readonly devices: number;
  /** Too many topics were seen to know each: it stands for more than was used. */
  readonly isWidened: boolean;
  /** RFC 3339, UTC. */
  readonly lastSeen: string;
  /** Configured services at its other end that do not stand wholly on the target. */
  readonly services: readonly string[];
  /** A rule that would carry it. */
  readonly needs: { readonly from: string; readonly to: string; readonly filter: string };
  /** What to do, in words. */
  readonly advice: string;
}

const lostTopic = z.object({
  topic: z.string(),
  use: z.enum(['publish', 'subscribe']),
  class: z.enum(['mirrored', 'to-target', 'to-source', 'unbridged']),
  devices: z.int().min(0),
  isWidened: z.boolean(),
  lastSeen: z.iso.datetime(),
  services: z.array(z.string()),
  needs: z.object({ from: z.string(), to: z.string(), filter: z.string() }),
  advice: z.string(),
}) satisfies z.ZodType<LostTopic>;

export const cohortInterlock = z.object({
  cohort: z.string(),
  source: z.string(),
  target: z.string(),
  lost: z.array(lostTopic),
  lostTotal: z.int().min(0),
  warnings: z.array(z.string()),
  bridgeOverlapMs: z.int().min(0),
  behind: z.array(z.string()),
}) satisfies z.ZodType<CohortInterlock>;

export const interlockDocument = z.object({
  armed: z.boolean(),
  cohorts: z.array(cohortInterlock),
}) satisfies z.ZodType<InterlockDocument>;
