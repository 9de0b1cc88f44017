import { constants, hash, randomBytes } from 'node:crypto';
import { DEFAULT_CIPHERS, type SecureContextOptions, type TLSSocket, type TlsOptions } from 'node:tls';
import { CrossfadeError } from '../base/errors.ts';
import { CertificateJudge } from './certificate-judge.ts';
import type {
  ExpiringMaterial,
  ListenerTls,
  ListenerTlsMaterial,
  ListenerTlsPolicy,
  PeerJudgement,
} from './listener-tls.ts';
import { RevocationLists } from './revocation.ts';
import { loadServerCertificates, type ServerCertificates } from './server-certificates.ts';
import { nextRotation, ticketKeys } from './ticket-keys.ts';
import { loadTrustedAuthorities, type TrustedAuthorities } from './trusted-authorities.ts';

/** Builds a listener's TLS; throws CrossfadeError `tls-material` when policy and material make none. */
export function createListenerTls(
  policy: ListenerTlsPolicy,
  material: ListenerTlsMaterial,
  wallMs: number,
): ListenerTls {
  return new Listener(policy, material, wallMs);
}

/** Labels of `crossfade_tls_handshakes_total` for a finished handshake. */
export function describeHandshake(socket: TLSSocket): { readonly version: string; readonly resumed: boolean } {
  return { version: socket.getProtocol() ?? 'unknown', resumed: socket.isSessionReused() };
}

type AdoptedServer = Parameters<ListenerTls['adopt']>[0];

/** All that a reload replaces, as one value. */
interface Loaded {
  readonly trusted: TrustedAuthorities;
  readonly revocation: RevocationLists;
  readonly judge: CertificateJudge;
  readonly certificates: ServerCertificates;
  readonly contextOptions: SecureContextOptions;
}

class Listener implements ListenerTls {
  readonly serverOptions: TlsOptions;
  readonly #policy: ListenerTlsPolicy;
  readonly #servers = new Set<AdoptedServer>();
  #loaded: Loaded;
  /** Set once a client's intermediate is not listed: its sessions can be judged again in this process only. */
  #processNonce = '';

