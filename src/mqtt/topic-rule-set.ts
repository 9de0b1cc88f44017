import { filtersIntersect } from './topic-range.ts';
import { publishedFilter, type TopicRule } from './topic-rule.ts';

export interface RuleSetFinding {
  /**
   * `loop`: what these rules publish comes round to the first of them. `echo`: what the first publishes is carried on by
   * the second. `twice`: both carry the same messages to the same broker.
   */
  readonly kind: 'loop' | 'echo' | 'twice';
  /** Names, in the order of the way. */
  readonly rules: readonly string[];
  /** The brokers on the way. */
  readonly brokers: readonly string[];
}

/**
 * What a set of rules does together that no one of them does alone. Ranges are compared, not messages: a loop that is
 * named here may be impossible, but none that is possible is missing.
 */
export function ruleSetFindings(rules: readonly TopicRule[]): readonly RuleSetFinding[] {
  const onwards = new Map(rules.map((rule) => [rule, rules.filter((next) => feeds(rule, next))]));
  const loopSets = new Set<string>();
  const findings: RuleSetFinding[] = [];
  for (const rule of rules) {
    const loop = shortestLoop(rule, onwards) ?? [];
    if (loop.length === 0) continue;
    const members = loop.map(({ name }) => name);
    const key = JSON.stringify(members.toSorted());
    if (loopSets.has(key)) continue;
    loopSets.add(key);
    findings.push({ kind: 'loop', rules: members, brokers: loop.map(({ from }) => from) });
  }
  const inLoops = new Set(findings.flatMap((finding) => finding.rules));
  for (const [rule, nexts] of onwards) {
    for (const next of nexts) {
      if (inLoops.has(rule.name) && inLoops.has(next.name)) continue;
      findings.push({ kind: 'echo', rules: [rule.name, next.name], brokers: [rule.from, rule.to, next.to] });
    }
  }
  return [...findings, ...carriedTwice(rules)];
}

/** Something that `rule` publishes is in the range of `next`. */
function feeds(rule: TopicRule, next: TopicRule): boolean {
  return rule.to === next.from && filtersIntersect(publishedFilter(rule), next.filter);
}

/** The shortest way from a rule back to itself, as the rules on it; breadth first. */
function shortestLoop(
  start: TopicRule,
  onwards: ReadonlyMap<TopicRule, readonly TopicRule[]>,
): readonly TopicRule[] | undefined {
  const seen = new Set<TopicRule>([start]);
  let ways: readonly (readonly TopicRule[])[] = [[start]];
  while (ways.length > 0) {
    const longer: (readonly TopicRule[])[] = [];
    for (const way of ways) {
      for (const next of onwards.get(way.at(-1) as TopicRule) ?? []) {
        if (next === start) return way;
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return undefined;
}

/** Rules of different share groups each get every message; so do one in a group and one outside. */
function carriedTwice(rules: readonly TopicRule[]): readonly RuleSetFinding[] {
  return rules.flatMap((rule, index) =>
    rules.slice(index + 1).flatMap((other) => {
      const isSamePair = rule.from === other.from && rule.to === other.to;
      if (!isSamePair || !filtersIntersect(rule.filter, other.filter)) return [];
      if (!filtersIntersect(publishedFilter(rule), publishedFilter(other))) return [];
      if (isSameGroup(rule, other)) return [];
      return [{ kind: 'twice', rules: [rule.name, other.name], brokers: [rule.from, rule.to] } as const];
    }),
  );
}

/** Each message goes to one of them: a group is its name and its filter (MQTT 5 §4.8.2). */
function isSameGroup(rule: TopicRule, other: TopicRule): boolean {
  return rule.share !== undefined && rule.share === other.share && rule.filter === other.filter;
}
