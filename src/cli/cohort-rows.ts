import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { DeviceIdentity, DeviceKeyKind } from '../plan/device-key.ts';
import type { CsvRow } from './csv-rows.ts';
import {
  type DeviceQuestion,
  type IdentityOptions,
  mergeIdentities,
  parseCertificate,
  questionOfKind,
  questionOfOptions,
} from './device-question.ts';

/** One device of a cohort's file. */
export interface CohortRow {
  readonly line: number;
  /** The identity that the file gives first, for people. */
  readonly device: string;
  readonly identity: DeviceIdentity;
  /** The device's own, PEM or DER. */
  readonly certificate?: Uint8Array;
  /** For a new thing, from the columns `attribute.NAME`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What each column is; undefined: one that is of no use here. */
export type CohortColumns = readonly (ColumnUse | undefined)[];

type ColumnUse =
  | { readonly use: 'identity'; readonly option: keyof IdentityOptions }
  | { readonly use: 'device' | 'certificate' }
  | { readonly use: 'attribute'; readonly name: string };

/** Column names without case, spaces, hyphens, underscores and dots; the kinds of `where --as` count too. */
const optionByColumn: Readonly<Record<string, keyof IdentityOptions>> = {
  cn: 'commonName',
  commonname: 'commonName',
  certificatecommonname: 'commonName',
  fingerprint: 'fingerprint',
  certificatefingerprint: 'fingerprint',
  serial: 'serial',
  serialnumber: 'serial',
  certificateserialnumber: 'serial',
  clientid: 'clientId',
  mqttclientid: 'clientId',
  username: 'username',
  mqttusername: 'username',
};

/** Reads the first row, which must name the columns; those that are not known are passed over. */
export function parseCohortColumns(row: CsvRow): Result<CohortColumns> {
  if ('fault' in row) return failure(row.fault);
  const columns = row.fields.map((field): ColumnUse | undefined => {
    const title = field.trim();
    const attribute = /^attribute\.(.+)$/i.exec(title)?.[1];
    if (attribute !== undefined) return { use: 'attribute', name: attribute };
    const plain = title.toLowerCase().replace(/[ ._-]/g, '');
    if (plain === 'device') return { use: 'device' };
    if (plain === 'certificate' || plain === 'pem' || plain === 'certificatepem') return { use: 'certificate' };
    const option = optionByColumn[plain];
    return option === undefined ? undefined : { use: 'identity', option };
  });
  if (columns.some((column) => column !== undefined && column.use !== 'attribute')) return success(columns);
  const known = 'commonName, clientId, fingerprint, serial, username, device, certificate';
  return failure(`expected a first line that names its columns (${known}), got ${row.fields.join(',').slice(0, 200)}`);
}

export interface CohortReading {
  readonly columns: CohortColumns;
  /** What the column `device` holds. */
  readonly deviceKind: DeviceKeyKind;
  /** Paths of certificates begin here. */
  readonly directory: string;
}

/** One row as a device, or what is wrong with it. */
export async function readCohortRow(row: CsvRow, reading: CohortReading): Promise<Result<CohortRow>> {
  const { columns, deviceKind, directory } = reading;
  if ('fault' in row) return failure(row.fault);
  if (row.fields.length !== columns.length) {
    return failure(`expected ${columns.length} fields, got ${row.fields.length}`);
  }
  const given: Partial<Record<keyof IdentityOptions, string>> = {};
  const attributes: Record<string, string> = {};
  let [device, written] = ['', ''];
  for (const [index, column] of columns.entries()) {
    const field = row.fields[index] ?? '';
    if (column === undefined || field === '') continue;
    if (column.use === 'attribute') attributes[column.name] = field;
    else if (column.use === 'identity') given[column.option] = field;
    else if (column.use === 'device') device = field;
    else written = field;
  }
  const fault = attributeFault(attributes);
  if (fault !== undefined) return failure(fault);
  const certificate = written === '' ? success(undefined) : await readCertificate(written, directory);
  if (!certificate.ok) return certificate;
  const question = identityOf(given, { device, deviceKind }, certificate.value);
  if (!question.ok) return question;
  const bytes = certificate.value === undefined ? {} : { certificate: certificate.value };
  return success({ line: row.line, ...question.value, ...bytes, attributes });
}

function identityOf(
  given: IdentityOptions,
  { device, deviceKind }: { readonly device: string; readonly deviceKind: DeviceKeyKind },
  certificate: Uint8Array | undefined,
): Result<DeviceQuestion> {
  const parsed = certificate === undefined ? success(undefined) : parseCertificate(certificate);
  if (!parsed.ok) return parsed;
  const question = questionOfOptions(given, parsed.value);
  if (!question.ok) return question;
  const named = device === '' ? success(undefined) : questionOfKind(deviceKind, device);
  if (!named.ok) return named;
  const [first = named.value, second] = [named.value, question.value].filter((each) => each !== undefined);
  if (first === undefined) return failure('the row names no device');
  const identity = second === undefined ? first.identity : mergeIdentities(first.identity, second.identity);
  return success({ device: first.device, identity });
}

/** A path beside the file, or base64 of the DER in the field itself. */
async function readCertificate(field: string, directory: string): Promise<Result<Uint8Array>> {
  if (/^MI[A-Za-z0-9+/=]{100,}$/.test(field)) return success(Buffer.from(field, 'base64'));
  try {
    return success(await readFile(resolve(directory, field)));
  } catch (error) {
    return failure(`cannot read the certificate: ${errorMessage(error)}`);
  }
}

/** What AWS IoT Core takes as an attribute of a thing (CreateThing). */
function attributeFault(attributes: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(attributes)) {
    if (!/^[a-zA-Z0-9_.,@/:#-]{1,128}$/.test(name)) return `the attribute name ${JSON.stringify(name)} is not legal`;
    if (!/^[a-zA-Z0-9_.,@/:#=[\]-]{1,800}$/.test(value)) {
      return `the value of attribute.${name} is not legal: letters, digits and _.,@/:#=[]-`;
    }
  }
  return undefined;
}
