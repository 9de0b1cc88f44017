import { X509Certificate } from 'node:crypto';

/** A certificate in an event: PEM, or base64 of DER as it stands (AWS's documentation does not say which). */
export function readEventCertificate(text: unknown): X509Certificate | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return new X509Certificate(text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}
