import { dirname, resolve } from 'node:path';
import { failure, type Result, success } from '../base/result.ts';
import { runAtOnce, type Steps } from '../base/steps.ts';
import type { ZoneKey } from '../dns/dnssec-key.ts';
import { type Zone, zoneSerial } from '../dns/zone.ts';
import { type CompiledZone, compilingSteps } from '../dns/zone-compiling.ts';
import type { NameserverConfiguration, ZoneConfiguration } from './configuration.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';
import { readSigningKeys, type ZoneKeyText } from './signing-keys.ts';

/** The text of a zone's file and of every file that it includes, by absolute path; plain data. */
export interface ZoneMaterial {
  readonly origin: string;
  readonly file: string;
  readonly texts: Readonly<Record<string, string>>;
  /** Of the keys that sign it, in the configuration's order. */
  readonly keys: readonly ZoneKeyText[];
  /** Of its SOA. */
  readonly serial: number;
  /** `FILE:LINE: text`; it is served all the same. */
  readonly warnings: readonly string[];
  /** Of its files as they were read last, where they cannot be served: it is as they were before. */
  readonly mistakes: readonly string[];
}

/** What is wrong with one zone, each `FILE:LINE: expected …`. */
export interface ZoneProblem {
  readonly origin: string;
  readonly mistakes: readonly string[];
}

/** Reads one zone's files and those of its keys; fails with every mistake in them. */
export function readZoneMaterial(
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): Result<ZoneMaterial, readonly string[]> {
  return runAtOnce(zoneMaterialSteps(zone, source));
}

/** readZoneMaterial, to be interrupted. */
export function* zoneMaterialSteps(
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): Steps<Result<ZoneMaterial, readonly string[]>> {
  const read = yield* zoneReadingSteps(zone, source);
  return read.ok ? success(read.value.material) : read;
}

/** What was read of a zone's files, and the zone that comes of it, as yet without the records of its keys. */
export interface ZoneReading {
  readonly material: ZoneMaterial;
  readonly zone: Zone;
}

/** readZoneMaterial with the zone, to be interrupted. */
export function* zoneReadingSteps(
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): Steps<Result<ZoneReading, readonly string[]>> {
  const texts: Record<string, string> = {};
  const compiled = yield* compile(zone, (path) => {
    const text = readText(source, path, fileBounds.zoneBytes);
    if (text.ok) texts[path] = text.value;
    return text;
  });
  const keys = readSigningKeys(zone, source);
  if (!compiled.ok) return failure([...compiled.error, ...(keys.ok ? [] : keys.error)]);
  if (!keys.ok) return keys;
  const { origin, file } = zone;
  const { warnings } = compiled.value;
  const serial = zoneSerial(compiled.value.zone);
  const material = { origin, file, texts, keys: keys.value, serial, warnings, mistakes: [] };
  return success({ material, zone: compiled.value.zone });
}

/** Whether the files that were read say what they said then. */
export function isUnchanged(
  { texts, keys }: ZoneMaterial,
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): boolean {
  const isSame = Object.entries(texts).every(([path, text]) => {
    const now = readText(source, path, fileBounds.zoneBytes);
    return now.ok && now.value === text;
  });
  const newKeys = isSame ? readSigningKeys(zone, source) : undefined;
  return newKeys?.ok === true && hasSameKeys(newKeys.value, keys);
}

/** Whether the same zone comes of both. */
export function isSameMaterial(one: ZoneMaterial, other: ZoneMaterial): boolean {
  const [paths, otherPaths] = [Object.keys(one.texts), Object.keys(other.texts)];
  return (
    paths.length === otherPaths.length &&
    paths.every((path) => one.texts[path] === other.texts[path]) &&
    hasSameKeys(one.keys, other.keys)
  );
}

function hasSameKeys(keys: readonly ZoneKeyText[], others: readonly ZoneKeyText[]): boolean {
  const isSame = (key: ZoneKeyText, other: ZoneKeyText | undefined) =>
    key.privateText === other?.privateText && key.publicText === other.publicText;
  return keys.length === others.length && keys.every((key, index) => isSame(key, others[index]));
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
): Steps<Result<CompiledZone, readonly string[]>> {
  return compile(
    zone,
    (path) => {
      const text = texts[path];
      return text === undefined ? failure('it was not there when the zone was read') : success(text);
    },
    keys,
  );
}

function* compile(
  { origin, file, steering }: ZoneConfiguration,
  read: (path: string) => Result<string>,
  keys: readonly ZoneKey[] = [],
): Steps<Result<CompiledZone, readonly string[]>> {
  const text = read(file);
  if (!text.ok) return failure([`${file}: expected a readable file: ${text.error}`]);
  return yield* compilingSteps({
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