  constructor(policy: ListenerTlsPolicy, material: ListenerTlsMaterial, wallMs: number) {
    this.#policy = policy;
    this.#loaded = load(policy, material);
    this.serverOptions = {
      ...this.#loaded.contextOptions,
      ticketKeys: this.#ticketKeys(wallMs),
      requestCert: policy.clientCertificates !== 'off',
      // the judge decides: OpenSSL would show one fault of several, and knows no tolerance
      rejectUnauthorized: false,
      SNICallback: (servername, done) => done(null, this.#loaded.certificates.contextFor(servername)),
      ALPNCallback: ({ protocols }) => chooseProtocol(policy.alpn, protocols),
    };
  }

  adopt(server: AdoptedServer, wallMs: number): void {
    this.#servers.add(server);
    server.setTicketKeys(this.#ticketKeys(wallMs));
  }

  rotate(wallMs: number): number {
    this.#setTicketKeys(wallMs);
    return nextRotation(this.#policy, wallMs);
  }

  judge(socket: TLSSocket, wallMs: number): PeerJudgement {
    const { judge } = this.#loaded;
    const judgement = judge.judge(socket, wallMs);
    if (this.#processNonce === '' && judge.hasUnlistedIntermediates) {
      this.#processNonce = randomBytes(16).toString('hex');
      this.#setTicketKeys(wallMs);
    }
    return judgement;
  }

  reload(material: ListenerTlsMaterial, wallMs: number): void {
    this.#loaded = load(this.#policy, material, this.#loaded.revocation);
    this.#processNonce = '';
    const keys = this.#ticketKeys(wallMs);
    for (const server of this.#servers) {
      server.setSecureContext({ ...this.#loaded.contextOptions, ticketKeys: keys });
      server.setTicketKeys(keys);
    }
  }

  expiring(): readonly ExpiringMaterial[] {
    const { name } = this.#policy;
    const { certificates, trusted, revocation } = this.#loaded;
    const authorities = trusted.all.map(({ commonName, fingerprint, structure }) => ({
      use: `${name}/trusted-ca/${commonName ?? fingerprint}`,
      expiresAt: structure.notAfter,
    }));
    const own = certificates.expiring.map(({ use, expiresAt }) => ({ use, expiresAt }));
    return earliestByUse([...own, ...authorities, ...revocation.expiring(name)]);
  }

  warnings(wallMs: number): readonly string[] {
    const { name, minVersion } = this.#policy;
    const { certificates, judge, revocation, trusted } = this.#loaded;
    const texts = [
      ...(isOldVersion(minVersion) ? [`accepts ${minVersion}, which also loosens what OpenSSL demands of keys`] : []),
      ...certificates.expiring
        .filter(({ notBefore }) => wallMs < notBefore)
        .map(({ use }) => `${use} is not valid yet`),
      ...certificates.expiring.flatMap(({ use, expiresAt }) => endWarnings(use, expiresAt, wallMs)),
      ...trusted.all.flatMap(({ commonName, fingerprint, structure }) =>
        endWarnings(`trusted CA ${commonName ?? fingerprint}`, structure.notAfter, wallMs),
      ),
      ...revocation.warnings(wallMs),
      ...judge.unlistedIntermediates.map(
        (commonName) => `intermediate CA ${commonName} is not in trustedCas; list it, so that workers share sessions`,
      ),
    ];
    return texts.map((text) => `Listener ${name}: ${text}`);
  }

  #setTicketKeys(wallMs: number): void {
    const keys = this.#ticketKeys(wallMs);
    for (const server of this.#servers) server.setTicketKeys(keys);
  }

  #ticketKeys(wallMs: number): Buffer {
    const authorities = this.#loaded.trusted.all.map(({ fingerprint }) => fingerprint);
    const revocation = this.#loaded.revocation.digest;
    return ticketKeys({ policy: this.#policy, authorities, revocation, processNonce: this.#processNonce }, wallMs);
  }
}

function load(policy: ListenerTlsPolicy, material: ListenerTlsMaterial, previous?: RevocationLists): Loaded {
  const trusted = loadTrustedAuthorities(policy.name, material.trustedCas);
  if (
    trusted.all.length === 0 &&
    (policy.clientCertificates === 'required' || policy.clientCertificates === 'optional')
  ) {
    const message = `Listener ${policy.name}: clientCertificates ${policy.clientCertificates} needs at least one trusted CA, got none`;
    throw new CrossfadeError('tls-material', message);
  }
  const revocation = RevocationLists.load(material.crls, trusted, previous);
  const shared = sharedContextOptions(policy, trusted);
  const certificates = loadServerCertificates(policy.name, material.certificates, shared);
  const [{ cert, key } = { cert: '', key: '' }] = material.certificates;
  return {
    ...{ trusted, revocation, certificates, contextOptions: { ...shared, cert, key } },
    judge: new CertificateJudge(policy, { trusted, revocation }),
  };
}

function sharedContextOptions(policy: ListenerTlsPolicy, trusted: TrustedAuthorities): SecureContextOptions {
  return {
    ca: trusted.all.map(({ certificate }) => certificate.toString()),
    minVersion: policy.minVersion,
    // OpenSSL 3 speaks TLS 1.0 and 1.1 at security level 0 only
    ...(isOldVersion(policy.minVersion) ? { ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0` } : {}),
    honorCipherOrder: true,
    // no other certificate after the judgement; ChaCha20 first for devices that put it first
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
    sessionIdContext: sessionIdContext(policy.name),
    sessionTimeout: Math.min(86_400, Math.ceil(policy.ticketRotationMs / 1_000)),
  };
}

/** OpenSSL takes 32 octets at most. */
function sessionIdContext(name: string): string {
  return hash('sha256', name).slice(0, 32);
}

/** One of ours when it was offered, in our order; else what the client named first: no offer may fail. */
function chooseProtocol(ours: readonly string[], offered: readonly string[]): string | undefined {
  return ours.find((protocol) => offered.includes(protocol)) ?? offered[0];
}

function isOldVersion(version: ListenerTlsPolicy['minVersion']): boolean {
  return version === 'TLSv1' || version === 'TLSv1.1';
}

function endWarnings(what: string, expiresAt: number, wallMs: number): string[] {
  const when = new Date(expiresAt).toISOString();
  if (wallMs > expiresAt) return [`${what} ended at ${when}`];
  return expiresAt - wallMs < 30 * 86_400_000 ? [`${what} ends at ${when}`] : [];
}

function earliestByUse(materials: readonly ExpiringMaterial[]): ExpiringMaterial[] {
  const byUse = new Map<string, ExpiringMaterial>();
  for (const material of materials) {
    const known = byUse.get(material.use);
    if (known === undefined || material.expiresAt < known.expiresAt) byUse.set(material.use, material);
  }
  return [...byUse.values()];
}
