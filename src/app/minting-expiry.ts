import { X509Certificate } from 'node:crypto';
import type { TlsMaterial } from '../config/tls-material.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Says by metric when the CAs end that mint the devices' certificates: from then on no device gets to their brokers. */
export function announceMintingExpiry({ brokers }: TlsMaterial, metrics: Pick<Metrics, 'certificateExpiry'>): void {
  for (const [name, { mintingCa }] of Object.entries(brokers)) {
    if (mintingCa === undefined) continue;
    const { validToDate } = new X509Certificate(mintingCa.cert);
    metrics.certificateExpiry.set({ use: `${name}/minting-ca` }, validToDate.getTime() / 1_000);
  }
}
