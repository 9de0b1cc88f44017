import type { ProcessStatus, RuleWishes, SlotStatus } from '../bridge/bridge-status.ts';
import type { TopicRule } from '../mqtt/topic-rule.ts';

/**
 * How a rule is doing. `running` and `paused` carry, the latter late; `stopped`: a message went round; `unsubscribed`: its
 * source has not granted what it asks for; `idle`: no process works it, or it has no members; `unknown`: nothing is known
 * of the whole bridge.
 */
export type RuleState = 'running' | 'paused' | 'stopped' | 'unsubscribed' | 'idle' | 'unknown';

export interface RuleCondition {
  readonly rule: TopicRule;
  readonly state: RuleState;
  /** Messages that wait in its spools. */
  readonly spooled: number;
  /** The longest of its slots, over the last minute; absent where nothing was carried. */
  readonly lagMs?: number;
}

export interface BoardContent {
  readonly statuses: readonly ProcessStatus[];
  readonly wishes: RuleWishes;
}

/** `content` undefined: the board cannot be read. `isElsewhere`: the bridge may run where its board is not seen. */
export function ruleConditions(
  rules: readonly TopicRule[],
  content: BoardContent | undefined,
  { isElsewhere }: { readonly isElsewhere: boolean },
): readonly RuleCondition[] {
  const isUnknown = content === undefined || (content.statuses.length === 0 && isElsewhere);
  return rules.map((rule) => {
    if (isUnknown) return { rule, state: 'unknown', spooled: 0 };
    const slots = content.statuses.flatMap((status) => status.slots.filter((slot) => slot.rule === rule.name));
    const lags = slots.flatMap(({ lag }) => (lag === undefined ? [] : [lag.p999Ms]));
    return {
      rule,
      state: stateOf(slots, content.wishes[rule.name]?.isPaused === true),
      spooled: slots.reduce((total, { spool }) => total + spool.messages, 0),
      ...(lags.length > 0 && { lagMs: Math.max(...lags) }),
    };
  });
}

function stateOf(all: readonly SlotStatus[], isPaused: boolean): RuleState {
  if (all.some(({ state }) => state === 'stopped')) return 'stopped';
  const slots = all.filter(({ state }) => state !== 'leaving');
  if (slots.length === 0) return 'idle';
  // Each partition has a part of the messages; of members each that is there takes what comes.
  const parts = slots.filter(({ place }) => place.kind === 'partition');
  const isWhole = parts.length > 0 ? hasAllParts(parts) : slots.some(({ isSubscribed }) => isSubscribed);
  if (!isWhole) return 'unsubscribed';
  return isPaused || slots.some(({ state }) => state === 'paused') ? 'paused' : 'running';
}

function hasAllParts(slots: readonly SlotStatus[]): boolean {
  const subscribed = new Set(slots.filter(({ isSubscribed }) => isSubscribed).map(({ place }) => place.index));
  return subscribed.size >= Math.min(...slots.map(({ place }) => place.count));
}

/** What the rule's source is told comes out at its target, now or later. */
export function carries({ state }: RuleCondition): boolean {
  return state === 'running' || state === 'paused' || state === 'unknown';
}

/** It has no lag that could be told. */
export function isBehind({ state, spooled }: RuleCondition): boolean {
  return state === 'paused' || (state === 'running' && spooled > 0);
}
