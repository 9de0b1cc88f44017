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
}

export interface DrainPace {
  readonly deadlineMs: number;
  readonly quiesceMs: number;
  /** Sessions, at least. */
  readonly perSecond: number;
}

/** Milliseconds between the closes of a drain. */
const stepMs = 50;
const tellEveryMs = 5_000;

/** Sessions whose close has to have begun by `elapsedMs`: the last of them still need their quiet moment, and both sockets a flush. */
export function closesDue(total: number, elapsedMs: number, { deadlineMs, quiesceMs, perSecond }: DrainPace): number {
  const withinMs = Math.max(0, deadlineMs - quiesceMs - stepMs);
  if (withinMs === 0) return total;
  const perMs = Math.max(total / withinMs, perSecond / 1_000);
  return Math.min(total, Math.ceil(elapsedMs * perMs));
}

/** Hands the sessions back in order at that pace. Resolves as soon as no connection is left, or at the deadline. */
export async function drainSessions({ relays, connections, clock, log }: DrainDeps, pace: DrainPace): Promise<void> {
  const startMs = clock.monotonicMs();
  const waiting = relays();
  const total = waiting.length;
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
      if (relay !== undefined) handBack(relay);
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
