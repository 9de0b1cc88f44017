import { type ServiceRecord, type ServiceStepKind, untouchedService } from './service-record.ts';
import type { ServiceTerms } from './service-terms.ts';

/** Where a service stands: the configuration's words and the ledger's together. */
export interface ServiceState {
  readonly name: string;
  readonly rule: string;
  /** Everything that it consumes, the rule's filter among them. */
  readonly filters: readonly string[];
  readonly publishes: readonly string[];
  /** Instances that still stand at the source. */
  readonly legacy: readonly string[];
  /** Instances that are said to be gone from there. */
  readonly removed: readonly string[];
  /** Members of the bridge that its moves have introduced. */
  readonly members: number;
  readonly step: ServiceStepKind;
  /**
   * `legacy`: it hears at the source alone. `both`: part of what it consumes comes out at the target, so that it must
   * have instances there. `target`: everything does, and probes have shown it.
   */
  readonly standing: 'legacy' | 'both' | 'target';
}

/** Instances that the configuration does not name any more count for nothing. */
export function serviceState(terms: ServiceTerms, record: ServiceRecord = untouchedService): ServiceState {
  const { name, rule, filters, publishes, instances } = terms;
  const removed = record.removed.filter((instance) => instances.includes(instance));
  const legacy = instances.filter((instance) => !removed.includes(instance));
  const isTouched = removed.length > 0 || record.members > 0;
  const isDone = legacy.length === 0 && record.step.kind === 'done';
  return {
    ...{ name, rule, filters, publishes, legacy, removed },
    members: record.members,
    step: record.step.kind === 'done' && !isDone ? 'idle' : record.step.kind,
    standing: isDone ? 'target' : isTouched ? 'both' : 'legacy',
  };
}
