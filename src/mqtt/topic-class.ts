import { isRangeCovered } from './topic-range.ts';
import type { TopicRule } from './topic-rule.ts';

/** What a bridge does with all topics of a filter, seen from a device that moves from a source to a target. */
export type TopicClass = 'mirrored' | 'to-target' | 'to-source' | 'unbridged';

/** A move's two brokers. */
export interface BrokerPair {
  readonly source: string;
  readonly target: string;
}

/** What carrying means here: the part of a rule that says which topics come out as they went in. */
export type CarryingRule = Pick<TopicRule, 'from' | 'to' | 'filter' | 'topicChange'>;

/** `filter`: a topic name, or a filter without `$share/name/`, whose whole range has to be carried. */
export function topicClass(filter: string, { source, target }: BrokerPair, rules: readonly CarryingRule[]): TopicClass {
  const isToTarget = isCarried(filter, { from: source, to: target }, rules);
  const isToSource = isCarried(filter, { from: target, to: source }, rules);
  if (isToTarget) return isToSource ? 'mirrored' : 'to-target';
  return isToSource ? 'to-source' : 'unbridged';
}

/** Every topic of the filter's range reaches `to` under its own name, by one rule or by several together. */
export function isCarried(
  filter: string,
  { from, to }: { readonly from: string; readonly to: string },
  rules: readonly CarryingRule[],
): boolean {
  const carrying = rules.filter((rule) => rule.from === from && rule.to === to && keepsTopics(rule));
  return isRangeCovered(
    filter,
    carrying.map((rule) => rule.filter),
  );
}

/** A prefix that is taken off and put on again changes nothing. */
function keepsTopics({ topicChange: { stripPrefix, addPrefix } }: CarryingRule): boolean {
  return stripPrefix === addPrefix;
}
