import { createECDH, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { failure, type Result, success } from '../base/result.ts';
import { ecdsaP256, keyFlags, type ZoneKey } from '../dns/dnssec-key.ts';

/** What a key file holds, and the `.key` file beside it, which BIND writes and has the flags in. */
export interface SigningKeyText {
  readonly privateText: string;
  /** Absent: the key is of the entry point and signs all, unless another key of the zone is there for that. */
  readonly publicText?: string;
}

/**
 * A zone's key from PKCS#8 in PEM or BIND's private-key format v1.3; ECDSA P-256 only (RFC 8624 section 3.1). The error
 * says what was expected, and nothing of what the file holds.
 */
export function parseSigningKey({ privateText, publicText }: SigningKeyText): Result<ZoneKey> {
  const flags = publicText === undefined ? success(keyFlags.entryPoint) : parseFlags(publicText);
  if (!flags.ok) return flags;
  const scalar = privateText.startsWith('Private-key-format:') ? scalarOfBind(privateText) : scalarOfPem(privateText);
  if (!scalar.ok) return scalar;
  try {
    const { key, publicKey } = keyOfScalar(scalar.value);
    return success({
      flags: flags.value,
      publicKey,
      sign: (octets) => sign('sha256', octets, { key, dsaEncoding: 'ieee-p1363' }),
    });
  } catch {
    return failure('expected a private key of the curve P-256');
  }
}

/** `example.com. IN DNSKEY 257 3 13 …`. */
function parseFlags(text: string): Result<number> {
  const [, flags, algorithm] = /^[^;\n]*\sDNSKEY\s+(\d+)\s+3\s+(\w+)\s/m.exec(text) ?? [];
  if (algorithm !== String(ecdsaP256) && algorithm !== 'ECDSAP256SHA256') {
    return failure(`expected a DNSKEY of algorithm ${ecdsaP256} (ECDSA P-256), got ${algorithm ?? 'none'}`);
  }
  const isKnown = Number(flags) === keyFlags.zone || Number(flags) === keyFlags.entryPoint;
  return isKnown ? success(Number(flags)) : failure(`expected the flags 256 or 257 of a DNSKEY, got ${flags}`);
}

function scalarOfBind(text: string): Result<Uint8Array> {
  const algorithm = /^Algorithm:\s*(\d+)/m.exec(text)?.[1];
  if (algorithm !== String(ecdsaP256)) {
    return failure(`expected the algorithm ${ecdsaP256} (ECDSA P-256), got ${algorithm ?? 'none'}`);
  }
  const scalar = Buffer.from(/^PrivateKey:\s*(\S+)/m.exec(text)?.[1] ?? '', 'base64');
  return scalar.length === 32 ? success(scalar) : failure('expected a PrivateKey of 32 octets in base64');
}

function scalarOfPem(text: string): Result<Uint8Array> {
  try {
    const { crv, d } = createPrivateKey(text).export({ format: 'jwk' });
    if (crv === 'P-256' && d !== undefined) return success(Buffer.from(d, 'base64url'));
  } catch {
    return failure('expected a private key: PKCS#8 in PEM without a passphrase, or the private-key format of BIND');
  }
  return failure('expected a private key of the curve P-256');
}

function keyOfScalar(scalar: Uint8Array): { readonly key: KeyObject; readonly publicKey: Uint8Array } {
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(scalar);
  const point = pair.getPublicKey();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  const [d, ...coordinates] = [scalar, x, y].map((part) => Buffer.from(part).toString('base64url'));
  const jwk = { kty: 'EC', crv: 'P-256', d: d ?? '', x: coordinates[0] ?? '', y: coordinates[1] ?? '' };
  return { key: createPrivateKey({ key: jwk, format: 'jwk' }), publicKey: Uint8Array.from([...x, ...y]) };
}
