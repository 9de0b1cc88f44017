import { hash, type X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { pathFaults } from '../../tls/certificate-faults.ts';
import type { CertificatePath } from '../../tls/certificate-path.ts';
import { readCertificateStructure } from '../../tls/certificate-structure.ts';
import { DerError } from '../../tls/der-reader.ts';
import { canonicalName } from '../../tls/distinguished-name.ts';
import type { CertificateFault, CertificateRefusal } from '../../tls/listener-tls.ts';
import type { RevocationLists } from '../../tls/revocation.ts';
import { type Authority, readAuthority, type TrustedAuthorities } from '../../tls/trusted-authorities.ts';
import type { OcspQuestion, OcspStatus } from './ocsp-exchange.ts';
import type { RevocationSource } from './revocation-source.ts';

export interface CertificateCheckOptions {
  /** CAs that a certificate has to chain to. None: AWS's own word is taken for that, and no list can be verified. */
  readonly trusted: TrustedAuthorities;
  /** What the old broker let in too. */
  readonly tolerate: readonly CertificateFault[];
  /** Whether a certificate passes whose revocation cannot be looked up: no list, an old one, no answer. */
  readonly unknownStatus: 'allow' | 'refuse';
}

export interface CertificateCheckDeps {
  /** Absent: no lists are looked at. */
  readonly revocation?: Pick<RevocationSource, 'current'>;
  /** Absent: no responder is asked. */
  readonly askOcsp?: (question: OcspQuestion) => Promise<OcspStatus>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** Longest way from a certificate to its trust anchor. */
const maxDepth = 8;

/** What a listener demands of a client certificate, for functions that see no handshake: the same faults, the same words. */
export class CertificateCheck {
  readonly #options: CertificateCheckOptions;
  readonly #deps: CertificateCheckDeps;

  constructor(options: CertificateCheckOptions, deps: CertificateCheckDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Why the certificate may not come in; empty: it may. `presented` are the intermediates that came with it. */
  async refusals(
    leaf: X509Certificate,
    presented: readonly X509Certificate[] = [],
  ): Promise<readonly CertificateRefusal[]> {
    const { tolerate, trusted } = this.#options;
    const wallMs = this.#deps.clock.wallMs();
    const tolerated = new Set<CertificateRefusal>(tolerate);
    try {
      const path = findPath(leaf, presented, trusted);
      const structure = readCertificateStructure(leaf.raw);
      const fingerprint = hash('sha256', leaf.raw);
      const faults = pathFaults({ leaf, structure, fingerprint, isAuthorized: false, isResumed: false }, path, wallMs);
      if (trusted.all.length === 0) for (const fault of ['untrusted', 'selfSigned'] as const) faults.delete(fault);
      for (const fault of await this.#revocation(leaf, path, wallMs)) faults.add(fault);
      return [...faults].filter((fault) => !tolerated.has(fault));
    } catch (error) {
      if (error instanceof DerError) return ['invalid'];
      throw error;
    }
  }

  /** Every element but the trust anchor, by lists and by responders; revoked by one of them is revoked. */
  async #revocation(
    leaf: X509Certificate,
    { authorities }: CertificatePath,
    wallMs: number,
  ): Promise<readonly CertificateRefusal[]> {
    const { revocation, askOcsp } = this.#deps;
    if (revocation === undefined && askOcsp === undefined) return [];
    const lists = await revocation?.current();
    const statuses = await Promise.all(
      [leaf, ...authorities.slice(0, -1).map(({ certificate }) => certificate)].map(async (certificate, depth) => {
        const listed = listedStatus(lists, certificate, wallMs);
        const issuer = authorities[depth]?.certificate;
        if (listed !== 'stale' || askOcsp === undefined || issuer === undefined) return listed;
        const answered = await askOcsp({ certificate, issuer, wallMs });
        return answered === 'unknown' ? 'stale' : answered;
      }),
    );
    if (statuses.includes('revoked')) return ['revoked'];
    return statuses.includes('stale') && this.#options.unknownStatus === 'refuse' ? ['crlStale'] : [];
  }
}

function listedStatus(lists: RevocationLists | undefined, certificate: X509Certificate, wallMs: number) {
  if (lists === undefined || !lists.isConfigured) return 'stale';
  const { issuer, serialNumber } = readCertificateStructure(certificate.raw);
  return lists.status(canonicalName(issuer), serialNumber, wallMs);
}

/** From the leaf upwards, each signature verified; what was presented never is an anchor. */
function findPath(
  leaf: X509Certificate,
  presented: readonly X509Certificate[],
  trusted: TrustedAuthorities,
): CertificatePath {
  const leafIssuer = canonicalName(readCertificateStructure(leaf.raw).issuer);
  const intermediates = presented.filter(({ ca }) => ca).map(readAuthority);
  const authorities: Authority[] = [];
  let certificate = leaf;
  let issuerName = leafIssuer;
  let isTrusted = trusted.has(hash('sha256', leaf.raw));
  while (authorities.length < maxDepth && !isTrusted) {
    const anchor = trusted.named(issuerName).find((candidate) => isIssuedBy(certificate, candidate));
    const issuer = anchor ?? intermediates.find((candidate) => isIssuedBy(certificate, candidate));
    if (issuer === undefined || authorities.some(({ fingerprint }) => fingerprint === issuer.fingerprint)) break;
    authorities.push(issuer);
    isTrusted = anchor !== undefined;
    certificate = issuer.certificate;
    issuerName = issuer.issuer;
  }
  return { authorities, leafIssuer, isTrusted };
}

function isIssuedBy(certificate: X509Certificate, { certificate: issuer }: Authority): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
