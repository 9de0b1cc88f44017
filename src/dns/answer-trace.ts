import type { RoutingSnapshot } from '../plan/snapshot.ts';
import { subnetKeyOf } from '../plan/subnet-key.ts';
import { renderWeight } from '../plan/weight.ts';
import { type AskingNetwork, renderAskingNetwork } from './asking-network.ts';
import { deviceKeyOfLabels, deviceOfKey, isAboveDevices, sideOf } from './cohort-steering.ts';
import { lookUp } from './lookup.ts';
import { renderRdata } from './rdata/rdata-text.ts';
import type { RecordSet } from './record-set.ts';
import { rcode as rcodes, renderRcode, renderType } from './record-type.ts';
import { createSiteChoice, isEligible } from './site-choice.ts';
import { partAt, positionIn, sitesOfPart, weightsOfSplit } from './split-steering.ts';
import { steeredExistence, steeredSet } from './steered-sets.ts';
import { createSteering } from './steering.ts';
import type { SteeringDecision, SteeringFacts } from './steering-decision.ts';
import type { CohortRule, SplitRule } from './steering-rule.ts';
import { labelCount, labelsOf, nameKey, renderName, type WireName } from './wire-name.ts';
import type { CompiledZone } from './zone-compiling.ts';
import { createZones, zoneFor } from './zones.ts';

export interface TraceRequest {
  readonly name: WireName;
  readonly type: number;
  readonly network: AskingNetwork;
}

export interface TraceStep {
  readonly step: string;
  readonly text: string;
}

export interface AnswerTrace {
  readonly rcode: string;
  /** Records in presentation form. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  /** Bits of the asking network that the answer depends on. */
  readonly scope: number;
  readonly steps: readonly TraceStep[];
  /** The split that had a say. */
  readonly split: SplitRule | undefined;
}

/** What a name is answered with and why, one step after another: by the parts that answer it. */
export function traceAnswer(zones: readonly CompiledZone[], facts: SteeringFacts, request: TraceRequest): AnswerTrace {
  const { name, type, network } = request;
  const served = createZones(zones.map(({ zone }) => zone));
  const question = { name, key: nameKey(name), type };
  const zone = zoneFor(served, question.key, type);
  const compiled = zones.find((one) => one.zone === zone);
  const steps: TraceStep[] = [];
  if (zone === undefined || compiled === undefined) {
    steps.push({ step: 'zone', text: 'none of ours' });
    return { rcode: renderRcode(rcodes.REFUSED), answer: [], authority: [], scope: 0, steps, split: undefined };
  }
  steps.push({ step: 'zone', text: renderName(zone.origin) });
  const steered = new Map<string, SteeringDecision>();
  let scope = 0;
  let split: SplitRule | undefined;
  const decisionOn = (index: number, owner: WireName): SteeringDecision | undefined => {
    const rule = compiled.rules[index];
    if (rule === undefined) return undefined;
    const labels = labelsInPlaceOfStar(rule.owner, owner, zone.origin);
    const steering = createSteering(rule, facts);
    const known = `${index} ${nameKey(owner)}`;
    const decision = steered.get(known) ?? steering.decide(labels, network);
    if (!steered.has(known)) {
      scope = Math.max(scope, steering.scopeOf(network));
      if (rule.by === 'split') split = rule;
      const explained = rule.by === 'split' ? splitSteps(rule, facts, network) : cohortSteps(rule, facts.plan, labels);
      steps.push({ step: 'owner', text: `${renderName(owner)} is steered by ${rule.by}` }, ...explained);
    }
    steered.set(known, decision);
    return decision;
  };
  const ttl = (index: number) => compiled.rules[index]?.ttl ?? 0;
  const lookup = lookUp(served, question, {
    set: (index, owner, setType) => steeredSet(decisionOn(index, owner), { owner, type: setType, ttl: ttl(index) }),
    existence: (index, owner) =>
      compiled.rules[index]?.by === 'cohort' ? steeredExistence(decisionOn(index, owner)) : 'name',
    ttl,
  });
  if (steered.size === 0) steps.push({ step: 'owner', text: 'static: the zone file has the answer' });
  for (const decision of steered.values()) {
    if (decision.kind === 'unresolved') steps.push({ step: 'alias', text: `${decision.alias} was never resolved` });
  }
  const { answer } = lookup;
  steps.push({ step: 'answer', text: outcomes[lookup.kind] });
  return {
    rcode: renderRcode(answer.rcode),
    answer: answer.answer.flatMap(renderSet),
    authority: answer.authority.flatMap(renderSet),
    ...{ scope, steps, split },
  };
}

