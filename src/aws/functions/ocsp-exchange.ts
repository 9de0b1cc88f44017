import { hash, type X509Certificate } from 'node:crypto';
import { type CertificatePair, encodeOcspRequest, readOcspResponse } from '../../tls/ocsp-message.ts';

export interface OcspQuestion extends CertificatePair {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
}

/** `unknown`: the responder does not know the certificate, or gave no word that counts. */
export type OcspStatus = 'good' | 'revoked' | 'unknown';

export interface OcspExchangeOptions {
  /** In place of the responder that each certificate names (authority information access). */
  readonly responder?: string;
  /** Milliseconds that a word without an end of its own is kept. */
  readonly keepMs: number;
  /** Certificates whose status is kept at most. */
  readonly kept: number;
}

/** Posts a request to a responder's URL and gives the response's bytes; rejects where there are none. */
export type PostOcsp = (url: string, request: Buffer) => Promise<Uint8Array>;

/** Asks responders (RFC 6960, by POST) and keeps what they said until their next update. Never rejects. */
export function createOcspExchange(
  { responder, keepMs, kept }: OcspExchangeOptions,
  post: PostOcsp,
): (question: OcspQuestion) => Promise<OcspStatus> {
  const known = new Map<string, { readonly status: OcspStatus; readonly untilMs: number }>();
  return async (question) => {
    const { certificate, wallMs } = question;
    const id = hash('sha256', certificate.raw);
    const remembered = known.get(id);
    if (remembered !== undefined && wallMs < remembered.untilMs) return remembered.status;
    known.delete(id);
    const url = responder ?? responderOf(certificate);
    if (url === undefined) return 'unknown';
    try {
      const verdict = readOcspResponse(await post(url, encodeOcspRequest(question)), question, wallMs);
      const untilMs = Math.min(verdict.nextUpdateMs ?? wallMs + keepMs, wallMs + keepMs);
      const [oldest] = known.keys();
      if (known.size >= kept && oldest !== undefined) known.delete(oldest);
      known.set(id, { status: verdict.status, untilMs });
      return verdict.status;
    } catch {
      return 'unknown';
    }
  };
}

function responderOf({ infoAccess }: X509Certificate): string | undefined {
  return /^OCSP - URI:(\S+)$/m.exec(infoAccess ?? '')?.[1];
}
