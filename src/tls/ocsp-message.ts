import { hash, X509Certificate } from 'node:crypto';
import { readCertificateStructure, readSubjectPublicKeyBits } from './certificate-structure.ts';
import { DerError, DerReader, derTag, hexadecimal, integerHex, readTime } from './der-reader.ts';
import { isSignedBy, readSignature } from './der-verifying.ts';

/** A certificate, and the CA that issued it. */
export interface CertificatePair {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
}

/** A responder's verified word on one certificate (RFC 6960 §2.2). */
export interface OcspVerdict {
  readonly status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since the Unix epoch; absent: the word counts for this moment only. */
  readonly nextUpdateMs?: number;
}

/** Milliseconds that a responder's clock may be ahead, and that a word without an end is good for. */
const toleranceMs = 5 * 60_000;

/** A request for one certificate, without a nonce: responders answer from what they signed ahead (RFC 5019 §2.1.1). */
export function encodeOcspRequest(pair: CertificatePair): Buffer {
  const request = der(derTag.sequence, certificateId(pair));
  return der(derTag.sequence, der(derTag.sequence, der(derTag.sequence, request)));
}

/**
 * What the response says of the certificate. Throws a DerError where it says nothing that counts: not successful, of
 * other certificates, signed by nobody who may, or from another time.
 */
export function readOcspResponse(response: Uint8Array, pair: CertificatePair, wallMs: number): OcspVerdict {
  const outer = new DerReader(response).next(derTag.sequence).inside();
  const status = outer.next(enumerated).content()[0];
  if (status !== 0) throw new DerError(`Expected a successful OCSP response, got status ${status}`);
  const bytes = outer.next(0xa0).inside().next(derTag.sequence).inside();
  if (hexadecimal(bytes.next(derTag.objectIdentifier).content()) !== basicResponse) {
    throw new DerError('Expected a basic OCSP response, got another type');
  }
  const basic = bytes.next(derTag.octetString).inside().next(derTag.sequence).inside();
  const data = basic.next(derTag.sequence);
  const toBeSigned = data.element();
  const responses = responsesOf(data.inside());
  const algorithm = basic.next(derTag.sequence).element();
  const signature = readSignature(basic);
  const signers = basic.isAtEnd ? [] : certificatesOf(basic.next(0xa0).inside().next(derTag.sequence).inside());
  const keys = [
    pair.issuer.publicKey,
    ...signers.filter((signer) => mayAnswerFor(signer, pair.issuer, wallMs)).map(({ publicKey }) => publicKey),
  ];
  if (!keys.some((key) => isSignedBy({ toBeSigned, algorithm, signature }, key))) {
    throw new DerError('Expected an OCSP response signed by the CA or by a responder of its own');
  }
  const verdict = responses.find((each) => isAbout(each, pair));
  if (verdict === undefined) throw new DerError('Expected an OCSP response about the certificate, got another');
  return currentVerdict(verdict, wallMs);
}

