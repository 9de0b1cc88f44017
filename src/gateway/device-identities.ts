import { hash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { certificateEpoch } from '../tls/certificate-epoch.ts';
import { authorityExpiry, type MintingAuthority } from '../tls/certificate-signer.ts';
import { alternativeIdentities } from '../tls/certified-device.ts';
import { type DeviceCertificate, DeviceCertificateMint } from '../tls/device-certificate.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** How the certificates of one broker's devices are made. */
export interface DeviceCertificateTerms {
  /** Days that a certificate is presented. */
  readonly epochDays: number;
  /** Further identities that are written into a device's certificate; the device key is there always. */
  readonly alternativeNames: readonly ('clientId' | 'fingerprint')[];
  /** What the devices' keys are derived from; absent: the CA's key. */
  readonly secret?: string;
}

export interface DeviceIdentityBounds {
  /** Minted certificates that are kept, per broker. */
  readonly deviceCertificates: number;
  /** TLS contexts that are kept, per broker; those of open connections live on without. */
  readonly deviceContexts: number;
}

/** What one device shows to a broker. */
export interface PresentedIdentity {
  readonly secureContext: SecureContext;
  /** SHA-256 of its certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

export interface DeviceIdentitiesOptions {
  readonly authority: MintingAuthority;
  readonly terms: DeviceCertificateTerms;
  readonly bounds: DeviceIdentityBounds;
  /** Builds the context that presents this certificate and trusts what the broker is verified against. */
  readonly createContext: (identity: { readonly cert: string; readonly key: string }) => SecureContext;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** The certificates of a broker's devices, made when a device is dialled for and kept while there is room. */
export class DeviceIdentities {
  readonly #options: DeviceIdentitiesOptions;
  readonly #mint: DeviceCertificateMint;
  /** Promises, so that dials of one device at the same time mint once. */
  readonly #certificates: LRUCache<string, Promise<DeviceCertificate>>;
  readonly #contexts: LRUCache<string, SecureContext>;

  constructor(options: DeviceIdentitiesOptions) {
    this.#options = options;
    this.#mint = new DeviceCertificateMint(options.authority, options.terms.secret);
    this.#certificates = new LRUCache({ max: options.bounds.deviceCertificates });
    this.#contexts = new LRUCache({ max: options.bounds.deviceContexts });
  }

  /** Rejects where the device has no key, the CA is not valid now, or its signer fails. */
  async present(device: UpstreamDevice): Promise<PresentedIdentity> {
    const { certificate: cert, key, fingerprint } = await this.#certificateOf(device);
    const kept = this.#contexts.get(fingerprint);
    if (kept !== undefined) return { secureContext: kept, fingerprint };
    const secureContext = this.#options.createContext({ cert, key });
    this.#contexts.set(fingerprint, secureContext);
    return { secureContext, fingerprint };
  }

  /** PEM. Rejects as `present` does. */
  async certificateOf(device: UpstreamDevice): Promise<string> {
    return (await this.#certificateOf(device)).certificate;
  }

  #certificateOf({ identity }: UpstreamDevice): Promise<DeviceCertificate> {
    const { authority, terms, clock } = this.#options;
    const device = identity?.key;
    if (device === undefined) return Promise.reject(new Error('the device presents none of fleet.identity'));
    const nowMs = clock.wallMs();
    const expiry = authorityExpiry(authority.certificate, nowMs);
    if (expiry !== undefined) return Promise.reject(new Error(expiry));
    const alternativeNames = alternativeIdentities(terms.alternativeNames, identity ?? {});
    const epoch = certificateEpoch(device, terms, nowMs);
    // Hashed, because a client ID may be as large as CONNECT.
    const id = hash('sha256', JSON.stringify([epoch.number, device, alternativeNames]));
    const kept = this.#certificates.get(id);
    if (kept !== undefined) return kept;
    const minted = this.#mint.mint({ device, epoch, alternativeNames });
    this.#certificates.set(id, minted);
    minted.catch(() => {
      if (this.#certificates.peek(id) === minted) this.#certificates.delete(id);
    });
    return minted;
  }
}
