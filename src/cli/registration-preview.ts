import { registeredNamesOf } from '../aws/certificate-pem.ts';
import type { RegistrarTerms } from '../aws/registrar.ts';
import type { CohortEntry } from './cohort-file.ts';
import type { CertificateSource } from './device-certificate-source.ts';
import { rowDigest } from './register-cohort.ts';
import { DoneRows } from './registration-record.ts';
import type { RegistrationPreview } from './registration-rendering.ts';
import { RegistrationTally } from './registration-tally.ts';

export interface CohortPreview {
  readonly source: CertificateSource;
  readonly scope: string;
  readonly terms: RegistrarTerms;
  readonly place: string;
  readonly recordPath: string;
  /** Absent: what the account's quotas leave. */
  readonly ratePerSecond: number | undefined;
  readonly listed: number;
  readonly nowMs: number;
}

/** Devices whose certificates a dry run shows. */
const shown = 5;

/** 80 % of RegisterCertificate's quota, the lowest of the calls that each device costs. */
const usualRatePerSecond = 8;

/** What a registration would do: every row is looked at, and only the first certificates are made. */
export async function previewCohort(
  entries: AsyncIterable<CohortEntry>,
  { source, scope, terms, place, recordPath, ratePerSecond, listed, nowMs }: CohortPreview,
): Promise<RegistrationPreview> {
  const done = await DoneRows.read(recordPath);
  const tally = new RegistrationTally(listed, 0);
  const first: RegistrationPreview['first'][number][] = [];
  let devices = 0;
  for await (const { line, row } of entries) {
    const offer = row.ok ? source(row.value, nowMs) : row;
    if (!row.ok || !offer.ok) {
      tally.reject({ line, device: row.ok ? row.value.device : undefined, reason: offer.ok ? '' : offer.error });
      continue;
    }
    if (done.has(line, rowDigest(scope, offer.value, row.value))) {
      tally.skip();
      continue;
    }
    devices += 1;
    if (first.length >= shown) continue;
    first.push({ line, device: row.value.device, ...registeredNamesOf(await offer.value.make()) });
  }
  const { skipped, rejectedRows, rows } = tally.document(undefined, 0);
  const rate = ratePerSecond ?? usualRatePerSecond;
  return {
    dryRun: true,
    ...{ place, policy: terms.policyName, thingType: terms.thingTypeName ?? null },
    ...{ devices, skipped, rejectedRows, ratePerSecond: rate, estimateSeconds: Math.ceil(devices / rate), first, rows },
  };
}
