import { profileNamed } from '../../mqtt/broker-profiles.ts';
import { topicFilterFault } from '../../mqtt/topic.ts';
import { type TopicRule, unchangedTopic } from '../../mqtt/topic-rule.ts';
import { type RuleSetFinding, ruleSetFindings } from '../../mqtt/topic-rule-set.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { brokersOf, checkBrokerName } from './broker-checks.ts';

/** Bytes that AWS IoT Core and the longest suffix leave for the bridge's name and the rule's. */
const longestNames = 128 - '--to-p99of100-123456-99'.length;

export function checkBridge(root: Cursor): readonly Finding[] {
  const bridge = root.at('bridge');
  const rules = bridge.at('rules').items;
  return [
    ...rules.flatMap((rule) => checkRule(rule, root)),
    ...bridge.at('connections').entries.flatMap(([name, connection]) => {
      const isKnown = root.at('brokers').has(name);
      return isKnown ? [] : [connection.finding(`expected the name of a broker, got ${JSON.stringify(name)}`)];
    }),
    ...checkLoops(root, rules),
  ];
}

function checkRule(rule: Cursor, root: Cursor): readonly Finding[] {
  const from = rule.at('from');
  const to = rule.at('to');
  const members = rule.at('members');
  const partitions = rule.at('partitions');
  const prefix = rule.at('stripPrefix');
  const name = rule.at('name');
  const bridgeName = root.at('bridge', 'name').text ?? 'crossfade-bridge';
  const findings: Finding[] = [from, to].flatMap((broker) => [...checkBrokerName(broker, brokersOf(root))]);
  if (to.text !== undefined && to.text === from.text) findings.push(to.unexpected('another broker than from'));
  // Two members without a shared subscription would each receive, and republish, every message.
  if ((members.number ?? 1) > 1 && !rule.has('share'))
    findings.push(members.unexpected('1 where the rule has no share'));
  if ((partitions.number ?? 1) > 1 && (rule.has('share') || !rule.at('order').has('keyLevel')))
    findings.push(partitions.unexpected('1 where the rule has no order by a topic level, or has a share'));
  if (prefix.text !== undefined && rule.at('filter').text?.startsWith(prefix.text) === false) {
    findings.push(prefix.unexpected('the beginning of the filter'));
  }
  if (Buffer.byteLength(`${bridgeName}${name.text ?? ''}`) > longestNames) {
    findings.push(name.unexpected(`at most ${longestNames} bytes together with the name of the bridge`));
  }
  return findings;
}

/** Only MQTT 5 shows a message's marks: round over another broker it would go for ever. */
function checkLoops(root: Cursor, rules: readonly Cursor[]): readonly Finding[] {
  if (root.at('bridge', 'loopGuard').text === 'fingerprints') return [];
  return writtenRuleFindings(rules).flatMap(({ kind, rules: names, brokers }) => {
    const unmarked = brokers.filter((broker) => !speaksFive(root, broker));
    const first = rules.find((rule) => rule.at('name').text === names[0]);
    if (kind !== 'loop' || unmarked.length === 0 || first === undefined) return [];
    const way = [...names, names[0]].join(' → ');
    return [
      first
        .at('filter')
        .unexpected(
          `ranges that do not come round (${way}) over a broker without MQTT 5 (${[...new Set(unmarked)].join(', ')}), or loopGuard: fingerprints`,
        ),
    ];
  });
}

function writtenRuleFindings(rules: readonly Cursor[]): readonly RuleSetFinding[] {
  return ruleSetFindings(rules.flatMap((rule) => writtenRule(rule) ?? []));
}

/** Undefined where what matters here is missing or wrong: that has a finding of its own. */
function writtenRule(rule: Cursor): TopicRule | undefined {
  const [name, from, to, filter] = ['name', 'from', 'to', 'filter'].map((key) => rule.at(key).text);
  if (name === undefined || from === undefined || to === undefined || filter === undefined) return undefined;
  if (topicFilterFault(filter) !== undefined || from === to) return undefined;
  const stripPrefix = rule.at('stripPrefix').text ?? '';
  const addPrefix = rule.at('addPrefix').text ?? '';
  return {
    ...{ name, from, to, filter, qos: 1, order: 'parallel', retained: 'never', undeliverable: 'drop' },
    topicChange: filter.startsWith(stripPrefix) ? { stripPrefix, addPrefix } : unchangedTopic,
  };
}

function speaksFive(root: Cursor, broker: string): boolean {
  const version = root.at('bridge', 'connections', broker, 'version');
  if (version.isPresent) return `${version.value}` === '5';
  const versions = root.at('brokers', broker, 'versions');
  if (versions.isPresent) return versions.items.some(({ value }) => `${value}` === '5');
  return profileNamed(root.at('brokers', broker, 'profile').text).versions.includes('5');
}
