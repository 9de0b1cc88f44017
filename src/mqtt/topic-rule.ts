/** What a bridge carries from one broker to another, and how. */
export interface TopicRule {
  readonly name: string;
  /** The broker that is subscribed to. */
  readonly from: string;
  /** The broker that is published to. */
  readonly to: string;
  /** Without `$share/name/`. */
  readonly filter: string;
  /** The most that is asked for at the source. What comes with 1 or 2 is published with 1. */
  readonly qos: 0 | 1 | 2;
  /** The share group that the rule joins at the source. */
  readonly share?: string;
  readonly topicChange: TopicChange;
  /** By the value of a topic level, counted from 1, or in no order. */
  readonly order: 'parallel' | { readonly keyLevel: number };
  readonly retained: RetainedPolicy;
  /** What happens to what the target cannot carry. */
  readonly undeliverable: 'dead-letter' | 'drop';
}

/**
 * `never`: nothing is published as retained, and what the source has retained is not carried. `asIs`: as the source shows
 * it, deletions included. `seed`: as `asIs`, and what the source has retained is carried when the rule first subscribes.
 */
export type RetainedPolicy = 'never' | 'asIs' | 'seed';

/** Prefixes of whole levels, each empty or ending in a slash. */
export interface TopicChange {
  readonly stripPrefix: string;
  readonly addPrefix: string;
}

export const unchangedTopic: TopicChange = { stripPrefix: '', addPrefix: '' };

/**
 * The topic at the target; undefined where there is none: nothing is left, or what is left would begin with `$`, which
 * the rule's filter cannot have meant.
 */
export function changedTopic(topic: string, { stripPrefix, addPrefix }: TopicChange): string | undefined {
  if (stripPrefix === '' && addPrefix === '') return topic;
  if (!topic.startsWith(stripPrefix)) return undefined;
  const changed = addPrefix + topic.slice(stripPrefix.length);
  return changed === '' || (changed.startsWith('$') && !topic.startsWith('$')) ? undefined : changed;
}

/** A filter for all that the rule publishes at its target; its filter begins with the prefix that is stripped. */
export function publishedFilter({ filter, topicChange: { stripPrefix, addPrefix } }: TopicRule): string {
  return addPrefix + filter.slice(stripPrefix.length);
}

/** What decides the order: messages with the same key stay in theirs. A topic without that level is its own key. */
export function orderKey(topic: string, keyLevel: number): string {
  let start = 0;
  for (let level = 1; level < keyLevel; level += 1) {
    const slash = topic.indexOf('/', start);
    if (slash < 0) return topic;
    start = slash + 1;
  }
  const end = topic.indexOf('/', start);
  return end < 0 ? topic.slice(start) : topic.slice(start, end);
}
