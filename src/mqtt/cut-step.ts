import type { QueueDryness } from './queue-dryness.ts';

/** How long the device is held for its old broker's answers before it goes on with them open. */
export const settleInflightMs = 1_000;
/** How long for what cannot stay open: a SUBSCRIBE under way, a large PUBLISH half sent. */
export const busyMs = 5_000;
/** How long the former leg may owe something before the other one takes it over. */
export const drainMs = 10_000;
/** How long a queue of the former broker may take to run dry before it is unsubscribed. */
export const queueMs = 600_000;

/** Behind the switch: both brokers deliver. */
export interface OverlappingStep {
  readonly name: 'overlapping';
  readonly untilMs: number;
  readonly sinceMs: number;
  readonly queue: QueueDryness;
}

/** Where a cut stands. Milliseconds. */
export type CutStep =
  | { readonly name: 'stable' }
  | { readonly name: 'restoring'; readonly changes: number }
  | { readonly name: 'settling'; readonly changes: number; readonly untilMs: number }
  | { readonly name: 'holding'; readonly changes: number; readonly sinceMs: number }
  | OverlappingStep
  | { readonly name: 'leaving'; readonly untilMs: number }
  | { readonly name: 'unsubscribing' }
  | { readonly name: 'draining'; readonly untilMs: number; readonly sinceMs: number };

export const stable: CutStep = { name: 'stable' };
