import type { Result } from '../base/result.ts';
import { failure, success } from '../base/result.ts';
import type { Steps } from '../base/steps.ts';
import type { Configuration, ZoneConfiguration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readTlsMaterial, type TlsMaterial } from '../config/tls-material.ts';
import { isUnchanged, readZones, type ZoneMaterial, zoneMaterialSteps } from '../config/zone-material.ts';
import type { Logger } from '../telemetry/logger.ts';
import { materialProblems } from './material-check.ts';

/** The content of every file that the processes need, read once by the supervisor for all of them; plain data. */
export interface GatewayMaterials extends TlsMaterial {
  /** In the configuration's order. */
  readonly zones: readonly ZoneMaterial[];
}

/** What a start needs: every file right, or everything that is wrong. */
export function readMaterials(configuration: Configuration): Result<GatewayMaterials, readonly string[]> {
  const source = createSystemSource();
  const tls = readTls(configuration);
  const { materials: zones, problems } = readZones({ zones: configuration.nameserver?.zones ?? [] }, source);
  const mistakes = [...(tls.ok ? [] : tls.error), ...problems.flatMap((problem) => problem.mistakes)];
  return tls.ok && mistakes.length === 0 ? success({ ...tls.value, zones }) : failure(mistakes);
}

/** What became of a zone at a reload. */
export interface ZoneReload {
  readonly origin: string;
  /** `refused`: it has mistakes, and the one before it is served on. */
  readonly outcome: 'reloaded' | 'unchanged' | 'refused';
  /** Of the zone that is served; null: there is none. */
  readonly serial: number | null;
  /** `FILE:LINE: expected …`. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

export interface ReadAgain {
  readonly materials: GatewayMaterials;
  /** In the configuration's order. */
  readonly zones: readonly ZoneReload[];
}

/**
 * What of a reload can be used: certificates all or none, each zone by itself. What is wrong is logged, and the old stays
 * in its place. A zone whose files are what they were is not compiled.
 */
export function* readAgain(configuration: Configuration, current: GatewayMaterials, log: Logger): Steps<ReadAgain> {
  const { nameserver } = configuration;
  const zones: ZoneReload[] = [];
  const materials: ZoneMaterial[] = [];
  for (const zone of nameserver?.zones ?? []) {
    const former = current.zones.find(({ origin }) => origin === zone.origin);
    const { reload, material } = yield* readZoneAgain(zone, former);
    zones.push(reload);
    if (material !== undefined) materials.push(material);
    const { origin, mistakes } = reload;
    if (mistakes.length === 0) continue;
    log.error({ zone: origin, mistakes }, 'A zone has mistakes; the one before it is served on');
  }
  return { materials: { ...refreshTls(configuration, current, log), zones: materials }, zones };
}

interface ZoneReadAgain {
  readonly reload: ZoneReload;
  readonly material: ZoneMaterial | undefined;
}

function* readZoneAgain(zone: ZoneConfiguration, former: ZoneMaterial | undefined): Steps<ZoneReadAgain> {
  const source = createSystemSource();
  const { origin } = zone;
  if (former !== undefined && isUnchanged(former, zone, source)) {
    const { serial, warnings } = former;
    return {
      reload: { origin, outcome: 'unchanged', serial, mistakes: [], warnings },
      material: { ...former, mistakes: [] },
    };
  }
  const read = yield* zoneMaterialSteps(zone, source);
  if (read.ok) {
    const { serial, warnings } = read.value;
    return { reload: { origin, outcome: 'reloaded', serial, mistakes: [], warnings }, material: read.value };
  }
  const serial = former?.serial ?? null;
  const reload = { origin, outcome: 'refused', serial, mistakes: read.error, warnings: [] } as const;
  return { reload, material: former && { ...former, mistakes: read.error } };
}

/** Certificates as the files have them now; zones stay as they are. */
export function refreshTls(configuration: Configuration, current: GatewayMaterials, log: Logger): GatewayMaterials {
  const tls = readTls(configuration);
  if (tls.ok) return { ...tls.value, zones: current.zones };
  log.error({ problems: tls.error }, 'A reload failed; what was in force stays in force');
  return current;
}

function readTls(configuration: Configuration): Result<TlsMaterial, readonly string[]> {
  const materials = readTlsMaterial(configuration, createSystemSource());
  if (!materials.ok) return materials;
  const problems = materialProblems(configuration, materials.value);
  return problems.length === 0 ? materials : failure(problems);
}
