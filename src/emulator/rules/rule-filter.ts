import { matchesTopicFilter } from '../../mqtt/topic.ts';

/** As the service matches: `a/#` is not `a`, and what begins with `$` is only met by a filter that does. */
export function matchesRuleFilter(filter: string | undefined, topic: string): boolean {
  if (filter === undefined || !matchesTopicFilter(filter, topic)) return false;
  return !filter.endsWith('/#') || topic.split('/').length >= filter.split('/').length;
}
