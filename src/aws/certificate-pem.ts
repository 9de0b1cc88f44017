import { hash, X509Certificate } from 'node:crypto';
import { thingOf } from './thing-name.ts';

/** PEM of the first certificate in a file, PEM or DER; undefined: there is none. */
export function leafPemOf(content: Uint8Array): string | undefined {
  try {
    return new X509Certificate(content).toString();
  } catch {
    return undefined;
  }
}

/** What the account calls the device of a certificate in PEM. */
export function registeredNamesOf(pem: string): { readonly certificateId: string; readonly thing: string } {
  const certificate = new X509Certificate(pem);
  return { certificateId: hash('sha256', certificate.raw), thing: thingOf(certificate).thingName };
}
