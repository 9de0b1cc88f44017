import { failure, type Result, success } from '../base/result.ts';
import type { ZoneKey } from '../dns/dnssec-key.ts';
import type { ZoneConfiguration } from './configuration.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';
import { parseSigningKey, type SigningKeyText } from './signing-key-file.ts';

/** The text of a key that signs a zone; plain data. */
export interface ZoneKeyText extends SigningKeyText {
  readonly file: string;
}

/** Reads the files of the keys that sign a zone; fails with what is wrong with each. Nothing of a key is in the words. */
export function readSigningKeys(
  { dnssec }: Pick<ZoneConfiguration, 'dnssec'>,
  source: ConfigurationSource,
): Result<readonly ZoneKeyText[], readonly string[]> {
  const read = (dnssec?.keys ?? []).map((file) => readKey(file, source));
  const mistakes = read.flatMap((key) => (key.ok ? [] : [key.error]));
  if (mistakes.length > 0) return failure(mistakes);
  const keys = read.flatMap((key) => (key.ok ? [key.value] : []));
  const parsed = signingKeys({ keys });
  return parsed.ok ? success(keys) : parsed;
}

/** The keys of a zone, or what is wrong with their files. */
export function signingKeys({
  keys,
}: {
  readonly keys: readonly ZoneKeyText[];
}): Result<readonly ZoneKey[], readonly string[]> {
  const parsed = keys.map((text) => ({ file: text.file, key: parseSigningKey(text) }));
  const mistakes = parsed.flatMap(({ file, key }) => (key.ok ? [] : [`${file}: ${key.error}`]));
  if (mistakes.length > 0) return failure(mistakes);
  return success(parsed.flatMap(({ key }) => (key.ok ? [key.value] : [])));
}

/** BIND writes the flags to the `.key` file beside its `.private` file. */
function readKey(file: string, source: ConfigurationSource): Result<ZoneKeyText> {
  const privateText = readText(source, file, fileBounds.pemBytes);
  if (!privateText.ok) return failure(`${file}: expected a readable file: ${privateText.error}`);
  if (!file.endsWith('.private')) return success({ file, privateText: privateText.value });
  const beside = `${file.slice(0, -'.private'.length)}.key`;
  const publicText = readText(source, beside, fileBounds.pemBytes);
  if (!publicText.ok) return failure(`${beside}: expected a readable file: ${publicText.error}`);
  return success({ file, privateText: privateText.value, publicText: publicText.value });
}
