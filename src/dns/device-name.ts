import { failure, type Result } from '../base/result.ts';
import { deviceLabels } from '../plan/device-label.ts';
import { recordType } from './record-type.ts';
import type { CohortRule } from './steering-rule.ts';
import { nameKey, parseName, type WireName } from './wire-name.ts';
import type { CompiledZone } from './zone-compiling.ts';
import { createZones, zoneFor } from './zones.ts';

/** The device's own name in the zone of `name`. */
export function deviceName(zones: readonly CompiledZone[], name: string, device: string): Result<WireName> {
  const wanted = parseName(name);
  if (!wanted.ok) return wanted;
  const served = createZones(zones.map((one) => one.zone));
  const found = zoneFor(served, nameKey(wanted.value), recordType.A);
  const zone = zones.find((one) => one.zone === found);
  const rule = zone?.rules.find((one): one is CohortRule => one.by === 'cohort');
  if (zone === undefined || rule === undefined) return failure(`name: no zone of ${name} has names of devices`);
  return parseName([...deviceLabels(device), ...rule.owner.split('.').slice(1)].join('.'), zone.zone.origin);
}
