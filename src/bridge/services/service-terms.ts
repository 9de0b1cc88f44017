import { matchesTopicFilter } from '../../mqtt/topic.ts';

/** A backend as the configuration describes it: what it hears, and what stands for it at the source before it moves. */
export interface ServiceTerms {
  readonly name: string;
  /** The rule that joins its share group at the source. */
  readonly rule: string;
  /** The instances that the operator runs at the source, by names of the operator's. At least one. */
  readonly instances: readonly string[];
  /** Everything that it consumes, the rule's filter among them. */
  readonly filters: readonly string[];
  /** What it publishes. */
  readonly publishes: readonly string[];
  /** The rule that carries its answers back. */
  readonly returns?: string;
  /** Where probes are published at the source; in the range of the rule's filter. */
  readonly probeTopic: string;
}

/** What stands for every wildcard in a topic that only probes have. */
export const probeLevel = 'crossfade-probe';

/** A topic in the range of a filter: its wildcards are levels that say what the message is. */
export function probeTopicOf(filter: string): string {
  const topic = filter
    .split('/')
    .map((level) => (level === '+' || level === '#' ? probeLevel : level))
    .join('/');
  if (!matchesTopicFilter(filter, topic)) throw new Error(`expected a topic filter, got ${filter}`);
  return topic;
}
