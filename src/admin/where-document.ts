import type { Assignment } from '../plan/assignment.ts';
import type { WhereDocument } from './admin-api.ts';

/** The contract's words for one assignment; `device` is the value that the question named the device by. */
export function toWhereDocument(device: string, assignment: Assignment): WhereDocument {
  return {
    device,
    kind: assignment.kind ?? null,
    key: assignment.key ?? null,
    position: assignment.position ?? null,
    cohort: assignment.cohort ?? null,
    weightBps: assignment.weightBps ?? null,
    broker: assignment.broker,
    reason: assignment.reason,
    revision: assignment.revision,
  };
}
