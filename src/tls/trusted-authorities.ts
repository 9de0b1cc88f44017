import { hash, X509Certificate } from 'node:crypto';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import {
  type CertificateExtensions,
  type CertificateStructure,
  readCertificateExtensions,
  readCertificateStructure,
} from './certificate-structure.ts';
import { latin1 } from './der-reader.ts';
import { canonicalName, readNameAttributes } from './distinguished-name.ts';
import { pemBlocks } from './pem.ts';

/** A CA certificate with all that is needed of it, read once. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly structure: CertificateStructure;
  readonly extensions: CertificateExtensions;
  /** Lower-case hex SHA-256 of the DER. */
  readonly fingerprint: string;
  /** Canonical names. */
  readonly subject: string;
  readonly issuer: string;
  readonly commonName?: string;
}

/** A listener's trust anchors, found by a child's issuer name. */
export class TrustedAuthorities {
  readonly all: readonly Authority[];
  readonly #bySubject: ReadonlyMap<string, readonly Authority[]>;
  readonly #fingerprints: ReadonlySet<string>;
  /** By the DER that certificates carry. */
  readonly #issuerNames = new Map<string, IssuerName>();

  constructor(all: readonly Authority[]) {
    this.all = all;
    this.#fingerprints = new Set(all.map(({ fingerprint }) => fingerprint));
    this.#bySubject = Map.groupBy(all, (authority) => authority.subject);
  }

  /** Trusted CAs with this canonical name; several when a CA was renewed or its name is used twice. */
  named(subject: string): readonly Authority[] {
    return this.#bySubject.get(subject) ?? [];
  }

  /** Whether this certificate is a trust anchor itself. */
  has(fingerprint: string): boolean {
    return this.#fingerprints.has(fingerprint);
  }

  /** What a certificate's issuer name says, remembered: a fleet has few issuers. */
  issuerName(issuer: Uint8Array): IssuerName {
    const key = latin1(issuer);
    const known = this.#issuerNames.get(key);
    if (known !== undefined) return known;
    const name = { canonical: canonicalName(issuer), ...onlyCommonName(issuer) };
    if (this.#issuerNames.size >= rememberedNames) this.#issuerNames.clear();
    this.#issuerNames.set(key, name);
    return name;
  }
}

/** A distinguished name as it is compared, and its common name when it has exactly one. */
export interface IssuerName {
  readonly canonical: string;
  readonly commonName?: string;
}

export function readAuthority(certificate: X509Certificate): Authority {
  const structure = readCertificateStructure(certificate.raw);
  return {
    ...{ certificate, structure, extensions: readCertificateExtensions(structure) },
    fingerprint: hash('sha256', certificate.raw),
    ...{ subject: canonicalName(structure.subject), issuer: canonicalName(structure.issuer) },
    ...onlyCommonName(structure.subject),
  };
}

/** Reads the CA files of a listener, each one certificate or a bundle. */
export function loadTrustedAuthorities(listener: string, files: readonly string[]): TrustedAuthorities {
  const byFingerprint = new Map<string, Authority>();
  for (const [index, text] of files.entries()) {
    const blocks = pemBlocks(text, 'CERTIFICATE');
    if (blocks.length === 0) throw materialError(listener, index, 'expected a PEM certificate, got none');
    for (const der of blocks) {
      try {
        const authority = readAuthority(new X509Certificate(der));
        byFingerprint.set(authority.fingerprint, authority);
      } catch (error) {
        throw materialError(listener, index, `expected a PEM certificate: ${errorMessage(error)}`);
      }
    }
  }
  return new TrustedAuthorities([...byFingerprint.values()]);
}

function onlyCommonName(name: Uint8Array): { readonly commonName?: string } {
  const [commonName, ...others] = readNameAttributes(name).commonNames;
  return commonName === undefined || others.length > 0 ? {} : { commonName };
}

const rememberedNames = 1_024;

function materialError(listener: string, index: number, problem: string): CrossfadeError {
  return new CrossfadeError('tls-material', `Listener ${listener}, trusted CA file ${index + 1}: ${problem}`);
}
