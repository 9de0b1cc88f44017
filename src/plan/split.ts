import type { SplitWeights } from './plan.ts';

/**
 * The part of a DNS split that a position falls to (contract section 1): the parts take consecutive ranges in their
 * order, as wide as their weights. Without weights everything goes to the first part; `parts` has at least one.
 */
export function splitPartAt(
  position: number,
  parts: readonly string[],
  weights: SplitWeights['weights'] | undefined,
): string | undefined {
  if (weights === undefined) return parts[0];
  let end = 0;
  return parts.find((part) => {
    end += Object.hasOwn(weights, part) ? (weights[part] ?? 0) : 0;
    return position < end;
  });
}
