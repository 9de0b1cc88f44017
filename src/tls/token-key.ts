import type { KeyObject } from 'node:crypto';

/** Why AWS IoT Core verifies no token that this private key signs; undefined: it does. */
export function tokenKeyFault({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject): string | undefined {
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (type === 'rsa' && bits >= 2_048) return undefined;
  return `expected an RSA key of 2048 bits or more to sign tokens with, got ${type === 'rsa' ? `RSA with ${bits} bits` : type}`;
}
