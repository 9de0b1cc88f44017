import { type HeldSubscription, isSameSubscription } from './subscription-table.ts';

/** What a broker that holds `held` has to be asked for, and to be rid of, so that it holds `wanted`. */
export function subscriptionDifference(
  wanted: readonly HeldSubscription[],
  held: ReadonlyMap<string, HeldSubscription>,
): { readonly missing: readonly HeldSubscription[]; readonly surplus: readonly string[] } {
  const wantedFilters = new Set(wanted.map(({ filter }) => filter));
  const missing = wanted.filter((each) => {
    const known = held.get(each.filter);
    return known === undefined || !isSameSubscription(known, each);
  });
  return { missing, surplus: [...held.keys()].filter((filter) => !wantedFilters.has(filter)) };
}
