import type { CidrBlock } from '../base/cidr.ts';
import { pointOf } from '../plan/position.ts';
import type { AskingNetwork } from './asking-network.ts';
import { createNearTable } from './near-table.ts';
import type { SubnetPoints } from './subnet-points.ts';

/** A place with gateways, as the configuration describes it. */
export interface Site {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Its share of the networks that have no nearer one; 0: none of them. */
  readonly weight: number;
  /** Networks that are nearest to it. */
  readonly near: readonly CidrBlock[];
}

/** What is known of a site now. */
export interface SiteCondition {
  /** `unknown`: not probed, or not long enough; it is answered with. */
  readonly health: 'up' | 'down' | 'unknown';
  /** The operator lets nobody new go there. */
  readonly drained: boolean;
  /** Addresses of a site that is up, that are down themselves: they are left out. */
  readonly downAddresses?: readonly string[];
}

export type SiteConditions = Readonly<Record<string, SiteCondition>>;

/** Why a site was chosen. */
export type SiteReason =
  /** It alone can be answered with. */
  | 'only'
  /** A block of its `near` is the longest that holds the asking network. */
  | 'near'
  /** The asking network falls to it by weight, among all or among the equally near. */
  | 'weight';

export interface ChosenSite {
  readonly site: Site;
  readonly reason: SiteReason;
}

export interface SiteChoice {
  /** False: `choose` says the same to every network. */
  readonly dependsOnNetwork: boolean;
  /** Undefined: no site can be answered with. */
  choose(network: AskingNetwork): ChosenSite | undefined;
  /** Bits of the asking network that the choice depends on; 0: none. */
  scopeOf(network: AskingNetwork): number;
}

/** Whether a site can be answered with. A weight of 0 takes it out of the draw, as drained does. */
export function isEligible(site: Site, condition: SiteCondition | undefined): boolean {
  return site.weight > 0 && condition?.drained !== true && condition?.health !== 'down';
}

/** The addresses that a site is answered with. */
export function openAddresses(site: Site, condition: SiteCondition | undefined): readonly string[] {
  const down = condition?.downAddresses ?? [];
  const open = site.addresses.filter((address) => !down.includes(address));
  return open.length === 0 ? site.addresses : open;
}

/**
 * Healthy, then near, then weighted. The draw is a weighted rendezvous of the network's point with every site, so that
 * a network keeps its site while that can be answered with, and only the networks of a site that falls away move.
 */
export function createSiteChoice(sites: readonly Site[], conditions: SiteConditions, points: SubnetPoints): SiteChoice {
  const candidates = sites
    .filter((site) => isEligible(site, conditions[site.name]))
    .map((site) => ({ site, seed: pointOf(`${points.salt}/site`, 'subnet', site.name) }));
  const near = createNearTable(candidates.flatMap((value) => value.site.near.map((block) => ({ block, value }))));
  const [first, ...others] = candidates;
  const only: ChosenSite | undefined = first && { site: first.site, reason: 'only' };
  return {
    dependsOnNetwork: others.length > 0,
    choose(network) {
      if (others.length === 0) return only;
      const match = near.longest(network);
      const nearest = match?.values ?? candidates;
      if (match !== undefined && nearest.length === 1 && nearest[0]) return { site: nearest[0].site, reason: 'near' };
      return { site: draw(nearest, points.at(network.address)), reason: 'weight' };
    },
    scopeOf: (network) => (others.length === 0 ? 0 : near.scopeOf(network)),
  };
}

interface Candidate {
  readonly site: Site;
  readonly seed: number;
}

/** At least one candidate. The lowest of -ln(u) / weight wins with a probability in proportion to its weight. */
function draw(candidates: readonly Candidate[], point: number): Site {
  let best = candidates[0] as Candidate;
  let lowest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const u = (mixed(point ^ candidate.seed) + 0.5) / 2 ** 32;
    const score = -Math.log(u) / candidate.site.weight;
    if (score >= lowest) continue;
    best = candidate;
    lowest = score;
  }
  return best.site;
}

/** The finalizer of MurmurHash3: every bit of the input turns about half of the output's. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
