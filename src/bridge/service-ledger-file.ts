import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrossfadeError, errorMessage, systemErrorCode } from '../base/errors.ts';
import type { ServiceRecord } from './services/service-record.ts';
import { type ServiceState, serviceState } from './services/service-state.ts';
import type { ServiceTerms } from './services/service-terms.ts';

/** By the service's name. */
export type ServiceRecords = Readonly<Record<string, ServiceRecord>>;

const fileName = 'services.json';

/** The ledger in the bridge's directory. Throws CrossfadeError `bridge` where it is there and cannot be read. */
export function readServiceRecords(directory: string): ServiceRecords {
  const path = join(directory, fileName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    throw new CrossfadeError('bridge', `cannot read the services' ledger ${path}: ${errorMessage(error)}`);
  }
  try {
    const { version, services } = JSON.parse(text) as { readonly version: unknown; readonly services: ServiceRecords };
    if (version !== 1 || typeof services !== 'object') throw new Error(`expected version 1, got ${String(version)}`);
    return services;
  } catch (error) {
    throw new CrossfadeError('bridge', `the services' ledger ${path} is not one: ${errorMessage(error)}`);
  }
}

/** Writes one service's record: on disk, whole or not at all, when this returns. Throws CrossfadeError `bridge`. */
export function writeServiceRecord(directory: string, name: string, record: ServiceRecord): void {
  const path = join(directory, fileName);
  const services = { ...readServiceRecords(directory), [name]: record };
  try {
    mkdirSync(directory, { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify({ version: 1, services }, undefined, 1)}\n`, { flush: true });
    renameSync(draft, path);
    syncDirectory(directory);
  } catch (error) {
    throw new CrossfadeError('bridge', `cannot write the services' ledger ${path}: ${errorMessage(error)}`);
  }
}

/** Where every service of the configuration stands, in its order. Throws as `readServiceRecords`. */
export function readServiceStates(directory: string, services: readonly ServiceTerms[]): readonly ServiceState[] {
  const records = readServiceRecords(directory);
  return services.map((terms) => serviceState(terms, records[terms.name]));
}

/** A rename is on disk when its directory is. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
