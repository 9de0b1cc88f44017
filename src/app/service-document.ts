import type { ServiceDocument, ServiceEntryDocument, ServiceVerificationDocument } from '../admin/ledger-documents.ts';
import type { KnownService } from '../bridge/service-work.ts';
import { shareFigures } from '../bridge/services/expected-share.ts';
import { nextOf } from '../bridge/services/service-ledger.ts';
import {
  isWorking,
  type ServiceEntry,
  type ServiceRecord,
  untouchedService,
  type VerificationRecord,
} from '../bridge/services/service-record.ts';
import { serviceState } from '../bridge/services/service-state.ts';

const shownEntries = 100;

/** A service as the admin API tells it. */
export function serviceDocument(
  { terms, rule }: KnownService,
  record: ServiceRecord = untouchedService,
): ServiceDocument {
  const { name, filters, publishes, legacy, members, standing, step } = serviceState(terms, record);
  const measured = record.history.findLast(({ figures }) => figures?.share !== undefined)?.figures?.share;
  return {
    ...{ name, filters, publishes, members, standing, step },
    rule: rule.name,
    from: rule.from,
    to: rule.to,
    share: rule.share ?? '',
    returns: terms.returns ?? null,
    instances: terms.instances.map((instance) => ({
      name: instance,
      at: legacy.includes(instance) ? 'legacy' : 'removed',
    })),
    underWay: isWorking(record),
    trouble: record.trouble ?? null,
    next: nextOf(terms, record),
    measured: measured ?? null,
    expectedShare: shareFigures(0, { members, others: legacy.length, messages: 0 }).expectedShare,
    verification: record.verification === undefined ? null : toVerification(record.verification),
    history: record.history.slice(-shownEntries).toReversed().map(toEntry),
  };
}

function toVerification({ startedAtMs, window, bridge, ...rest }: VerificationRecord): ServiceVerificationDocument {
  return { ...rest, startedAt: new Date(startedAtMs).toISOString(), window: window ?? null, bridge: bridge ?? null };
}

function toEntry({ atMs, figures, ...rest }: ServiceEntry): ServiceEntryDocument {
  const { probes, share } = figures ?? {};
  const { answersSent = null, answersHeard = null } = probes ?? {};
  return {
    ...rest,
    at: new Date(atMs).toISOString(),
    probes: probes === undefined ? null : { ...probes, answersSent, answersHeard },
    share: share ?? null,
  };
}
