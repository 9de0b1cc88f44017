import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import type { ServiceRecord } from './services/service-record.ts';
import { type ServiceState, serviceState } from './services/service-state.ts';
import type { ServiceTerms } from './services/service-terms.ts';
import { readJson, replaceFile } from './whole-file.ts';

/** By the service's name. */
export type ServiceRecords = Readonly<Record<string, ServiceRecord>>;

const fileName = 'services.json';

/** The ledger in the bridge's directory. Throws CrossfadeError `bridge` where it is there and cannot be read. */
export function readServiceRecords(directory: string): ServiceRecords {
  const path = join(directory, fileName);
  let value: unknown;
  try {
    value = readJson(path);
  } catch (error) {
    throw new CrossfadeError('bridge', `the services' ledger ${path} cannot be read: ${errorMessage(error)}`);
  }
  if (value === undefined) return {};
  const { version, services } = value as { readonly version?: unknown; readonly services?: ServiceRecords };
  if (version === 1 && services !== undefined) return services;
  throw new CrossfadeError(
    'bridge',
    `the services' ledger ${path} is not one: expected version 1, got ${String(version)}`,
  );
}

/** Writes one service's record: on disk, whole or not at all, when this returns. Throws CrossfadeError `bridge`. */
export function writeServiceRecord(directory: string, name: string, record: ServiceRecord): void {
  const path = join(directory, fileName);
  const services = { ...readServiceRecords(directory), [name]: record };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    replaceFile(path, `${JSON.stringify({ version: 1, services }, undefined, 1)}\n`);
  } catch (error) {
    throw new CrossfadeError('bridge', `cannot write the services' ledger ${path}: ${errorMessage(error)}`);
  }
}

/** Where every service of the configuration stands, in its order. Throws as `readServiceRecords`. */
export function readServiceStates(directory: string, services: readonly ServiceTerms[]): readonly ServiceState[] {
  const records = readServiceRecords(directory);
  return services.map((terms) => serviceState(terms, records[terms.name]));
}
