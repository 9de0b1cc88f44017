import { hash } from 'node:crypto';

/** The device that a certificate is minted for: its device key, `kind` and value (`plan/device-key.ts`). */
export interface CertifiedDevice {
  readonly kind: string;
  readonly key: string;
}

/** Characters of an X.520 common name at most (ub-common-name, RFC 5280 appendix A.1). */
const commonNameLength = 64;
const mappedPrefix = 'x--';

/** Bytes of a value that a subject alternative name spells out; of a longer one it holds the hash. */
const spelledBytes = 512;

/**
 * The common name that stands for a device key: the value itself, or `x--` and the lower-case base32hex of its SHA-256
 * where it is longer than 64 characters, is empty, has control characters, or begins with `x--`. No two values share one,
 * whatever a device chooses to be called.
 */
export function deviceCommonName({ key }: CertifiedDevice): string {
  const value = key.toWellFormed();
  const length = [...value.slice(0, 2 * commonNameLength + 1)].length;
  const isPlain = length > 0 && length <= commonNameLength && !/\p{Cc}/u.test(value) && !value.startsWith(mappedPrefix);
  return isPlain ? value : mappedPrefix + base32hex(hash('sha256', value, 'buffer'));
}

/** The subject alternative name of one identity; of a value of more than 512 bytes its SHA-256. */
export function identityUri({ kind, key }: CertifiedDevice): string {
  const value = key.toWellFormed();
  if (Buffer.byteLength(value) <= spelledBytes) return `urn:crossfade:${kind}:${encodeURIComponent(value)}`;
  return `urn:crossfade:${kind}-sha256:${hash('sha256', value)}`;
}

/** What a device's certificate can name beside its device key. */
export type AlternativeName = 'clientId' | 'fingerprint';

/** The further identities that are written into a certificate, as far as the device presents them. */
export function alternativeIdentities(
  names: readonly AlternativeName[],
  presented: { readonly [Name in AlternativeName]?: string | undefined },
): readonly CertifiedDevice[] {
  return names.flatMap((name) => {
    const key = presented[name];
    return key === undefined || key === '' ? [] : [{ kind: name === 'clientId' ? 'clientid' : 'fingerprint', key }];
  });
}

/** SHA-256 of a purpose and a device: no kind has a NUL, and purposes are written here only, so no two inputs meet. */
export function deviceDigest(purpose: string, { kind, key }: CertifiedDevice): Buffer {
  return hash('sha256', `crossfade:${purpose}:v1\0${kind}\0${key.toWellFormed()}`, 'buffer');
}

// RFC 4648 §7
const base32hexDigits = '0123456789abcdefghijklmnopqrstuv';

function base32hex(bytes: Buffer): string {
  let text = '';
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    text += base32hexDigits.charAt((pair >> (11 - (bit & 7))) & 0x1f);
  }
  return text;
}
