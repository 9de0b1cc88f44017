import type { BrokerState } from '../admin/admin-api.ts';
import type { Clock } from '../base/clock.ts';
import type { BrokerLife } from '../gateway/endpoint-watch.ts';

/** A worker that heard from a broker and one that did not, within so long: who is right is not known. */
const disagreementMs = 10_000;
/** A failure that nobody has repeated for so long says little: sessions that wait for their broker try again within a minute. */
const staleMs = 90_000;

/** Monotonic times of a process as milliseconds since the Unix epoch. */
export function toWallLife({ heardMs, failedMs }: BrokerLife, clock: Clock): BrokerLife {
  const offsetMs = clock.wallMs() - clock.monotonicMs();
  const toWall = (ms: number | undefined) => (ms === undefined ? undefined : ms + offsetMs);
  return { heardMs: toWall(heardMs), failedMs: toWall(failedMs) };
}

/**
 * How a broker is, by what all workers have of it: the latest word counts. `down`: nobody has heard from it since a worker
 * found it silent or unreachable. A worker that never asked says nothing, and a broker that nobody asked counts as up.
 */
export function brokerState(
  lives: readonly BrokerLife[],
  nowWallMs: number,
): { readonly connected: boolean; readonly state: BrokerState } {
  const failedMs = latest(lives.map((life) => life.failedMs));
  const heardMs = latest(lives.map((life) => life.heardMs));
  const connected = failedMs === undefined || (heardMs ?? Number.NEGATIVE_INFINITY) >= failedMs;
  if (failedMs === undefined) return { connected, state: 'up' };
  const ageMs = nowWallMs - failedMs;
  if (connected) return { connected, state: ageMs < disagreementMs ? 'unsure' : 'up' };
  return { connected, state: ageMs < staleMs ? 'down' : 'unsure' };
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
