import { type KeyObject, verify } from 'node:crypto';
import { DerError, DerReader, derTag, hexadecimal } from './der-reader.ts';

/** What somebody signed, and how. */
export interface SignedStructure {
  readonly toBeSigned: Uint8Array;
  /** AlgorithmIdentifier, DER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** The next element, a BIT STRING: signatures are whole octets. */
export function readSignature(reader: DerReader): Uint8Array {
  const content = reader.next(derTag.bitString).content();
  if (content[0] !== 0) throw new DerError(`Expected a signature at offset ${reader.elementStart}`);
  return content.subarray(1);
}

/** False also for algorithms that are not known here, and for a key that does not fit. */
export function isSignedBy({ toBeSigned, algorithm, signature }: SignedStructure, publicKey: KeyObject): boolean {
  const hash = signatureHashes[algorithmOid(algorithm)];
  if (hash === undefined) return false;
  try {
    return verify(hash, toBeSigned, publicKey, signature);
  } catch {
    return false;
  }
}

function algorithmOid(algorithm: Uint8Array): string {
  return hexadecimal(new DerReader(algorithm).next().inside().next(derTag.objectIdentifier).content());
}

/** Signature algorithms by the hex of their object identifier; `null`: the key's own. RSA-PSS is not among them. */
const signatureHashes: Readonly<Record<string, string | null>> = {
  '2a864886f70d010104': 'md5',
  '2a864886f70d010105': 'sha1',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha1',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
  '2b6571': null,
};
