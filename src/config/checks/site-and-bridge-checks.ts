import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';
import { brokersOf, checkBrokerName } from './broker-checks.ts';

export function checkSites(root: Cursor): readonly Finding[] {
  return root.at('sites').items.flatMap((site) => {
    const probe = site.at('probe');
    if (!probe.isPresent || probe.has('tcp') || probe.has('tls') || probe.has('mqtt')) return [];
    return [probe.finding('expected at least one of tcp, tls, mqtt (a port), got none')];
  });
}

export function checkBridge(root: Cursor): readonly Finding[] {
  return root.at('bridge', 'rules').items.flatMap((rule) => {
    const from = rule.at('from');
    const to = rule.at('to');
    const members = rule.at('members');
    const findings: Finding[] = [from, to].flatMap((name) => [...checkBrokerName(name, brokersOf(root))]);
    if (to.text !== undefined && to.text === from.text) findings.push(to.unexpected('another broker than from'));
    // Two members without a shared subscription would each receive, and republish, every message.
    if ((members.number ?? 1) > 1 && !rule.has('share'))
      findings.push(members.unexpected('1 where the rule has no share'));
    return findings;
  });
}
