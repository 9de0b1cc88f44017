import { LineCounter, parseDocument, stringify } from 'yaml';
import type { PlanDocument } from '../admin/admin-api.ts';
import { failure, type Result, success } from '../base/result.ts';

/** A plan as a file: the revision that it was made from, then the plan as it came, for the gateway to check. */
export interface PlanFile {
  readonly revision: number;
  readonly plan: Readonly<Record<string, unknown>>;
}

/** YAML with `revision` on top. */
export function renderPlanFile({ revision, ...plan }: PlanDocument): string {
  return stringify({ revision, ...plan }, { lineWidth: 120, aliasDuplicateObjects: false });
}

/** Reads what renderPlanFile wrote, after an operator's edits. JSON is YAML too. */
export function parsePlanFile(text: string): Result<PlanFile> {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: true, uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) return failure(problem.message.trimEnd());
  const value = readValue(() => document.toJS({ maxAliasCount: 100 }));
  if (!value.ok) return value;
  if (typeof value.value !== 'object' || value.value === null || Array.isArray(value.value)) {
    return failure('expected a plan, as "crossfade plan show" prints it, got no mapping');
  }
  const { revision, ...plan } = value.value as Record<string, unknown>;
  if (!Number.isSafeInteger(revision) || Number(revision) < 1) {
    return failure('expected the "revision" that the plan was made from on top, as "crossfade plan show" prints it');
  }
  return success({ revision: Number(revision), plan });
}

function readValue(read: () => unknown): Result<unknown> {
  try {
    return success(read());
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error));
  }
}
