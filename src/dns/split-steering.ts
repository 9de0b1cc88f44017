import type { SplitWeights } from '../plan/plan.ts';
import { positionCount } from '../plan/position.ts';
import { splitPartAt } from '../plan/split.ts';
import { subnetPrefixLength } from '../plan/subnet-key.ts';
import type { AskingNetwork } from './asking-network.ts';
import { createSiteChoice, openAddresses, type Site, type SiteChoice } from './site-choice.ts';
import { steeredAddresses } from './steered-addresses.ts';
import { decisionOf, type Steering, type SteeringDecision, type SteeringFacts } from './steering-decision.ts';
import type { SplitPart, SplitRule } from './steering-rule.ts';
import type { SubnetPoints } from './subnet-points.ts';

type SitesPart = Extract<SplitPart, { sites: unknown }>;

/** The name of the part that takes over where `allDown` says so. */
export const bypassPart = 'bypass';

/** Shares of the asking networks, by the split formula of the contract (section 1). */
export function createSplitSteering(rule: SplitRule, facts: SteeringFacts): Steering {
  const names = Object.keys(rule.parts);
  const weights = weightsOfSplit(rule.split, facts.plan.plan.splits);
  const partByName = new Map(names.map((name) => [name, createPart(name, rule, facts)]));
  const [only, ...others] = names.filter((name) => widthOf(name, rule.parts, weights) > 0);
  const single = others.length === 0 && only !== undefined ? partByName.get(only) : undefined;

  function partFor(network: AskingNetwork): PreparedPart | undefined {
    if (single !== undefined) return single;
    return partByName.get(partAt(positionIn(facts.points, network), rule.parts, weights));
  }

  return {
    rule,
    dependsOnNetwork: single?.dependsOnNetwork ?? true,
    decide: (_labels, network) => partFor(network)?.decide(network) ?? { kind: 'no-device' },
    scopeOf: (network) => {
      const ofPart = partFor(network)?.scopeOf(network) ?? 0;
      if (single !== undefined) return ofPart;
      return Math.max(ofPart, subnetPrefixLength[network.address.length === 4 ? 4 : 6]);
    },
  };
}

/** The weights of a split of the plan; undefined: all to the first part. */
export function weightsOfSplit(split: string, splits: readonly SplitWeights[]): SplitWeights['weights'] | undefined {
  return splits.find(({ name }) => name === split)?.weights;
}

/** The position of an asking network under the points' salt. */
export function positionIn(points: SubnetPoints, { address }: AskingNetwork): number {
  return (points.at(address) * positionCount) / 2 ** 32;
}

/** The part that has a position; `heirOf` the parts where weights name parts that are not configured. */
export function partAt(
  position: number,
  parts: SplitRule['parts'],
  weights: SplitWeights['weights'] | undefined,
): string {
  return splitPartAt(position, Object.keys(parts), weights) ?? heirOf(parts);
}

/**
 * What weights of parts that are not configured fall to: never to sites, which nobody gave these networks to, as long as
 * there is another part. `run` refuses such weights; a store that another process writes can still have them.
 */
function heirOf(parts: SplitRule['parts']): string {
  const names = Object.keys(parts);
  const others = names.filter((name) => !('sites' in (parts[name] ?? {})));
  return (others.includes(bypassPart) ? bypassPart : others[0]) ?? names[0] ?? '';
}

/** How many positions fall to a part. */
function widthOf(name: string, parts: SplitRule['parts'], weights: SplitWeights['weights'] | undefined): number {
  const names = Object.keys(parts);
  if (weights === undefined) return name === names[0] ? positionCount : 0;
  const own = weightOf(name, weights);
  if (name !== heirOf(parts)) return own;
  return own + positionCount - names.reduce((sum, part) => sum + weightOf(part, weights), 0);
}

function weightOf(name: string, weights: SplitWeights['weights']): number {
  return Object.hasOwn(weights, name) ? (weights[name] ?? 0) : 0;
}

interface PreparedPart {
  readonly dependsOnNetwork: boolean;
  decide(network: AskingNetwork): SteeringDecision;
  scopeOf(network: AskingNetwork): number;
}

function createPart(name: string, rule: SplitRule, facts: SteeringFacts): PreparedPart {
  const part = rule.parts[name];
  if (part === undefined) return fixedPart({ kind: 'no-device' });
  if ('sites' in part) return createSitesPart(name, part, rule, facts);
  return fixedPart(decisionOf(part, { part: name }, facts.aliases));
}

function fixedPart(decision: SteeringDecision): PreparedPart {
  return { dependsOnNetwork: false, decide: () => decision, scopeOf: () => 0 };
}

/** The sites of a part, in the configuration's order. */
export function sitesOfPart(part: SitesPart, sites: readonly Site[]): readonly Site[] {
  return part.sites === 'all' ? sites : sites.filter(({ name }) => part.sites.includes(name));
}

function createSitesPart(name: string, part: SitesPart, rule: SplitRule, facts: SteeringFacts): PreparedPart {
  const sites = sitesOfPart(part, facts.sites);
  const choice: SiteChoice = createSiteChoice(sites, facts.conditions, facts.points);
  const bySite = new Map<Site, SteeringDecision>(
    sites.map((site) => {
      const from = { part: name, site: site.name } as const;
      const addresses = openAddresses(site, facts.conditions[site.name]);
      return [site, { kind: 'addresses', addresses: steeredAddresses(addresses), from }];
    }),
  );
  const allDown = allDownDecision(name, part, rule, facts);
  return {
    dependsOnNetwork: choice.dependsOnNetwork,
    decide: (network) => {
      const chosen = choice.choose(network);
      return (chosen && bySite.get(chosen.site)) ?? allDown;
    },
    scopeOf: choice.scopeOf,
  };
}

/** What is answered when no site of the part can be: the bypass, or all sites that are not taken out by hand. */
function allDownDecision(name: string, part: SitesPart, rule: SplitRule, facts: SteeringFacts): SteeringDecision {
  const from = { part: name, allDown: true } as const;
  const bypass = rule.parts[bypassPart];
  if (part.allDown === 'bypass' && bypass !== undefined && !('sites' in bypass)) {
    return decisionOf(bypass, { part: bypassPart, allDown: true }, facts.aliases);
  }
  const sites = sitesOfPart(part, facts.sites);
  const open = sites.filter((site) => site.weight > 0 && facts.conditions[site.name]?.drained !== true);
  const answered = open.length > 0 ? open : sites;
  return { kind: 'addresses', addresses: steeredAddresses(answered.flatMap(({ addresses }) => addresses)), from };
}
