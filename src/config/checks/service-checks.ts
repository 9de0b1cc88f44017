import { matchesTopicFilter, topicFilterFault } from '../../mqtt/topic.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** Bytes that AWS IoT Core and the longest words around them leave for the bridge's name and the service's. */
const longestNames = 128 - '-service--verify-target'.length;

export function checkServices(root: Cursor): readonly Finding[] {
  return root.at('services').items.flatMap((service) => checkService(service, root));
}

function checkService(service: Cursor, root: Cursor): readonly Finding[] {
  const name = service.at('name');
  const bridgeName = root.at('bridge', 'name').text ?? 'crossfade-bridge';
  const isLong = Buffer.byteLength(`${bridgeName}${name.text ?? ''}`) > longestNames;
  return [
    ...(isLong ? [name.unexpected(`at most ${longestNames} bytes together with the name of the bridge`)] : []),
    ...checkRules(service, root),
  ];
}

function checkRules(service: Cursor, root: Cursor): readonly Finding[] {
  const named = service.at('rule');
  if (named.text === undefined) return [];
  const rule = ruleNamed(root, named.text);
  if (rule === undefined) return [named.unexpected('the name of a rule of the bridge')];
  const findings: Finding[] = [];
  // Without a share group the bridge is no further instance, but gets everything a second time.
  if (!rule.has('share')) findings.push(named.unexpected('a rule with share'));
  const probeTopic = service.at('probeTopic');
  const filter = rule.at('filter').text;
  const isInRange = probeTopic.text === undefined || filter === undefined || topicFilterFault(filter) !== undefined;
  if (!isInRange && !matchesTopicFilter(filter, probeTopic.text)) {
    findings.push(probeTopic.unexpected(`a topic in the range of ${JSON.stringify(filter)}, the filter of its rule`));
  }
  return [...findings, ...checkReturns(service.at('returns'), rule, root)];
}

function checkReturns(returns: Cursor, rule: Cursor, root: Cursor): readonly Finding[] {
  if (returns.text === undefined) return [];
  const back = ruleNamed(root, returns.text);
  if (back === undefined) return [returns.unexpected('the name of a rule of the bridge')];
  const isTheWayBack = back.at('from').text === rule.at('to').text && back.at('to').text === rule.at('from').text;
  return isTheWayBack ? [] : [returns.unexpected('a rule that goes the other way between the same brokers')];
}

function ruleNamed(root: Cursor, name: string): Cursor | undefined {
  return root.at('bridge', 'rules').items.find((rule) => rule.at('name').text === name);
}
