import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { loadMintingAuthority, type MintingAuthority } from '../tls/certificate-signer.ts';
import { tokenKeyFault } from '../tls/token-key.ts';
import type { EndpointTls } from './dial-endpoint.ts';
import type { UpstreamTlsSessions } from './upstream-tls-sessions.ts';

/** A broker's TLS material: PEM text, not files. */
export interface UpstreamTlsMaterial {
  /** The CAs that the broker's certificate must chain to; absent: Node's and the system's. */
  readonly ca?: string;
  /** The name to send and to verify; absent: the endpoint's host. */
  readonly servername?: string;
  /** The gateway's own client certificate with its chain, and its key; both or neither. */
  readonly cert?: string;
  readonly key?: string;
  /** The CA that mints the devices' certificates. */
  readonly mintingCa?: { readonly cert: string; readonly key: string };
  /** What signs the tokens of a custom authorizer. */
  readonly tokenKey?: string;
}

/**
 * OpenSSL 3.5 would make an ML-KEM key for every ClientHello, also for a broker that cannot use it: measured at a sixth
 * of the CPU of a resumed upstream handshake (docs/decisions/0007-upstream-key-exchange.md).
 */
const keyExchangeGroups = 'X25519:P-256:P-384';

/** What all dials of one broker share: the context is built once and never per connection. */
export interface UpstreamIdentity {
  readonly secureContext: SecureContext;
  /** SHA-256 fingerprint of the client certificate, or `none`. */
  readonly identity: string;
  readonly trust: string;
  readonly servername?: string;
}

/** Builds contexts; throws CrossfadeError `upstream-material` that names the broker. */
export function loadUpstreamIdentity(broker: string, material: UpstreamTlsMaterial): UpstreamIdentity {
  const { ca, cert, key, servername } = material;
  if ((cert === undefined) !== (key === undefined)) {
    throw materialError(broker, 'expected a client certificate and its key, got only one of them');
  }
  try {
    return {
      secureContext: createSecureContext({
        ...trusting(ca === undefined ? publicCertificateAuthorities() : splitCertificates(ca)),
        ...(cert !== undefined && key !== undefined && { cert, key }),
      }),
      identity: cert === undefined ? 'none' : new X509Certificate(cert).fingerprint256,
      trust: createHash('sha256')
        .update(ca ?? 'public')
        .digest('hex'),
      ...(servername !== undefined && { servername }),
    };
  } catch (error) {
    throw materialError(broker, `cannot use the TLS material: ${errorMessage(error)}`, error);
  }
}

/**
 * What makes the context of one device after the other. Without `ca` they share the store of Node's own CAs, where each
 * would otherwise hold a copy of every public one; the system's are then not among them.
 */
export function deviceContexts(
  broker: string,
  { ca }: UpstreamTlsMaterial,
): (identity: { readonly cert: string; readonly key: string }) => SecureContext {
  try {
    const trust = trusting(ca === undefined ? undefined : splitCertificates(ca));
    return (identity) => createSecureContext({ ...trust, ...identity });
  } catch (error) {
    throw materialError(broker, `cannot use the TLS material: ${errorMessage(error)}`, error);
  }
}

/** The CA that mints for a broker; throws CrossfadeError `upstream-material` that names the broker. */
export function loadBrokerAuthority(broker: string, { mintingCa }: UpstreamTlsMaterial): MintingAuthority {
  if (mintingCa === undefined) throw materialError(broker, 'device-certificate needs the CA that mints, and its key');
  try {
    return loadMintingAuthority(mintingCa);
  } catch (error) {
    throw materialError(broker, `cannot mint certificates: ${errorMessage(error)}`, error);
  }
}

/** The key that signs the tokens for a broker's authorizer; throws CrossfadeError `upstream-material`. */
export function loadBrokerTokenKey(broker: string, { tokenKey }: UpstreamTlsMaterial): KeyObject {
  if (tokenKey === undefined) throw materialError(broker, 'custom-authorizer needs a key to sign tokens with');
  try {
    const key = createPrivateKey(tokenKey);
    const fault = tokenKeyFault(key);
    if (fault !== undefined) throw new Error(fault);
    return key;
  } catch (error) {
    throw materialError(broker, `cannot sign tokens: ${errorMessage(error)}`, error);
  }
}

function trusting(ca: string[] | undefined) {
  return { ecdhCurve: keyExchangeGroups, ...(ca !== undefined && { ca }) };
}

/** TLS towards one endpoint; the expected name is the broker's `servername`, else the endpoint's host. */
export function createEndpointTls(
  upstream: UpstreamIdentity,
  endpoint: { readonly name: string; readonly host: string; readonly alpn: readonly string[] },
  sessions: UpstreamTlsSessions,
): EndpointTls {
  const expected = upstream.servername ?? endpoint.host;
  return {
    secureContext: upstream.secureContext,
    ...(isIP(expected) === 0 && { serverName: expected }),
    alpn: endpoint.alpn,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(expected, certificate),
    sessions,
    sessionScope: {
      endpoint: endpoint.name,
      trust: `${expected} ${upstream.trust}`,
      identity: upstream.identity,
    },
  };
}

/** Node takes a CA file without any certificate in silence, so each is read here. */
function splitCertificates(pem: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new Error('expected PEM certificates as CAs, got none');
  for (const certificate of certificates) new X509Certificate(certificate);
  return certificates;
}

function publicCertificateAuthorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

function materialError(broker: string, message: string, cause?: unknown): CrossfadeError {
  return new CrossfadeError('upstream-material', `Broker ${broker}: ${message}`, { source: 'upstream', cause });
}
