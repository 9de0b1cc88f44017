import { type KeyObject, sign } from 'node:crypto';
import { bitString, type DerNode, encodeDer, nullValue, objectIdentifier, sequence } from './der-writing.ts';

/** sha1 and md5 only to stand in for old fleets. */
export type SignatureHash = 'sha256' | 'sha384' | 'sha1' | 'md5';

/** `SIGNED{...}`: the structure, its algorithm, the signature over its DER (RFC 5280 §4.1.1). */
export function signedStructure(toBeSigned: DerNode, privateKey: KeyObject, hash: SignatureHash): Buffer {
  const signature = sign(hash, encodeDer(toBeSigned), privateKey);
  return withSignature(toBeSigned, signatureAlgorithm(privateKey, hash), signature);
}

export function withSignature(toBeSigned: DerNode, algorithm: DerNode, signature: Buffer): Buffer {
  return encodeDer(sequence(toBeSigned, algorithm, bitString(signature)));
}

/** The AlgorithmIdentifier of a signature by this key, either half of the pair (RFC 5758 §3.2, RFC 4055 §5). */
export function signatureAlgorithm(issuerKey: KeyObject, hash: SignatureHash): DerNode {
  if (issuerKey.asymmetricKeyType === 'ec') {
    const oid = ecdsaOids[hash];
    if (oid === undefined) throw new TypeError(`Expected sha1, sha256 or sha384 for an EC key, got ${hash}`);
    return sequence(objectIdentifier(oid));
  }
  return sequence(objectIdentifier(rsaOids[hash]), nullValue());
}

const ecdsaOids: Readonly<Partial<Record<SignatureHash, string>>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
};

const rsaOids: Readonly<Record<SignatureHash, string>> = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
};
