import { runAtOnce } from '../base/steps.ts';
import { steeredNameBehind } from '../dns/alias-circle.ts';
import { aliasKey } from '../dns/steering-rule.ts';
import { parseName, renderName } from '../dns/wire-name.ts';
import type { Zone } from '../dns/zone.ts';
import type { Configuration, ZoneConfiguration } from './configuration.ts';
import type { Finding, PathStep } from './configuration-mistake.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { readSigningKeys } from './signing-keys.ts';
import { type ZoneReading, zoneReadingSteps } from './zone-material.ts';

export interface ZoneFindings {
  readonly mistakes: readonly Finding[];
  /** `FILE:LINE: text`; the zones are served all the same. */
  readonly warnings: readonly string[];
}

/** What a zone's file says is looked at once everything else is right: steered names are part of it. */
export function zoneFindings({ nameserver }: Configuration, source: ConfigurationSource): ZoneFindings {
  const configured = nameserver?.zones ?? [];
  const mistakes: Finding[] = [];
  const readings: ZoneReading[] = [];
  for (const [index, zone] of configured.entries()) {
    const read = runAtOnce(zoneReadingSteps(zone, source));
    if (read.ok) readings.push(read.value);
    else mistakes.push(...mistakesOf(zone, index, { mistakes: read.error, source }));
  }
  const zones = readings.map(({ zone }) => zone);
  const circles = mistakes.length > 0 ? [] : configured.flatMap((zone, index) => aliasCircles(zone, index, zones));
  return { mistakes: [...mistakes, ...circles], warnings: readings.flatMap(({ material }) => material.warnings) };
}

function mistakesOf(
  zone: ZoneConfiguration,
  index: number,
  { mistakes, source }: { readonly mistakes: readonly string[]; readonly source: ConfigurationSource },
): readonly Finding[] {
  const path = ['nameserver', 'zones', index];
  const keys = readSigningKeys(zone, source);
  const ofKeys = keys.ok ? [] : keys.error;
  return [
    ...mistakes
      .filter((mistake) => !ofKeys.includes(mistake))
      .map((mistake) => ({ path: [...path, 'file'], message: `expected a zone without mistakes, got ${mistake}` })),
    ...ofKeys.map((mistake) => ({
      path: [...path, 'dnssec', 'keys'],
      message: `expected keys that can sign, got ${mistake}`,
    })),
  ];
}

/** Aliases that lead by a CNAME of these zones to a name that is steered in them. */
function aliasCircles({ steering }: ZoneConfiguration, index: number, zones: readonly Zone[]): readonly Finding[] {
  return steering.flatMap((rule, at) => {
    const targets: (readonly [PathStep[], object])[] =
      rule.by === 'split'
        ? Object.entries(rule.parts).map(([name, part]) => [['parts', name], part] as const)
        : [[['source'], rule.source] as const, [['target'], rule.target] as const];
    return targets.flatMap(([step, target]) => {
      if (!('alias' in target)) return [];
      const alias = aliasKey(String(target.alias));
      const name = parseName(alias);
      const steered = name.ok ? steeredNameBehind(zones, name.value) : undefined;
      if (steered === undefined) return [];
      const message =
        `expected a name whose addresses come from elsewhere, got ${JSON.stringify(alias)}, which leads to ` +
        `${renderName(steered)}: that is steered here`;
      return [{ path: ['nameserver', 'zones', index, 'steering', at, ...step, 'alias'], message }];
    });
  });
}
