import type { DeviceKeyKind } from '../plan/device-key.ts';

/** Addresses, or the name whose addresses are answered with. */
export type SteeringTarget = { readonly addresses: readonly string[] } | { readonly alias: string };

export type SplitPart =
  /** `allDown`: what is answered when no site can be: the part named `bypass`, or all sites all the same. */
  { readonly sites: 'all' | readonly string[]; readonly allDown: 'bypass' | 'answer-all' } | SteeringTarget;

/** Shares of the asking networks; the weights are the plan's, of the split of this name. */
export interface SplitRule {
  /** Relative to the zone: `@`, a name, or a wildcard. */
  readonly owner: string;
  readonly by: 'split';
  /** Seconds. */
  readonly ttl: number;
  readonly split: string;
  /** In the order in which they take the positions. */
  readonly parts: Readonly<Record<string, SplitPart>>;
}

/** A device's own name, whose labels are its key (contract section 1). */
export interface CohortRule {
  /** A wildcard, relative to the zone. */
  readonly owner: string;
  readonly by: 'cohort';
  /** Seconds. */
  readonly ttl: number;
  readonly label: DeviceKeyKind;
  readonly source: SteeringTarget;
  readonly target: SteeringTarget;
}

export type SteeringRule = SplitRule | CohortRule;

/** All names that the rules answer with the addresses of, each once, in lower case without a dot at the end. */
export function aliasesOf(rules: readonly SteeringRule[]): readonly string[] {
  const targets = rules.flatMap((rule) =>
    rule.by === 'cohort' ? [rule.source, rule.target] : Object.values(rule.parts),
  );
  return [...new Set(targets.flatMap((target) => ('alias' in target ? [aliasKey(target.alias)] : [])))];
}

/** One spelling for each name. */
export function aliasKey(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
