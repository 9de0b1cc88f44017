import type { OverlapEnd } from './overlap-end.ts';
import type { CutAbort } from './session-port.ts';

/** How long the device is held for its old broker's answers before it goes on with them open. */
export const settleInflightMs = 1_000;
/** How long for what cannot stay open: a SUBSCRIBE under way, a large PUBLISH half sent. */
export const busyMs = 5_000;
/** How long the former leg may owe something before the other one takes it over. */
export const drainMs = 10_000;

/** Behind the switch: both brokers deliver. */
export interface OverlappingStep {
  readonly name: 'overlapping';
  readonly end: OverlapEnd;
}

/** The former leg was lost before its broker had given what it had: another connection to that broker is awaited. */
export interface AwaitingStep {
  readonly name: 'awaiting';
  /** What goes on then. */
  readonly overlap: OverlappingStep;
}

/** Where a cut stands. Milliseconds. */
export type CutStep =
  | { readonly name: 'stable' }
  | { readonly name: 'restoring'; readonly changes: number }
  | { readonly name: 'settling'; readonly changes: number; readonly untilMs: number }
  | { readonly name: 'holding'; readonly changes: number; readonly sinceMs: number }
  | OverlappingStep
  | AwaitingStep
  | { readonly name: 'leaving'; readonly untilMs: number }
  | { readonly name: 'unsubscribing' }
  | { readonly name: 'draining'; readonly untilMs: number; readonly sinceMs: number };

export const stable: CutStep = { name: 'stable' };

/** The leg that the way back was to go to is as good as before. */
export function isNobodysFault({ kind }: CutAbort): boolean {
  return kind === 'operator' || kind === 'busy' || kind === 'device-stopped';
}

export const brokerBusy: CutAbort = { kind: 'busy', message: 'the old broker does not come to a rest' };
export const deviceStopped: CutAbort = {
  kind: 'device-stopped',
  message: 'the device stopped in the middle of a packet',
};