const outcomes = {
  refused: 'refused: no zone of ours',
  answer: 'data',
  'no-data': 'the name exists without that type (NODATA)',
  'name-error': 'no such name (NXDOMAIN)',
  referral: 'a delegation',
  elsewhere: 'a CNAME that leads out of the zone',
  'too-long': 'a DNAME makes a name that is too long',
  unresolved: 'an alias without an address yet (SERVFAIL)',
} as const;

/** One line for each record. */
function renderSet({ owner, type, ttl, rdatas }: RecordSet): readonly string[] {
  return rdatas.map((rdata) => `${renderName(owner)} ${ttl} IN ${renderType(type)} ${renderRdata(type, rdata)}`);
}

function labelsInPlaceOfStar(ruleOwner: string, owner: WireName, origin: WireName): readonly Uint8Array[] {
  if (ruleOwner !== '*' && !ruleOwner.startsWith('*.')) return [];
  const below = labelCount(origin) + ruleOwner.split('.').length - 1;
  return labelsOf(owner).slice(0, labelCount(owner) - below);
}

function splitSteps(rule: SplitRule, facts: SteeringFacts, network: AskingNetwork): readonly TraceStep[] {
  const parts = Object.keys(rule.parts);
  const weights = weightsOfSplit(rule.split, facts.plan.plan.splits);
  const position = positionIn(facts.points, network);
  const part = partAt(position, rule.parts, weights);
  const shares =
    weights === undefined
      ? `the plan has no weights for it: all to the first part, ${parts[0]}`
      : parts.map((name) => `${name} ${renderWeight(weights[name] ?? 0)}`).join(', ');
  const steps: TraceStep[] = [
    { step: 'network', text: `${renderAskingNetwork(network)} counts as ${subnetKeyOf(network.address)}` },
    { step: 'split', text: `${rule.split} of revision ${facts.plan.revision}: ${shares}` },
    { step: 'part', text: `position ${position.toFixed(4)} falls to ${part}` },
  ];
  const chosen = rule.parts[part];
  if (chosen !== undefined && 'sites' in chosen) steps.push(...siteSteps(chosen, facts, network));
  else if (chosen !== undefined && 'alias' in chosen) steps.push({ step: 'alias', text: chosen.alias });
  return steps;
}

function siteSteps(
  part: Extract<SplitRule['parts'][string], { sites: unknown }>,
  facts: SteeringFacts,
  network: AskingNetwork,
): readonly TraceStep[] {
  const sites = sitesOfPart(part, facts.sites);
  const states = sites.map((site) => {
    const { health = 'unknown', drained = false } = facts.conditions[site.name] ?? {};
    const isOut = isEligible(site, facts.conditions[site.name]) ? '' : ', not answered with';
    return `${site.name} (${health}${drained ? ', drained' : ''}, weight ${site.weight}${isOut})`;
  });
  const chosen = createSiteChoice(sites, facts.conditions, facts.points).choose(network);
  const reasons = { only: 'the only one', near: 'the nearest', weight: 'its share by weight' } as const;
  const text = chosen === undefined ? `none: ${part.allDown}` : `${chosen.site.name}, ${reasons[chosen.reason]}`;
  return [
    { step: 'sites', text: states.join(', ') },
    { step: 'site', text },
  ];
}

function cohortSteps(rule: CohortRule, plan: RoutingSnapshot, labels: readonly Uint8Array[]): readonly TraceStep[] {
  const key = deviceKeyOfLabels(labels, rule.label);
  if (key === undefined) {
    const isAbove = isAboveDevices(labels) ? '; names of devices may end with them' : '';
    return [{ step: 'device', text: `no ${rule.label} has these labels${isAbove}` }];
  }
  const assignment = plan.assign(deviceOfKey(rule.label, key));
  const { cohort = 'none', position, weightBps, broker, reason, revision } = assignment;
  const place = position === undefined ? '' : `, position ${position.toFixed(4)}`;
  const weight = weightBps === undefined ? '' : `, weight ${renderWeight(weightBps)}`;
  return [
    { step: 'device', text: `${rule.label}:${key}` },
    { step: 'cohort', text: `${cohort}${place}${weight}` },
    { step: 'side', text: `${sideOf(assignment, plan.plan)}: ${broker} (${reason}, revision ${revision})` },
  ];
}
