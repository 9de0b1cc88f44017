import type { LostTopic } from '../admin/interlock-document.ts';
import type { ServiceState } from '../bridge/services/service-state.ts';
import { type BrokerPair, isCarried, topicClass } from '../mqtt/topic-class.ts';
import { filtersIntersect, isRangeCovered } from '../mqtt/topic-range.ts';
import type { ObservedTopic } from '../session/observed-topics.ts';
import { carries, type RuleCondition, type RuleState } from './rule-conditions.ts';

/** What is known of other ends. */
export interface OtherEnds {
  readonly pair: BrokerPair;
  readonly conditions: readonly RuleCondition[];
  readonly services: readonly Pick<ServiceState, 'name' | 'rule' | 'filters' | 'publishes' | 'standing'>[];
}

/** The topics that would have no other end at the target, those of most devices first. */
export function lostTopics(topics: readonly ObservedTopic[], ends: OtherEnds): readonly LostTopic[] {
  return topics
    .filter(({ pattern }) => !pattern.startsWith('$'))
    .filter((topic) => !keepsOtherEnd(topic, ends))
    .map((topic) => toLostTopic(topic, ends))
    .toSorted((a, b) => b.devices - a.devices || compareTopics(a.topic, b.topic));
}

/** What an operator should know of the rules that count. */
export function ruleWarnings({ pair, conditions }: OtherEnds): readonly string[] {
  const between = conditions.filter(({ rule: { from, to } }) => isBetween(pair, from, to));
  return between.flatMap(({ rule: { name }, state, spooled }) => {
    if (state === 'paused') return [`rule ${name} is paused: what it carries comes when it is resumed`];
    if (state === 'unknown') return [`whether rule ${name} carries is not known: no process of the bridge is seen`];
    if (state === 'running' && spooled > 0) return [`rule ${name} is behind: ${spooled} messages wait in its spool`];
    return [];
  });
}

export function isBetween({ source, target }: BrokerPair, from: string, to: string): boolean {
  return (from === source && to === target) || (from === target && to === source);
}

function keepsOtherEnd(topic: Pick<ObservedTopic, 'use' | 'pattern'>, ends: OtherEnds): boolean {
  const { pattern } = topic;
  if (isCarried(pattern, wayOf(topic, ends.pair), carryingRules(ends))) return true;
  const concerned = servicesAt(topic, ends);
  const there = concerned.flatMap(({ filters }) => filters);
  return concerned.every(({ isMoved }) => isMoved) && isRangeCovered(pattern, there);
}

/** A device that has moved publishes at the target, for who is at the source; and hears from there. */
function wayOf({ use }: Pick<ObservedTopic, 'use'>, { source, target }: BrokerPair) {
  return use === 'publish' ? { from: target, to: source } : { from: source, to: target };
}

/** The rule by which a service moves carries a share of what comes. */
function carryingRules({ conditions, services }: OtherEnds) {
  const shares = new Set(services.map(({ rule }) => rule));
  return conditions.filter((each) => carries(each) && !shares.has(each.rule.name)).map(({ rule }) => rule);
}

/** The configured services at the other end of some topic of the pattern. */
function servicesAt({ use, pattern }: Pick<ObservedTopic, 'use' | 'pattern'>, { services }: OtherEnds) {
  return services
    .map(({ name, standing, filters, publishes }) => ({
      name,
      isMoved: standing === 'target',
      filters: use === 'publish' ? filters : publishes,
    }))
    .filter(({ filters }) => filters.some((filter) => filtersIntersect(filter, pattern)));
}

function toLostTopic(topic: ObservedTopic, ends: OtherEnds): LostTopic {
  const { pattern, use, isWidened, lastSeenMs, devices } = topic;
  const needs = { ...wayOf(topic, ends.pair), filter: pattern };
  const services = servicesAt(topic, ends)
    .filter(({ isMoved }) => !isMoved)
    .map(({ name }) => name);
  return {
    topic: pattern,
    use,
    class: topicClass(pattern, ends.pair, carryingRules(ends)),
    devices: devices.count(),
    isWidened,
    lastSeen: new Date(lastSeenMs).toISOString(),
    services,
    needs,
    advice: adviceFor(needs, ends),
  };
}

function adviceFor(needs: LostTopic['needs'], { conditions, services }: OtherEnds): string {
  const { from, to, filter } = needs;
  const broken = conditions.find((each) => !carries(each) && isCarried(filter, needs, [each.rule]));
  if (broken !== undefined) return `rule ${broken.rule.name} would carry it: it ${remedies[broken.state]}`;
  const changing = conditions.find(
    ({ rule }) => rule.from === from && rule.to === to && isRangeCovered(filter, [rule.filter]),
  );
  const rule = `a rule from ${from} to ${to} with filter ${JSON.stringify(filter)}`;
  if (changing === undefined) return `add ${rule}`;
  const { name } = changing.rule;
  const isShare = services.some((service) => service.rule === name);
  return `add ${rule}: rule ${name} ${isShare ? 'carries a share of it only' : 'carries it under another topic'}`;
}

const remedies: Readonly<Record<RuleState, string>> = {
  running: 'runs',
  paused: 'is paused',
  stopped: 'was stopped because a message went round; mend the loop, then "crossfade bridge resume" it',
  unsubscribed: 'has no subscription at its source: look at its credentials and permissions there',
  idle: 'is not worked by any process of the bridge, or has no members: start the bridge, or "crossfade bridge scale" it',
  unknown: 'is not known to run',
};

function compareTopics(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
