import type { KeyObject } from 'node:crypto';
import { errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import { DerError, DerReader, derTag, hexadecimal, integerHex, readTime } from './der-reader.ts';
import { isSignedBy, readSignature } from './der-verifying.ts';
import { canonicalName } from './distinguished-name.ts';
import { pemBlocks } from './pem.ts';

/** A certificate revocation list, read; its signature is not verified yet (RFC 5280 §5.1). */
export interface RevocationList {
  /** Canonical name. */
  readonly issuer: string;
  /** Milliseconds since the Unix epoch. */
  readonly thisUpdate: number;
  /** Absent: the list names no end and never gets stale. */
  readonly nextUpdate?: number;
  /** Serial numbers, lower-case hex, no leading zeros. */
  readonly revoked: ReadonlySet<string>;
  /** Whether the list is signed by this key. */
  isSignedBy(publicKey: KeyObject): boolean;
}

/** Reads PEM (the first block) or DER. Delta and indirect lists are refused: they say something else. */
export function parseRevocationList(content: Uint8Array): Result<RevocationList> {
  try {
    return success(readRevocationList(toDer(content)));
  } catch (error) {
    if (error instanceof DerError) return failure(error.message);
    return failure(`Not a certificate revocation list: ${errorMessage(error)}`);
  }
}

function toDer(content: Uint8Array): Uint8Array {
  if (content[0] === derTag.sequence) return content;
  const block = pemBlocks(Buffer.from(content).toString('latin1'), 'X509 CRL')[0];
  if (block === undefined) throw new DerError('Expected DER or a PEM block "X509 CRL"');
  return block;
}

function readRevocationList(der: Uint8Array): RevocationList {
  const file = new DerReader(der);
  const outer = file.next(derTag.sequence).inside();
  if (!file.isAtEnd) throw new DerError(`Expected the end at offset ${file.end}, got more`);
  const toBeSigned = outer.next(derTag.sequence).element();
  const body = outer.inside();
  const algorithm = outer.next(derTag.sequence).element();
  const signature = readSignature(outer);
  if (!outer.isAtEnd) throw new DerError(`Expected nothing behind the signature at offset ${outer.elementStart}`);
  body.skipIf(derTag.integer);
  // the outer algorithm is not signed: it must be the inner one (RFC 5280 §5.1.1.2)
  if (Buffer.compare(body.next(derTag.sequence).element(), algorithm) !== 0) {
    throw new DerError(`Expected the same signature algorithm at offsets ${body.elementStart} and behind the list`);
  }
  const issuer = canonicalName(body.next(derTag.sequence).element());
  const thisUpdate = readTime(body);
  const hasNextUpdate = body.nextTag === derTag.utcTime || body.nextTag === derTag.generalizedTime;
  const nextUpdate = hasNextUpdate ? { nextUpdate: readTime(body) } : {};
  const revoked = new Set<string>();
  if (body.nextTag === derTag.sequence) readEntries(body.next().inside(), revoked);
  if (body.nextTag === 0xa0) refuseOtherKinds(body.next().inside().next(derTag.sequence).inside());
  return {
    ...{ issuer, thisUpdate, ...nextUpdate, revoked },
    isSignedBy: (publicKey) => isSignedBy({ toBeSigned, algorithm, signature }, publicKey),
  };
}

function readEntries(entries: DerReader, revoked: Set<string>): void {
  while (!entries.isAtEnd)
    revoked.add(integerHex(entries.next(derTag.sequence).inside().next(derTag.integer).content()));
}

function refuseOtherKinds(extensions: DerReader): void {
  while (!extensions.isAtEnd) {
    const extension = extensions.next(derTag.sequence).inside();
    const type = hexadecimal(extension.next(derTag.objectIdentifier).content());
    extension.skipIf(derTag.boolean);
    const value = extension.next(derTag.octetString).inside();
    if (type === '551d1b') throw new DerError('Expected a complete list, got a delta list');
    if (type === '551d1c' && isIndirect(value))
      throw new DerError('Expected a list of its own issuer, got an indirect one');
  }
}

/** IssuingDistributionPoint: `indirectCRL [4] BOOLEAN DEFAULT FALSE` (RFC 5280 §5.2.5). */
function isIndirect(value: DerReader): boolean {
  const fields = value.next(derTag.sequence).inside();
  while (!fields.isAtEnd) if (fields.next().tag === 0x84) return fields.content()[0] !== 0;
  return false;
}
