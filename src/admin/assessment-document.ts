import { z } from 'zod';
import type { Timestamp } from './admin-api.ts';

/** `GET /v1/assessment`, and `crossfade assess --json`: what a move to the target would mean for the devices seen. */
export interface AssessmentDocument {
  readonly cohorts: readonly CohortAssessment[];
  /** Findings that found no room on their way since the gateway's control process started: the figures are too good by so many. */
  readonly dropped: number;
}

/** `asIs`, `adapted.devices` and `cannot.devices` add up to `devices`. */
export interface CohortAssessment {
  readonly cohort: string;
  readonly source: string;
  readonly target: string;
  /** When the first device of the cohort was observed with this target in view; null: none was yet. */
  readonly observedSince: Timestamp | null;
  readonly devices: number;
  /** Devices that move as they are. */
  readonly asIs: number;
  /** Devices that move with something adapted; one device may need several kinds. */
  readonly adapted: { readonly devices: number; readonly kinds: readonly AdaptedKind[] };
  /** Devices that stay on the source; one device may have several reasons. */
  readonly cannot: { readonly devices: number; readonly reasons: readonly HoldingReason[] };
  /** Times that a device beyond `limits.assessedDevices` was seen; what it did is not remembered. */
  readonly notListed: number;
}

export interface AdaptedKind {
  readonly kind: string;
  readonly devices: number;
}

export interface HoldingReason {
  readonly reason: string;
  readonly devices: number;
  /** The last seen first. */
  readonly examples: readonly HoldingExample[];
}

export interface HoldingExample {
  readonly clientId: string;
  readonly reason: string;
  /** A topic, a filter, a size; never a payload or a credential. */
  readonly example: string;
  readonly lastSeen: Timestamp;
}

/** The parameters of `GET /v1/assessment`. */
export interface AssessmentQuery {
  readonly cohort?: string;
  /** Examples of each reason, 1 to 1000; 10 when absent. */
  readonly limit?: number;
}

const count = z.int().min(0);

const cohortAssessment = z.object({
  cohort: z.string(),
  source: z.string(),
  target: z.string(),
  observedSince: z.iso.datetime().nullable(),
  devices: count,
  asIs: count,
  adapted: z.object({ devices: count, kinds: z.array(z.object({ kind: z.string(), devices: count })) }),
  cannot: z.object({
    devices: count,
    reasons: z.array(
      z.object({
        reason: z.string(),
        devices: count,
        examples: z.array(
          z.object({ clientId: z.string(), reason: z.string(), example: z.string(), lastSeen: z.iso.datetime() }),
        ),
      }),
    ),
  }),
  notListed: count,
});

export const assessmentDocument = z.object({
  cohorts: z.array(cohortAssessment),
  dropped: count,
}) satisfies z.ZodType<AssessmentDocument>;
