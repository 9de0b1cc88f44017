import { failure, type Result, success } from '../base/result.ts';
import type { ZoneMaterial } from '../config/zone-material.ts';
import type { ZoneKey } from '../dns/dnssec-key.ts';
import { parseSigningKey } from '../nameserver/signing-key-file.ts';

/** The keys of a zone, or what is wrong with their files. */
export function signingKeys({ keys }: Pick<ZoneMaterial, 'keys'>): Result<readonly ZoneKey[], readonly string[]> {
  const parsed = keys.map((text) => ({ file: text.file, key: parseSigningKey(text) }));
  const mistakes = parsed.flatMap(({ file, key }) => (key.ok ? [] : [`${file}: ${key.error}`]));
  if (mistakes.length > 0) return failure(mistakes);
  return success(parsed.flatMap(({ key }) => (key.ok ? [key.value] : [])));
}
