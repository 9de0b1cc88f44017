import { accountOf } from '../aws/account-id.ts';
import { collectCertificate } from '../aws/collect-certificate.ts';
import type { DeviceRegistry } from '../aws/device-registry.ts';
import type { MintedDevices } from '../aws/minted-devices.ts';
import { errorMessage } from '../base/errors.ts';
import type { CohortEntry } from './cohort-file.ts';

export interface CohortCollection {
  readonly minted: Pick<MintedDevices, 'identify' | 'pastEpochs' | 'mint'>;
  readonly registry: DeviceRegistry;
  /** The account that it must be; undefined: any. */
  readonly account: string | undefined;
  /** Former epochs of each device. */
  readonly epochs: number;
  readonly isDryRun: boolean;
  readonly concurrency: number;
  readonly nowMs: number;
  readonly onProgress: (done: number, found: number) => void;
}

/** What a collection came to; `crossfade aws collect --json`. */
export interface CollectionDocument {
  readonly dryRun: boolean;
  readonly devices: number;
  /** Former certificates that the account has, or had. */
  readonly found: number;
  readonly collected: number;
  readonly rejectedRows: number;
  /** The first rejected rows. */
  readonly rows: readonly { readonly line: number; readonly reason: string }[];
  /** Why it ended before the last row; null: it did not. */
  readonly stopped: string | null;
}

const listed = 100;

/** Stops at the first call that AWS refuses: it would refuse it for every device. */
export async function collectCohort(
  entries: AsyncIterable<CohortEntry>,
  collection: CohortCollection,
): Promise<CollectionDocument> {
  const { minted, epochs, isDryRun, concurrency, nowMs, onProgress } = collection;
  const registry = inAccount(collection.registry, collection.account);
  const rows: { line: number; reason: string }[] = [];
  const counts = { devices: 0, found: 0, collected: 0, rejectedRows: 0 };
  let stopped: string | null = null;

  function reject(line: number, reason: string): void {
    counts.rejectedRows += 1;
    if (rows.length < listed) rows.push({ line, reason });
  }

  async function handle({ line, row }: CohortEntry): Promise<void> {
    if (!row.ok) return reject(line, row.error);
    const device = minted.identify(row.value.identity);
    if (device === undefined) return reject(line, 'the row has none of fleet.identity');
    if (device.missing !== undefined) {
      return reject(line, `certificates.alternativeNames has ${device.missing}, and the row does not`);
    }
    counts.devices += 1;
    for (const epoch of minted.pastEpochs(device, epochs, nowMs)) {
      const { fingerprint } = await minted.mint(device, epoch);
      const { outcome } = await collectCertificate(registry, fingerprint, isDryRun);
      if (outcome !== 'absent') counts.found += 1;
      if (outcome === 'collected') counts.collected += 1;
    }
  }

  const underWay = new Set<Promise<void>>();
  for await (const entry of entries) {
    while (underWay.size >= concurrency && stopped === null) await Promise.race(underWay);
    if (stopped !== null) break;
    const work = handle(entry)
      .catch((error: unknown) => {
        stopped ??= errorMessage(error);
      })
      .finally(() => {
        underWay.delete(work);
        onProgress(counts.devices + counts.rejectedRows, counts.found);
      });
    underWay.add(work);
  }
  await Promise.all(underWay);
  return { dryRun: isDryRun, ...counts, rows: rows.toSorted((one, other) => one.line - other.line), stopped };
}

/** Lets nothing be done to a certificate of another account. */
function inAccount(registry: DeviceRegistry, account: string | undefined): DeviceRegistry {
  return {
    ...registry,
    async describeCertificate(certificateId) {
      const described = await registry.describeCertificate(certificateId);
      const found = accountOf(described?.arn);
      if (account === undefined || found === undefined || found === account) return described;
      throw new Error(`these credentials are for account ${found}, and aws.account is ${account}`);
    },
  };
}
