import { backoffDelayMs } from '../base/backoff.ts';
import type { Child } from './child-process.ts';
import { HangWatch } from './hang-watch.ts';
import type { ProcessRole } from './process-messages.ts';

/** One place in the gateway that a process fills, again after each death. */
export interface ProcessSlot {
  readonly name: string;
  readonly role: ProcessRole;
  child: Child;
  startedAtMs: number;
  /** Deaths in a row that came soon after the start. */
  quickDeaths: number;
  drained: boolean;
  /** It was told to end by itself. */
  isEnding: boolean;
  exited: boolean;
  isReady: boolean;
  /** The last reload that is in force in it. */
  reloaded: number;
  readonly watch: HangWatch;
}

/** A process that lived this long is not in a crash loop. */
const settledMs = 10_000;
const restartDelay = { baseMs: 100, maxMs: 10_000 };

export function createProcessSlot(role: ProcessRole, child: Child): ProcessSlot {
  return {
    ...{ name: role.kind === 'worker' ? `worker-${role.worker}` : role.kind, role, child },
    startedAtMs: performance.now(),
    quickDeaths: 0,
    ...{ drained: false, isEnding: false, exited: false, isReady: false, reloaded: 0 },
    watch: new HangWatch(),
  };
}

/** Notes a death; answers how long to wait before the place is filled again. */
export function noteDeath(slot: ProcessSlot): number {
  const livedMs = performance.now() - slot.startedAtMs;
  slot.quickDeaths = livedMs < settledMs && !slot.isEnding ? slot.quickDeaths + 1 : 0;
  return slot.quickDeaths <= 1 ? 0 : backoffDelayMs(slot.quickDeaths, Math.random(), restartDelay);
}

/** The place of a process that ended has a new one. */
export function refill(slot: ProcessSlot, child: Child): void {
  slot.child = child;
  slot.startedAtMs = performance.now();
  slot.exited = false;
  slot.drained = false;
  slot.isEnding = false;
}
