import type { Configuration } from '../config/configuration.ts';
import { probeTopicOf, type ServiceTerms } from '../bridge/services/service-terms.ts';

/** The configuration's `services` section as the ledger takes it. */
export function serviceTerms({
  services,
  bridge,
}: Pick<Configuration, 'services' | 'bridge'>): readonly ServiceTerms[] {
  return services.flatMap(({ probeTopic, filters, ...service }) => {
    const rule = bridge.rules.find(({ name }) => name === service.rule);
    if (rule === undefined) return [];
    const consumed = [...new Set([rule.filter, ...filters])];
    return [{ ...service, filters: consumed, probeTopic: probeTopic ?? probeTopicOf(rule.filter) }];
  });
}
