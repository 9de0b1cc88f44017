import { hash } from 'node:crypto';
import { leafPemOf } from '../aws/certificate-pem.ts';
import type { MintedDevices } from '../aws/minted-devices.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { CohortRow } from './cohort-rows.ts';

/** What is registered for a device. */
export interface CertificateOffer {
  /** What it is a certificate of and for: the same text, the same certificate. */
  readonly name: string;
  /** PEM. */
  readonly make: () => Promise<string>;
}

/** Says which certificate a row stands for; fails where it stands for none. */
export type CertificateSource = (row: CohortRow, nowMs: number) => Result<CertificateOffer>;

/** The device's own. */
export const ownCertificates: CertificateSource = ({ certificate }) => {
  if (certificate === undefined) return failure('the row has no certificate: a path, or base64 of its DER');
  const pem = leafPemOf(certificate);
  if (pem === undefined) return failure('expected a certificate in PEM or DER');
  return success({ name: `own ${hash('sha256', pem)}`, make: async () => pem });
};

/** What the gateways present for it, now or from its next renewal on. */
export async function mintedCertificates(minted: MintedDevices, which: 'current' | 'next'): Promise<CertificateSource> {
  const mark = await minted.mark();
  return ({ identity }, nowMs) => {
    const device = minted.identify(identity);
    if (device === undefined) return failure('the row has none of fleet.identity');
    if (device.missing !== undefined) {
      return failure(`certificates.alternativeNames has ${device.missing}, and the row does not`);
    }
    const epoch = minted.epochOf(device, which, nowMs);
    return success({
      name: JSON.stringify([mark, epoch.number, device.device, device.alternativeNames]),
      make: async () => (await minted.mint(device, epoch)).certificate,
    });
  };
}
