import { failure, type Result, success } from '../base/result.ts';
import { runAtOnce, type Steps } from '../base/steps.ts';
import { keyRecords, type ZoneKey } from './dnssec-key.ts';
import { type IncludedFile, masterFileSteps, mostMistakes, renderMistake } from './master-file.ts';
import { recordType } from './record-type.ts';
import type { SteeringRule } from './steering-rule.ts';
import { parseName } from './wire-name.ts';
import { partialZoneSteps, type Zone, zoneSteps } from './zone.ts';

/** A zone as it is configured, with the text of its file. */
export interface ZoneText extends IncludedFile {
  /** Presentation form, absolute; a dot at its end may be missing. */
  readonly origin: string;
  readonly rules: readonly SteeringRule[];
  /** What it is signed with. */
  readonly keys: readonly ZoneKey[];
  /** The file that `$INCLUDE name` means in the file `from`. */
  readonly readInclude: (name: string, from: string) => Result<IncludedFile>;
}

export interface CompiledZone {
  readonly zone: Zone;
  /** A node's `steering` is an index into them. */
  readonly rules: readonly SteeringRule[];
  /** Empty: the zone is not signed. */
  readonly keys: readonly ZoneKey[];
  /** `FILE:LINE: text`; the zone is served all the same. */
  readonly warnings: readonly string[];
}

/** A zone that can be served, or every mistake of its file and its steering, each `FILE:LINE: expected …`. */
export function compileZone(text: ZoneText): Result<CompiledZone, readonly string[]> {
  return runAtOnce(compilingSteps(text));
}

/** compileZone, to be interrupted: a large zone takes seconds. */
export function* compilingSteps({
  origin,
  file,
  text,
  rules,
  keys,
  readInclude,
}: ZoneText): Steps<Result<CompiledZone, readonly string[]>> {
  const apex = parseName(origin);
  if (!apex.ok) return failure([`${file}: ${apex.error}`]);
  const owners = rules.map(({ owner }) =>
    parseName(owner === '@' ? origin : owner, owner === '@' ? undefined : apex.value),
  );
  const wrongOwners = owners.flatMap((owner) => (owner.ok ? [] : [`${file}: steering: ${owner.error}`]));
  const steered = owners.flatMap((owner) => (owner.ok ? [owner.value] : []));
  const { records, mistakes, isAstray } = yield* masterFileSteps({ file, text, origin: apex.value, readInclude });
  if (mistakes.length > 0) {
    const others = isAstray ? [] : yield* partialZoneSteps({ origin: apex.value, records, steered });
    const all = [...wrongOwners, ...[...mistakes, ...others].map(renderMistake)];
    return failure(all.slice(0, mostMistakes));
  }
  if (wrongOwners.length > 0) return failure(wrongOwners);
  const soa = records.find(({ type }) => type === recordType.SOA);
  const signed = keys.length === 0 ? [] : keyRecords(apex.value, keys, { records, ttl: soa?.ttl ?? 0 });
  const zone = yield* zoneSteps({ origin: apex.value, records: [...records, ...signed], steered });
  if (!zone.ok) return failure(zone.error.map(renderMistake));
  return success({ zone: zone.value.zone, rules, keys, warnings: zone.value.warnings.map(renderMistake) });
}
