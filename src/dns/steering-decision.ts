import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { AskingNetwork } from './asking-network.ts';
import type { Site, SiteConditions } from './site-choice.ts';
import type { SteeredAddresses } from './steered-addresses.ts';
import { steeredAddresses } from './steered-addresses.ts';
import { aliasKey, type SteeringRule, type SteeringTarget } from './steering-rule.ts';
import type { SubnetPoints } from './subnet-points.ts';

/** Everything that steering looks at; immutable, swapped whole. */
export interface SteeringFacts {
  readonly plan: RoutingSnapshot;
  readonly sites: readonly Site[];
  readonly conditions: SiteConditions;
  /** The last good answer for each alias, by aliasKey; absent: there was none yet. */
  readonly aliases: Readonly<Record<string, SteeredAddresses>>;
  /** Under the plan's salt. */
  readonly points: SubnetPoints;
}

/** What a steered name is answered with. The same object for the same answer while the facts stand: a key of caches. */
export type SteeringDecision =
  /** No address of the type asked for: NODATA. */
  | { readonly kind: 'addresses'; readonly addresses: SteeredAddresses; readonly from: AnswerOrigin }
  /** An alias that was never resolved: SERVFAIL. */
  | { readonly kind: 'unresolved'; readonly alias: string; readonly from: AnswerOrigin }
  /** The labels are no device's: NXDOMAIN. */
  | { readonly kind: 'no-device' }
  /** The labels are the end of the names of devices: NODATA, or resolvers that ask from the top would not go on (RFC 8020). */
  | { readonly kind: 'above-devices' };

/** What the addresses belong to. */
export type AnswerOrigin =
  | { readonly part: string; readonly site?: string; readonly allDown?: true }
  | { readonly side: 'source' | 'target' };

/** How one owner is steered, under one set of facts. */
export interface Steering {
  readonly rule: SteeringRule;
  /** False: `decide` says the same to every network. */
  readonly dependsOnNetwork: boolean;
  /** `labels`: what stands in the place of the owner's `*`, leftmost first; empty for an owner without one. */
  decide(labels: readonly Uint8Array[], network: AskingNetwork): SteeringDecision;
  /** Bits of the asking network that `decide` depends on: the scope of a client subnet (RFC 7871 section 7.2.1). */
  scopeOf(network: AskingNetwork): number;
}

/** The decision for a target that needs no choice. */
export function decisionOf(
  target: SteeringTarget,
  from: AnswerOrigin,
  aliases: SteeringFacts['aliases'],
): SteeringDecision {
  if ('addresses' in target) return { kind: 'addresses', addresses: steeredAddresses(target.addresses), from };
  const alias = aliasKey(target.alias);
  const addresses = Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
  return addresses === undefined ? { kind: 'unresolved', alias, from } : { kind: 'addresses', addresses, from };
}
