import { type Result, success } from '../base/result.ts';
import { runAtOnce } from '../base/steps.ts';
import { dnskeyRdata, dsRdata, entryKeys } from '../dns/dnssec-key.ts';
import { renderRdata } from '../dns/rdata/rdata-text.ts';
import { recordType, renderType } from '../dns/record-type.ts';
import { isSameName, parseName, renderName } from '../dns/wire-name.ts';
import type { ZoneConfiguration } from './configuration.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { signingKeys } from './signing-keys.ts';
import { compileMaterial, readZoneMaterial } from './zone-material.ts';

/** What a signed zone has for its parent, in master file form. */
export interface DelegationRecords {
  readonly zone: string;
  /** For the parent zone: SHA-256 (RFC 4509). */
  readonly ds: readonly string[];
  /** What the apex says to parents that look for it (RFC 7344); the zone file's own where it has them. */
  readonly cds: readonly string[];
  readonly cdnskey: readonly string[];
}

/** From the zone's file and those of its keys; fails with every mistake in them. */
export function readDelegation(
  zone: ZoneConfiguration,
  source: ConfigurationSource,
): Result<DelegationRecords, readonly string[]> {
  const material = readZoneMaterial(zone, source);
  if (!material.ok) return material;
  const keys = signingKeys(material.value);
  if (!keys.ok) return keys;
  const compiled = runAtOnce(compileMaterial(zone, material.value, keys.value));
  if (!compiled.ok) return compiled;
  const { origin, apex } = compiled.value.zone;
  const line = (type: number, rdata: Uint8Array) =>
    `${renderName(origin)} IN ${renderType(type)} ${renderRdata(type, rdata)}`;
  const served = (type: number) => (apex.setByType.get(type)?.rdatas ?? []).map((rdata) => line(type, rdata));
  return success({
    zone: renderName(origin),
    ds: entryKeys(keys.value).map((key) => line(recordType.DS, dsRdata(origin, dnskeyRdata(key)))),
    cds: served(recordType.CDS),
    cdnskey: served(recordType.CDNSKEY),
  });
}

/** The zone of that origin, case and a dot at the end aside. */
export function zoneNamed(zones: readonly ZoneConfiguration[], name: string): ZoneConfiguration | undefined {
  const wanted = parseName(name);
  if (!wanted.ok) return undefined;
  return zones.find(({ origin }) => {
    const parsed = parseName(origin);
    return parsed.ok && isSameName(parsed.value, wanted.value);
  });
}
