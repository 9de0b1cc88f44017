import { hash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { pathFaults } from './certificate-faults.ts';
import { type CertificatePath, PathFinder, type PresentedChain } from './certificate-path.ts';
import { readCertificateStructure } from './certificate-structure.ts';
import { DerError } from './der-reader.ts';
import { readNameAttributes } from './distinguished-name.ts';
import type {
  CertificateFault,
  CertificateRefusal,
  ListenerTlsPolicy,
  PeerCertificate,
  PeerJudgement,
} from './listener-tls.ts';
import type { RevocationLists } from './revocation.ts';
import type { Authority, TrustedAuthorities } from './trusted-authorities.ts';

export type JudgePolicy = Pick<ListenerTlsPolicy, 'clientCertificates' | 'tolerate' | 'crlStale'>;

export interface JudgeTrust {
  readonly trusted: TrustedAuthorities;
  readonly revocation: RevocationLists;
}

/** Decides on client certificates; one per trust (a reload makes a new one). Uses no clock of its own. */
export class CertificateJudge {
  readonly #policy: JudgePolicy;
  readonly #tolerated: ReadonlySet<CertificateRefusal>;
  readonly #trust: JudgeTrust;
  readonly #finder: PathFinder;
  readonly #unlisted = new Map<string, Authority>();

  constructor(policy: JudgePolicy, trust: JudgeTrust) {
    this.#policy = policy;
    this.#tolerated = new Set<CertificateFault>(policy.tolerate);
    this.#trust = trust;
    this.#finder = new PathFinder(trust.trusted);
  }

  /** Common names of intermediates that clients sent and `trustedCas` does not list; bounded. */
  get unlistedIntermediates(): readonly string[] {
    return [...this.#unlisted.values()].map(({ commonName, fingerprint }) => commonName ?? fingerprint);
  }

  get hasUnlistedIntermediates(): boolean {
    return this.#unlisted.size > 0;
  }

  judge(socket: TLSSocket, wallMs: number): PeerJudgement {
    if (this.#policy.clientCertificates === 'off') return { accepted: true, observed: [] };
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined) return this.#verdict(['missing'], undefined);
    try {
      const der = leaf.raw;
      return this.#judgeChain(wallMs, socket.authorized ? undefined : String(socket.authorizationError), {
        leaf,
        structure: readCertificateStructure(der),
        fingerprint: hash('sha256', der),
        isAuthorized: socket.authorized,
        isResumed: socket.isSessionReused(),
      });
    } catch (error) {
      if (error instanceof DerError) return this.#verdict(['invalid'], undefined);
      throw error;
    }
  }

  #judgeChain(wallMs: number, opensslError: string | undefined, chain: PresentedChain): PeerJudgement {
    const path = this.#finder.find(chain);
    this.#rememberUnlisted(path);
    const faults = pathFaults(chain, path, wallMs);
    this.#addRevocation(faults, chain, path, wallMs);
    if (opensslError !== undefined && !isExplained(opensslError, faults)) faults.add('invalid');
    return this.#verdict([...faults], chain);
  }

  #rememberUnlisted(path: CertificatePath): void {
    for (const authority of this.#finder.remember(path)) {
      this.#trust.revocation.learn(authority);
      if (this.#unlisted.size < 100) this.#unlisted.set(authority.fingerprint, authority);
    }
  }

  /** Every element but the trust anchor is looked up in its issuer's list. */
  #addRevocation(
    faults: Set<CertificateRefusal>,
    chain: PresentedChain,
    { authorities, leafIssuer, isTrusted }: CertificatePath,
    wallMs: number,
  ): void {
    const { revocation } = this.#trust;
    if (!revocation.isConfigured || (isTrusted && this.#trust.trusted.has(chain.fingerprint))) return;
    const below = isTrusted ? authorities.slice(0, -1) : authorities;
    const elements = [
      { issuer: leafIssuer, serialNumber: chain.structure.serialNumber },
      ...below.map(({ issuer, structure }) => ({ issuer, serialNumber: structure.serialNumber })),
    ];
    for (const { issuer, serialNumber } of elements) {
      const status = revocation.status(issuer, serialNumber, wallMs);
      if (status === 'revoked') faults.add('revoked');
      if (status === 'stale' && isTrusted && this.#policy.crlStale === 'refuse') faults.add('crlStale');
    }
  }

  #verdict(faults: readonly CertificateRefusal[], chain: PresentedChain | undefined): PeerJudgement {
    const { clientCertificates } = this.#policy;
    if (faults[0] === 'missing' && clientCertificates === 'optional') return { accepted: true, observed: [] };
    const refusals = faults.filter((fault) => !this.#tolerated.has(fault));
    if (refusals.length === 0 && chain !== undefined) {
      return { accepted: true, certificate: this.#peerCertificate(chain), observed: faults };
    }
    if (clientCertificates === 'observe') return { accepted: true, observed: faults };
    return { accepted: false, reasons: refusals };
  }

  #peerCertificate({ structure, fingerprint }: PresentedChain): PeerCertificate {
    const { commonNames, organizationalUnits } = readNameAttributes(structure.subject);
    const [commonName = '', ...others] = commonNames;
    const issuer = this.#trust.trusted.issuerName(structure.issuer).commonName;
    return {
      ...(commonName === '' || others.length > 0 ? {} : { commonName }),
      ...{ fingerprint, serialNumber: structure.serialNumber, organizationalUnits },
      ...(issuer === undefined ? {} : { issuerCommonName: issuer }),
    };
  }
}

/** Whether the one error that OpenSSL shows is something that was judged here, and found or rightly not found. */
function isExplained(opensslError: string, faults: ReadonlySet<CertificateRefusal>): boolean {
  if (faults.has('untrusted') || faults.has('selfSigned') || faults.has('invalid')) return true;
  // OpenSSL's name for "too weak" is none
  if (opensslError === 'UNSPECIFIED') return faults.has('weakKey') || faults.has('weakSignature');
  if (opensslError === 'INVALID_PURPOSE') return faults.has('missingClientAuth');
  return judgedHere.has(opensslError);
}

/** Dates may have changed since the session's first handshake; and a CA that is not a root is an anchor here. */
const judgedHere: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
]);
