import { dirname, resolve } from 'node:path';
import { failure, type Result, success } from '../base/result.ts';
import type { ZoneKey } from '../dns/dnssec-key.ts';
import { type CompiledZone, compileZone } from '../dns/zone-compiling.ts';
import type { NameserverConfiguration, ZoneConfiguration } from './configuration.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';

/** The text of a zone's file and of every file that it includes, by absolute path; plain data. */
export interface ZoneMaterial {
  readonly origin: string;
  readonly file: string;
  readonly texts: Readonly<Record<string, string>>;
  /** Of the keys that sign it, in the configuration's order. */
  readonly keys: readonly ZoneKeyText[];
}

export interface ZoneKeyText {
  readonly file: string;
  readonly privateText: string;
  /** Of the `.key` file that BIND writes beside its `.private` file. */
  readonly publicText?: string;
}

/** What is wrong with one zone, each `FILE:LINE: expected …`. */
export interface ZoneProblem {
  readonly origin: string;
  readonly mistakes: readonly string[];
}

/** Reads one zone's files; fails with every mistake in them. */
export function readZoneMaterial(
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): Result<ZoneMaterial, readonly string[]> {
  const texts: Record<string, string> = {};
  const compiled = compile(zone, (path) => {
    const text = readText(source, path, fileBounds.zoneBytes);
    if (text.ok) texts[path] = text.value;
    return text;
  });
  if (!compiled.ok) return compiled;
  const keys = readKeys(zone, source);
  return keys.ok ? success({ origin: zone.origin, file: zone.file, texts, keys: keys.value }) : keys;
}

/** Every zone that can be served, and what is wrong with the others. */
export function readZones(
  { zones }: Pick<NameserverConfiguration, 'zones'>,
  source: ConfigurationSource,
): { readonly materials: readonly ZoneMaterial[]; readonly problems: readonly ZoneProblem[] } {
  const materials: ZoneMaterial[] = [];
  const problems: ZoneProblem[] = [];
  for (const zone of zones) {
    const material = readZoneMaterial(zone, source);
    if (material.ok) materials.push(material.value);
    else problems.push({ origin: zone.origin, mistakes: material.error });
  }
  return { materials, problems };
}

/** The zone of what was read, as every process makes it for itself. */
export function compileMaterial(
  zone: ZoneConfiguration,
  { texts }: ZoneMaterial,
  keys: readonly ZoneKey[],
): Result<CompiledZone, readonly string[]> {
  return compile(
    zone,
    (path) => {
      const text = texts[path];
      return text === undefined ? failure('it was not there when the zone was read') : success(text);
    },
    keys,
  );
}

function readKeys(
  { dnssec }: ZoneConfiguration,
  source: ConfigurationSource,
): Result<ZoneKeyText[], readonly string[]> {
  const keys: ZoneKeyText[] = [];
  for (const file of dnssec?.keys ?? []) {
    const privateText = readText(source, file, fileBounds.pemBytes);
    if (!privateText.ok) return failure([`${file}: expected a readable file: ${privateText.error}`]);
    const beside = file.endsWith('.private') ? `${file.slice(0, -'.private'.length)}.key` : undefined;
    const publicText = beside === undefined ? undefined : readText(source, beside, fileBounds.pemBytes);
    if (publicText?.ok === false) return failure([`${beside}: expected a readable file: ${publicText.error}`]);
    keys.push({ file, privateText: privateText.value, ...(publicText?.ok && { publicText: publicText.value }) });
  }
  return success(keys);
}

function compile(
  { origin, file, steering }: ZoneConfiguration,
  read: (path: string) => Result<string>,
  keys: readonly ZoneKey[] = [],
): Result<CompiledZone, readonly string[]> {
  const text = read(file);
  if (!text.ok) return failure([`${file}: expected a readable file: ${text.error}`]);
  return compileZone({
    origin,
    file,
    text: text.value,
    rules: steering,
    keys,
    readInclude: (name, from) => {
      const path = resolve(dirname(from), name);
      const included = read(path);
      return included.ok ? success({ file: path, text: included.value }) : included;
    },
  });
}
