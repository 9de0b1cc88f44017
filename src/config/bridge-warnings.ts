import { brokerProfiles } from '../mqtt/broker-profiles.ts';
import { ruleSetFindings } from '../mqtt/topic-rule-set.ts';
import { bridgeVersion, toTopicRule } from './bridge-configuration.ts';
import type { Configuration } from './configuration.ts';

/** What a set of rules does that may surprise; what would go round for ever is a mistake and no warning. */
export function bridgeWarnings({ bridge, brokers, services }: Configuration): readonly string[] {
  const findings = ruleSetFindings(bridge.rules.map(toTopicRule));
  const version = (broker: string) => bridgeVersion(brokers[broker]?.versions ?? [], bridge.connections[broker]);
  return [
    ...findings.map(({ kind, rules }) => {
      const names = rules.join(', ');
      if (kind === 'twice') return `bridge.rules: ${names} carry the same messages twice where both match`;
      if (kind === 'echo')
        return `bridge.rules: what ${rules[0]} publishes is in the range of ${rules[1]}, and is not carried on`;
      return `bridge.rules: the ranges of ${names} come round; messages are kept from it by their marks or fingerprints`;
    }),
    ...bridge.rules.flatMap(({ name, members }) => {
      const service = services.find(({ rule }) => rule === name);
      if (service === undefined || members === 0) return [];
      return [
        `bridge.rules.${name}.members: the bridge takes a share of service ${service.name} as soon as it runs, before anything is proved; 0 leaves that to services move`,
      ];
    }),
    ...bridge.rules.flatMap(({ name, from, retained }) => {
      const profile = brokerProfiles[brokers[from]?.profile ?? 'mqtt'];
      const shows = version(from) === '5' && profile.retainAsPublished;
      if (retained === 'never' || shows) return [];
      return [
        `bridge.rules.${name}.retained: ${from} does not show RETAIN of live messages: they are carried without it`,
      ];
    }),
  ];
}
