import type { BrokerPair } from '../mqtt/topic-class.ts';
import { isBehind, type RuleCondition } from './rule-conditions.ts';

/** How long both brokers of a handover have to deliver, so that what is on its way over the bridge arrives meanwhile. */
export interface BridgeOverlap {
  /** In the order of the alphabet; a handover goes either way. */
  readonly brokers: readonly [string, string];
  readonly overlapMs: number;
}

export const longestOverlapMs = 60_000;
/** A lag is measured over a minute that has passed; the next one may be worse. */
const lagFactor = 2;
/** Figures that differ by less are not worth telling every worker. */
const stepMs = 100;

/** Of every two brokers with rules between them that run; 60 s where one is behind. */
export function bridgeOverlaps(conditions: readonly RuleCondition[]): readonly BridgeOverlap[] {
  const overlaps = new Map<string, BridgeOverlap>();
  for (const condition of conditions) {
    const wanted = overlapOf(condition);
    if (wanted === 0) continue;
    const { from, to } = condition.rule;
    const brokers = from < to ? ([from, to] as const) : ([to, from] as const);
    const key = JSON.stringify(brokers);
    const overlapMs = Math.max(wanted, overlaps.get(key)?.overlapMs ?? 0);
    overlaps.set(key, { brokers, overlapMs });
  }
  return [...overlaps.values()];
}

/** Names of rules between two brokers, either way, whose delay no overlap covers. */
export function rulesBehind(conditions: readonly RuleCondition[], { source, target }: BrokerPair): readonly string[] {
  return conditions
    .filter((condition) => isBehind(condition))
    .filter(({ rule: { from, to } }) => [from, to].includes(source) && [from, to].includes(target))
    .map(({ rule }) => rule.name);
}

function overlapOf(condition: RuleCondition): number {
  if (isBehind(condition)) return longestOverlapMs;
  if (condition.state !== 'running' || condition.lagMs === undefined) return 0;
  return Math.min(longestOverlapMs, Math.ceil((condition.lagMs * lagFactor) / stepMs) * stepMs);
}
