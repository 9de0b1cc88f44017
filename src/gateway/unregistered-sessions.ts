import type { Metrics } from '../telemetry/metrics.ts';
import type { FirstContacts } from './first-contacts.ts';
import type { UnregisteredSessions } from './live-session.ts';
import type { Relay } from './relay.ts';

/** Live sessions that wait for the broker that the plan wants to know their device. */
export function countUnregistered(relays: Iterable<Relay>, contacts: FirstContacts): readonly UnregisteredSessions[] {
  const counts = new Map<string, UnregisteredSessions>();
  for (const { record, origin } of relays) {
    const { home, assignment } = record;
    const { broker, cohort = '' } = assignment;
    if (home.broker === broker || !contacts.isWaiting({ broker, device: origin.device })) continue;
    const key = JSON.stringify([broker, cohort]);
    counts.set(key, { broker, cohort, sessions: (counts.get(key)?.sessions ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** What is not counted now is none. */
export function showUnregistered(
  gauge: Metrics['unregisteredSessions'],
  counts: readonly UnregisteredSessions[],
): void {
  gauge.reset();
  for (const { broker, cohort, sessions } of counts) gauge.set({ broker, cohort }, sessions);
}
