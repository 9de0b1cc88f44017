import type { Result } from '../base/result.ts';
import { failure, success } from '../base/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readTlsMaterial, type TlsMaterial } from '../config/tls-material.ts';
import { readZones, type ZoneMaterial } from '../config/zone-material.ts';
import type { Logger } from '../telemetry/logger.ts';
import { materialProblems } from './material-check.ts';
import { signingKeys } from './signing-keys.ts';

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
  const keys = zones.map(signingKeys);
  const mistakes = [
    ...(tls.ok ? [] : tls.error),
    ...problems.flatMap((problem) => problem.mistakes),
    ...keys.flatMap((result) => (result.ok ? [] : result.error)),
  ];
  return tls.ok && mistakes.length === 0 ? success({ ...tls.value, zones }) : failure(mistakes);
}

/**
 * What of a reload can be used: certificates all or none, each zone by itself. What is wrong is logged, and the old stays
 * in its place.
 */
export function refreshMaterials(
  configuration: Configuration,
  current: GatewayMaterials,
  log: Logger,
): GatewayMaterials {
  const tls = readTls(configuration);
  if (!tls.ok) log.error({ problems: tls.error }, 'A reload failed; what was in force stays in force');
  const configured = configuration.nameserver?.zones ?? [];
  const read = readZones({ zones: configured }, createSystemSource());
  const materials = read.materials.filter((zone) => signingKeys(zone).ok);
  const problems = [
    ...read.problems,
    ...read.materials.flatMap((zone) => {
      const keys = signingKeys(zone);
      return keys.ok ? [] : [{ origin: zone.origin, mistakes: keys.error }];
    }),
  ];
  for (const { origin, mistakes } of problems) {
    log.error({ zone: origin, mistakes }, 'A zone has mistakes; the one before it is served on');
  }
  const zoneOf = (origin: string) =>
    materials.find((zone) => zone.origin === origin) ?? current.zones.find((zone) => zone.origin === origin);
  const zones = configured.flatMap(({ origin }) => zoneOf(origin) ?? []);
  return { ...(tls.ok ? tls.value : current), zones };
}

function readTls(configuration: Configuration): Result<TlsMaterial, readonly string[]> {
  const materials = readTlsMaterial(configuration, createSystemSource());
  if (!materials.ok) return materials;
  const problems = materialProblems(configuration, materials.value);
  return problems.length === 0 ? materials : failure(problems);
}