interface SingleResponse {
  /** Object identifier, hex. */
  readonly hash: string;
  readonly issuerNameHash: string;
  readonly issuerKeyHash: string;
  readonly serialNumber: string;
  readonly status: OcspVerdict['status'];
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

function responsesOf(data: DerReader): readonly SingleResponse[] {
  data.skipIf(0xa0);
  data.next();
  data.next(derTag.generalizedTime);
  const list = data.next(derTag.sequence).inside();
  const responses: SingleResponse[] = [];
  while (!list.isAtEnd) {
    const single = list.next(derTag.sequence).inside();
    const id = single.next(derTag.sequence).inside();
    responses.push({
      hash: hexadecimal(id.next(derTag.sequence).inside().next(derTag.objectIdentifier).content()),
      issuerNameHash: hexadecimal(id.next(derTag.octetString).content()),
      issuerKeyHash: hexadecimal(id.next(derTag.octetString).content()),
      serialNumber: integerHex(id.next(derTag.integer).content()),
      status: statusByTag[single.next().tag] ?? 'unknown',
      thisUpdate: readTime(single),
      nextUpdate: single.nextTag === 0xa0 ? readTime(single.next().inside()) : undefined,
    });
  }
  return responses;
}

/** Of the same serial number and issuer, in whichever algorithm the responder hashed the issuer. */
function isAbout(response: SingleResponse, { certificate, issuer }: CertificatePair): boolean {
  const algorithm = hashByIdentifier[response.hash];
  if (algorithm === undefined) return false;
  const { subject, publicKey } = issuerParts(issuer);
  return (
    response.serialNumber === readCertificateStructure(certificate.raw).serialNumber &&
    response.issuerNameHash === hash(algorithm, subject) &&
    response.issuerKeyHash === hash(algorithm, publicKey)
  );
}

function currentVerdict({ status, thisUpdate, nextUpdate }: SingleResponse, wallMs: number): OcspVerdict {
  if (thisUpdate > wallMs + toleranceMs) throw new DerError('Expected an OCSP response of now, got one of the future');
  if (wallMs > (nextUpdate ?? thisUpdate) + toleranceMs)
    throw new DerError('Expected an OCSP response of now, got an old one');
  return { status, ...(nextUpdate === undefined ? {} : { nextUpdateMs: nextUpdate }) };
}

/** A responder of the CA's own: a certificate that the CA signed for this use (RFC 6960 §4.2.2.2). */
function mayAnswerFor(signer: X509Certificate, issuer: X509Certificate, wallMs: number): boolean {
  const isValid = wallMs >= signer.validFromDate.getTime() && wallMs <= signer.validToDate.getTime();
  if (!isValid || !(signer.keyUsage ?? []).includes(ocspSigning)) return false;
  return signer.checkIssued(issuer) && signer.verify(issuer.publicKey);
}

function certificatesOf(list: DerReader): readonly X509Certificate[] {
  const certificates: X509Certificate[] = [];
  while (!list.isAtEnd && certificates.length < mostSigners) {
    const raw = list.next(derTag.sequence).element();
    try {
      certificates.push(new X509Certificate(raw));
    } catch {
      throw new DerError('Expected certificates in an OCSP response, got something else');
    }
  }
  return certificates;
}

function certificateId({ certificate, issuer }: CertificatePair): Buffer {
  const { subject, publicKey } = issuerParts(issuer);
  const algorithm = der(derTag.sequence, der(derTag.objectIdentifier, Buffer.from(sha1, 'hex')), der(0x05));
  const name = der(derTag.octetString, hash('sha1', subject, 'buffer'));
  const key = der(derTag.octetString, hash('sha1', publicKey, 'buffer'));
  return der(derTag.sequence, algorithm, name, key, der(derTag.integer, serialContent(certificate)));
}

function issuerParts(issuer: X509Certificate) {
  const { subject } = readCertificateStructure(issuer.raw);
  const info = issuer.publicKey.export({ type: 'spki', format: 'der' });
  return { subject, publicKey: readSubjectPublicKeyBits(info) };
}

/** The octets of the INTEGER as the certificate has them. */
function serialContent(certificate: X509Certificate): Uint8Array {
  const body = new DerReader(certificate.raw).next(derTag.sequence).inside().next(derTag.sequence).inside();
  body.skipIf(0xa0);
  return body.next(derTag.integer).content();
}

/** One element of at most 65 535 octets. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const head = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), body]);
}

const enumerated = 0x0a;
/** id-pkix-ocsp-basic, id-kp-OCSPSigning, id-sha1 and id-sha256. */
const basicResponse = '2b0601050507300101';
const ocspSigning = '1.3.6.1.5.5.7.3.9';
const sha1 = '2b0e03021a';
const hashByIdentifier: Readonly<Record<string, string>> = { [sha1]: 'sha1', '608648016503040201': 'sha256' };
/** good [0] NULL, revoked [1] RevokedInfo, unknown [2] NULL. */
const statusByTag: Readonly<Record<number, OcspVerdict['status']>> = { 128: 'good', 161: 'revoked', 130: 'unknown' };
const mostSigners = 4;
