import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { type MintedCertificate, mintCertificate, mintCertificateAuthority } from '../../tls/certificate-minting.ts';
import { cipherSuites } from './cipher-suites.ts';

/** PEM texts. */
export interface ServerPem {
  readonly cert: string;
  readonly key: string;
  /** Whom a client has to trust; default: the certificate itself. */
  readonly ca?: string;
}

/** Names for which a minted certificate is kept. */
const maxNames = 256;

/** What the data ports show: a given certificate, or one for whatever name is asked for, from a CA made at the start. */
export class ServerCertificates {
  /** PEM of what a client has to trust. */
  readonly caPem: string;
  /** For a client that names no server. */
  readonly fallback: { readonly cert: string; readonly key: string };
  readonly #authority: MintedCertificate | undefined;
  readonly #contexts = new LRUCache<string, SecureContext>({ max: maxNames });

  constructor(given?: ServerPem) {
    if (given !== undefined) {
      this.fallback = { cert: given.cert, key: given.key };
      this.caPem = given.ca ?? given.cert;
      return;
    }
    this.#authority = mintCertificateAuthority('Crossfade AWS IoT emulator server CA');
    this.caPem = this.#authority.certificate;
    this.fallback = mint(this.#authority, 'localhost');
  }

  /** Undefined: the fallback's. */
  contextOf(serverName: string): SecureContext | undefined {
    if (this.#authority === undefined) return undefined;
    const name = serverName.toLowerCase();
    // Not a name that a certificate could have: the client gets the fallback, and refuses it.
    if (!/^[a-z0-9.-]{1,253}$/.test(name)) return undefined;
    let context = this.#contexts.get(name);
    if (context === undefined) {
      context = createSecureContext({ ...mint(this.#authority, name), ciphers: cipherSuites });
      this.#contexts.set(name, context);
    }
    return context;
  }
}

function mint(issuer: MintedCertificate, name: string): { readonly cert: string; readonly key: string } {
  const { certificate, key } = mintCertificate({
    // A common name has 64 characters at most; clients read the alternative names.
    subject: { commonName: name.slice(0, 64) },
    dnsNames: [name, 'localhost'],
    ipAddresses: ['127.0.0.1'],
    extendedKeyUsage: ['serverAuth'],
    issuer,
  });
  return { cert: certificate, key };
}
