import { deepFreeze } from '../base/freeze.ts';
import type { Plan, SplitWeights } from '../plan/plan.ts';
import type { PlanMistake } from '../plan/plan-mistake.ts';
import { renderWeight } from '../plan/weight.ts';
import type { NameserverConfiguration } from './configuration.ts';

/** Where a split is used. */
interface SplitUse {
  readonly split: string;
  /** `OWNER of ORIGIN`. */
  readonly name: string;
  readonly parts: readonly string[];
}

type Steered = Pick<NameserverConfiguration, 'zones'> | undefined;

/** Weights of a plan for parts that the steering does not have: their networks would fall to other parts. */
export function unknownPartMistakes(splits: readonly SplitWeights[], nameserver: Steered): readonly PlanMistake[] {
  const uses = splitUses(nameserver);
  return splits.flatMap(({ name, weights }, index) =>
    uses
      .filter(({ split }) => split === name)
      .flatMap((use) =>
        Object.keys(weights)
          .filter((part) => !use.parts.includes(part))
          .map((part) => ({
            path: ['splits', index, 'weights', part],
            message: `expected a part of the steering (${use.parts.join(', ')}), got ${JSON.stringify(part)}`,
          })),
      ),
  );
}

/**
 * Why the splits of a stored plan do not fit the steering, each a sentence: a part or a split that was renamed or removed
 * would give its networks to others. Parts without a share may go.
 */
export function storedSplitMistakes(splits: readonly SplitWeights[], nameserver: Steered): readonly string[] {
  const uses = splitUses(nameserver);
  const unused = splits.filter(({ name }) => !uses.some(({ split }) => split === name)).map(({ name }) => name);
  return uses.flatMap((use) => {
    const stored = splits.find(({ name }) => name === use.split);
    if (stored !== undefined) {
      const alike = uses.filter(({ split }) => split === use.split);
      return [...lostShares(stored, use), ...(alike[0] === use ? turnedParts(stored, alike) : [])];
    }
    if (unused.length === 0) return [];
    const has = unused.map((name) => JSON.stringify(name)).join(', ');
    return [
      `it has no weights of split ${JSON.stringify(use.split)}, which steers ${use.name}, so that all would go to ` +
        `${JSON.stringify(use.parts[0])}, and has those of ${has}, which steers nothing: give the split its name back, ` +
        `or give the new one its weights by "plan apply" first`,
    ];
  });
}

function lostShares({ name, weights }: SplitWeights, use: SplitUse): readonly string[] {
  return Object.entries(weights)
    .filter(([part, weight]) => weight > 0 && !use.parts.includes(part))
    .map(
      ([part, weight]) =>
        `split ${JSON.stringify(name)} gives ${renderWeight(weight)} to part ${JSON.stringify(part)}, which the ` +
        `steering of ${use.name} does not have (${use.parts.join(', ')}): give the part back, take its share by ` +
        `"dns split" down to 0, then remove it`,
    );
}

/**
 * Parts take their ranges in their order, so that another order moves networks though no weight has changed. A stored split
 * has them in the order of when it was written. One name of several that the split steers is enough.
 */
function turnedParts({ name, weights }: SplitWeights, uses: readonly SplitUse[]): readonly string[] {
  const stored = Object.keys(weights).filter((part) => (weights[part] ?? 0) > 0);
  const orders = uses.map(({ parts }) => parts.filter((part) => stored.includes(part)));
  const isKept = orders.some((order) => order.length < stored.length || order.join('/') === stored.join('/'));
  if (isKept) return [];
  return [
    `split ${JSON.stringify(name)} has its parts in the order ${stored.join(', ')}, and the steering of ` +
      `${uses[0]?.name} in the order ${orders[0]?.join(', ')}, so that networks would change sides: put the parts back ` +
      `in their order, or give one of them all by "dns split" before another order`,
  ];
}

/** The plan with the weights of each split in the order of its parts, which the stored plan then keeps. */
export function inOrderOfParts(plan: Plan, nameserver: Steered): Plan {
  const uses = splitUses(nameserver);
  const splits = plan.splits.map(({ name, weights }) => {
    const parts = uses.find(({ split }) => split === name)?.parts ?? [];
    const known = parts.filter((part) => Object.hasOwn(weights, part));
    const others = Object.keys(weights).filter((part) => !known.includes(part));
    return { name, weights: Object.fromEntries([...known, ...others].map((part) => [part, weights[part] ?? 0])) };
  });
  return deepFreeze({ ...plan, splits });
}

function splitUses(nameserver: Steered): readonly SplitUse[] {
  return (nameserver?.zones ?? []).flatMap(({ origin, steering }) =>
    steering.flatMap((rule) =>
      rule.by === 'split'
        ? [{ split: rule.split, name: `${rule.owner} of ${origin}`, parts: Object.keys(rule.parts) }]
        : [],
    ),
  );
}
