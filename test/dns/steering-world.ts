import { type AskingNetwork, parseAskingNetwork } from '../../src/dns/asking-network.ts';
import type { Site } from '../../src/dns/site-choice.ts';
import { steeredAddresses } from '../../src/dns/steered-addresses.ts';
import type { SteeringDecision, SteeringFacts } from '../../src/dns/steering-decision.ts';
import type { CohortRule, SplitRule } from '../../src/dns/steering-rule.ts';
import { createSubnetPoints } from '../../src/dns/subnet-points.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { snapshotOf } from '../plan/sample-plan.ts';

/** The front door of the contract, with the AWS endpoint resolved. */
export const frontDoor: SplitRule = {
  owner: '@',
  by: 'split',
  ttl: 30,
  split: 'front-door',
  parts: {
    gateway: { sites: 'all', allDown: 'bypass' },
    bypass: { addresses: ['192.0.2.1'] },
    direct: { alias: 'ATS.iot.example.net.' },
  },
};

export const ownNames: CohortRule = {
  owner: '*.d',
  by: 'cohort',
  ttl: 30,
  label: 'clientid',
  source: { addresses: ['192.0.2.1', '2001:db8::1'] },
  target: { alias: 'ats.iot.example.net' },
};

export function sampleSite(name: string, changes: Partial<Site> = {}): Site {
  return { name, addresses: [`203.0.113.${name.charCodeAt(0)}`], weight: 100, near: [], ...changes };
}

interface FactsChanges extends Partial<Omit<SteeringFacts, 'plan' | 'points'>> {
  readonly plan?: Partial<Plan>;
}

export function sampleFacts({ plan = {}, ...changes }: FactsChanges = {}): SteeringFacts {
  const snapshot = snapshotOf(plan);
  return {
    plan: snapshot,
    sites: [sampleSite('a')],
    conditions: {},
    aliases: { 'ats.iot.example.net': steeredAddresses(['198.51.100.1', '198.51.100.2', '2001:db8::a']) },
    points: createSubnetPoints(snapshot.plan.salt),
    ...changes,
  };
}

export function network(text: string): AskingNetwork {
  const parsed = parseAskingNetwork(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** A different /24 for each number below 2^24. */
export function networkNumber(number: number): AskingNetwork {
  return {
    address: Uint8Array.of((number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff, 0),
    prefixLength: 24,
  };
}

export function labels(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => Uint8Array.from(Buffer.from(text, 'latin1')));
}

/** `bypass`, `gateway/a`, `target`, `unresolved` or `no-device`. */
export function outcomeOf(decision: SteeringDecision): string {
  if (decision.kind !== 'addresses') return decision.kind;
  const { from } = decision;
  if ('side' in from) return from.side;
  return from.site === undefined ? from.part : `${from.part}/${from.site}`;
}
