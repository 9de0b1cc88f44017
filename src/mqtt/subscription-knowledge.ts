import type { WorkPlace } from './subscribe-work.ts';
import type { HeldSubscription } from './subscription-table.ts';
import { upstreamFilters } from './subscription-terms.ts';

/** What the device holds at the broker from an earlier connection of the session. */
export function restoreHeld({ table, terms, judgement }: WorkPlace, subscription: HeldSubscription): void {
  table.restore(subscription);
  for (const filter of upstreamFilters(subscription.filter, terms)) table.brokerTook(filter);
  judgement?.settled(subscription.filter, subscription);
}

/**
 * What somebody else knows of the session is `told` now, in place of what was told before. What the device asked for or
 * gave up on this connection is newer than either.
 */
export function learnHeld(
  place: WorkPlace,
  { told, before }: { readonly told: readonly HeldSubscription[]; readonly before: readonly string[] },
): void {
  const { table, terms, judgement } = place;
  for (const filter of before) {
    if (!table.isRestored(filter)) continue;
    table.forget(filter);
    for (const upstream of upstreamFilters(filter, terms)) table.brokerDropped(upstream);
    judgement?.settled(filter, undefined);
  }
  for (const subscription of told) {
    const { filter } = subscription;
    if (!table.held.has(filter) && !table.left.has(filter)) restoreHeld(place, subscription);
  }
}
