import { renderWeight, wholeBps } from '../plan/weight.ts';
import { isEligible } from './site-choice.ts';
import { bypassPart, sitesOfPart, weightsOfSplit } from './split-steering.ts';
import type { SteeringFacts } from './steering-decision.ts';
import type { SteeringRule } from './steering-rule.ts';

/** A part of a split whose sites are all out: what its networks are answered with instead. */
export interface ClosedPart {
  readonly split: string;
  readonly part: string;
  /** Its share, basis points. */
  readonly weightBps: number;
  /** `sites`: those that are not drained, whatever their health. `drained`: there are none, so all of them. */
  readonly instead: 'bypass' | 'sites' | 'drained';
}

/** The parts that no site can be answered with of, as the facts stand. */
export function closedParts(rules: readonly SteeringRule[], facts: SteeringFacts): readonly ClosedPart[] {
  return rules.flatMap((rule) => {
    if (rule.by !== 'split') return [];
    const [first = ''] = Object.keys(rule.parts);
    const weights = weightsOfSplit(rule.split, facts.plan.plan.splits) ?? { [first]: wholeBps };
    return Object.entries(rule.parts).flatMap(([name, part]): ClosedPart[] => {
      if (!('sites' in part)) return [];
      const sites = sitesOfPart(part, facts.sites);
      const conditionOf = (site: string) => facts.conditions[site];
      if (sites.some((site) => isEligible(site, conditionOf(site.name)))) return [];
      const isOpen = sites.some((site) => site.weight > 0 && conditionOf(site.name)?.drained !== true);
      const hasBypass = part.allDown === 'bypass' && rule.parts[bypassPart] !== undefined;
      const weightBps = weights[name] ?? 0;
      return [
        { split: rule.split, part: name, weightBps, instead: hasBypass ? 'bypass' : isOpen ? 'sites' : 'drained' },
      ];
    });
  });
}

/** One sentence for the operator. */
export function renderClosedPart({ split, part, weightBps, instead }: ClosedPart): string {
  const answers = {
    bypass: `part ${bypassPart}`,
    sites: 'those that are not drained, whatever their health',
    drained: 'all of them, drained or not (allDown: answer-all)',
  } as const;
  return `no site is left for part ${part} of split ${split}: its networks (${renderWeight(weightBps)}) are answered with ${answers[instead]}`;
}
