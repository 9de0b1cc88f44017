import { hash, type X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CertificateStructure } from './certificate-structure.ts';
import { type Authority, readAuthority, type TrustedAuthorities } from './trusted-authorities.ts';

/** What a handshake showed of the client. */
export interface PresentedChain {
  readonly leaf: X509Certificate;
  readonly structure: CertificateStructure;
  /** Lower-case hex SHA-256 of the leaf's DER. */
  readonly fingerprint: string;
  /** OpenSSL verified it, now or in the handshake that this session resumes. */
  readonly isAuthorized: boolean;
  /** A resumed session has no certificates but the leaf. */
  readonly isResumed: boolean;
}

export interface CertificatePath {
  /** From the leaf's issuer to the trust anchor, as far as it was found. */
  readonly authorities: readonly Authority[];
  /** Canonical issuer name of the leaf. */
  readonly leafIssuer: string;
  readonly isTrusted: boolean;
}

/**
 * Finds the way from a leaf to a trusted CA. What OpenSSL verified is not verified again as long as names leave no
 * choice; everything else is, each signature once (they do not change) and remembered.
 */
export class PathFinder {
  readonly #trusted: TrustedAuthorities;
  /** `child fingerprint|issuer fingerprint` of signatures that verified. */
  readonly #verified = new LRUCache<string, true>({ max: 20_000 });
  /** Intermediates of trusted chains, for resumed sessions. Only a trusted CA's own child gets in. */
  readonly #intermediates = new LRUCache<string, Authority>({ max: 256 });

  constructor(trusted: TrustedAuthorities) {
    this.#trusted = trusted;
  }

  find(chain: PresentedChain): CertificatePath {
    const leafIssuer = this.#trusted.issuerName(chain.structure.issuer).canonical;
    const authorities: Authority[] = [];
    let presented: readonly Authority[] | undefined;
    let child: Child = { certificate: chain.leaf, fingerprint: chain.fingerprint, issuer: leafIssuer };
    let isTrusted = this.#trusted.has(chain.fingerprint);
    while (authorities.length < maxDepth && !(authorities.length > 0 && isSelfIssued(authorities.at(-1)))) {
      const anchor = this.#trustedIssuer(child, chain.isAuthorized);
      isTrusted ||= anchor !== undefined;
      if (anchor === undefined && isTrusted) break;
      presented ??= anchor === undefined ? this.#presentedAuthorities(chain) : undefined;
      const issuer = anchor ?? presented?.find((candidate) => this.#isIssuer(child, candidate));
      if (issuer === undefined || authorities.includes(issuer)) break;
      authorities.push(issuer);
      child = {
        certificate: issuer.certificate,
        fingerprint: issuer.fingerprint,
        issuer: issuer.issuer,
      };
    }
    // without a presented chain (a resumed session) OpenSSL's own word is what there is
    return { authorities, leafIssuer, isTrusted: isTrusted || chain.isAuthorized };
  }

  /** Keeps the unlisted intermediates of a trusted path; says whether there are any. */
  remember({ authorities, isTrusted }: CertificatePath): readonly Authority[] {
    if (!isTrusted) return [];
    const unlisted = authorities.filter(({ fingerprint }) => !this.#trusted.has(fingerprint));
    for (const authority of unlisted) this.#intermediates.set(authority.fingerprint, authority);
    return unlisted;
  }

  #trustedIssuer(child: Child, isAuthorized: boolean): Authority | undefined {
    const candidates = this.#trusted.named(child.issuer);
    const only = candidates.length === 1 ? candidates[0] : undefined;
    if (only !== undefined && isAuthorized) return only;
    return candidates.find((candidate) => this.#isIssuer(child, candidate));
  }

  #isIssuer(child: Child, candidate: Authority): boolean {
    if (candidate.subject !== child.issuer) return false;
    const key = `${child.fingerprint}|${candidate.fingerprint}`;
    if (this.#verified.has(key)) return true;
    const { certificate } = child;
    if (!certificate.checkIssued(candidate.certificate)) return false;
    if (!hasVerified(certificate, candidate)) return false;
    this.#verified.set(key, true);
    return true;
  }

  #presentedAuthorities(chain: PresentedChain): readonly Authority[] {
    if (chain.isResumed) return [...this.#intermediates.values()];
    const authorities: Authority[] = [];
    let next = chain.leaf.issuerCertificate;
    for (let count = 0; next !== undefined && count < maxPresented; count++) {
      const authority = this.#intermediates.get(hash('sha256', next.raw)) ?? readAuthority(next);
      // a device's own certificate must never pass for an issuer
      if (authority.extensions.basicConstraints === 'authority') authorities.push(authority);
      next = next.issuerCertificate;
    }
    return authorities;
  }
}

interface Child {
  readonly certificate: X509Certificate;
  readonly fingerprint: string;
  readonly issuer: string;
}

const maxDepth = 8;
const maxPresented = 10;

function hasVerified(certificate: X509Certificate, issuer: Authority): boolean {
  try {
    return certificate.verify(issuer.certificate.publicKey);
  } catch {
    return false;
  }
}

function isSelfIssued(authority: Authority | undefined): boolean {
  return authority !== undefined && authority.subject === authority.issuer;
}
