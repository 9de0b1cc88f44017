import { failure, type Result, success } from '../base/result.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';

/** The content of a cohort's `clientIdsFile`: fills the plan's `readInclude` port. */
export function readInclude(path: string, source: ConfigurationSource): Result<string> {
  const text = readText(source, path, fileBounds.includeBytes);
  if (text.ok) return success(text.value);
  return failure(`expected a readable file of client IDs, got ${path}: ${text.error}`);
}
