import type { Clock } from '../base/clock.ts';
import { disconnectReason } from '../mqtt/disconnect-packet.ts';
import type { Logger } from '../telemetry/logger.ts';
import { closeOrderly } from './orderly-close.ts';
import type { Relay } from './relay.ts';

export interface DrainDeps {
  /** Those that live now. */
  readonly relays: () => readonly Relay[];
  /** Open device connections, sessions or not. */
  readonly connections: () => number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info'>;
  /** 0 ≤ number < 1. */
  readonly random: () => number;
}

export interface DrainPace {
  readonly deadlineMs: number;
  readonly quiesceMs: number;
  /** Sessions, at least. */
  readonly perSecond: number;
}

/** Milliseconds between the looks of a drain at who is due; each close is put off by as much at most. */
const stepMs = 50;
const tellEveryMs = 5_000;

/** Sessions whose close has to have begun by `elapsedMs`: the last of them still need their quiet moment, and both sockets a flush. */
export function closesDue(total: number, elapsedMs: number, { deadlineMs, quiesceMs, perSecond }: DrainPace): number {
  const withinMs = Math.max(0, deadlineMs - quiesceMs - 2 * stepMs);
  if (withinMs === 0) return total;
  const perMs = Math.max(total / withinMs, perSecond / 1_000);
  return Math.min(total, Math.ceil(elapsedMs * perMs));
}

/** In no order: those that connected together do not come back together. */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const mixed = [...list];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** Hands the sessions back each closed orderly, at that pace and with jitter. Resolves as soon as no connection is left, or at the deadline. */
export async function drainSessions(
  { relays, connections, clock, log, random }: DrainDeps,
  pace: DrainPace,
): Promise<void> {
  const startMs = clock.monotonicMs();
  const waiting = shuffled(relays(), random);
  const total = waiting.length;
  const jitterMs = Math.min(stepMs, Math.max(0, pace.deadlineMs - pace.quiesceMs));
  let [begun, handedBack, toldMs] = [0, 0, startMs];
  const handBack = (relay: Relay) =>
    void closeOrderly(relay, disconnectReason.serverShuttingDown, pace.quiesceMs).then((isOurs) => {
      if (isOurs) handedBack += 1;
    });
  const figures = () => {
    const left = connections();
    return { sessions: total, handedBack, endedThemselves: Math.max(0, total - handedBack - left), left };
  };
  log.info(figures(), 'A worker hands its sessions back');
  for (;;) {
    const elapsedMs = clock.monotonicMs() - startMs;
    for (const due = closesDue(total, elapsedMs, pace); begun < due; begun += 1) {
      const relay = waiting[begun];
      if (relay !== undefined) setTimeout(() => handBack(relay), random() * jitterMs);
    }
    if (connections() === 0 || elapsedMs >= pace.deadlineMs) break;
    if (clock.monotonicMs() - toldMs >= tellEveryMs) {
      toldMs = clock.monotonicMs();
      log.info(figures(), 'A worker hands its sessions back');
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(stepMs, pace.deadlineMs - elapsedMs)));
    // Those that began meanwhile; one that is closing already is left alone.
    if (begun === total) for (const relay of relays()) handBack(relay);
  }
  const tookMs = Math.round(clock.monotonicMs() - startMs);
  // What is left is cut by the stop that follows.
  log.info({ ...figures(), tookMs }, 'A worker has drained');
}
