import { type DeviceIdentity, deviceKeyOf, type IdentityName } from '../plan/device-key.ts';
import { type CertificateEpoch, certificateEpoch } from '../tls/certificate-epoch.ts';
import { authorityExpiry, loadMintingAuthority, type MintingAuthority } from '../tls/certificate-signer.ts';
import { type AlternativeName, alternativeIdentities, type CertifiedDevice } from '../tls/certified-device.ts';
import { type DeviceCertificate, DeviceCertificateMint } from '../tls/device-certificate.ts';

/** How a broker's device certificates are minted: what the gateway's configuration says of it. */
export interface MintedDeviceTerms {
  /** PEM texts. */
  readonly ca: { readonly cert: string; readonly key: string };
  readonly secret?: string;
  readonly epochDays: number;
  readonly alternativeNames: readonly AlternativeName[];
  readonly identity: readonly IdentityName[];
}

/** A device as the mint knows it. */
export interface MintedDevice {
  readonly device: CertifiedDevice;
  readonly alternativeNames: readonly CertifiedDevice[];
}

/** What a certificate of nobody in no time is minted for, to tell one mint from another. */
const nobody: MintedDevice = { device: { kind: 'nobody', key: '' }, alternativeNames: [] };

/** The certificates that the gateways mint, byte for byte, without a gateway. */
export class MintedDevices {
  readonly #terms: MintedDeviceTerms;
  readonly #authority: MintingAuthority;
  readonly #mint: DeviceCertificateMint;

  /** Throws an Error that says what is wrong with the CA. */
  constructor(terms: MintedDeviceTerms) {
    this.#terms = terms;
    this.#authority = loadMintingAuthority(terms.ca);
    this.#mint = new DeviceCertificateMint(this.#authority, terms.secret);
  }

  /** Why no gateway presents a certificate of this CA now; undefined: they do. */
  expiry(nowMs: number): string | undefined {
    return authorityExpiry(this.#authority.certificate, nowMs);
  }

  /** Text that is another one for every other CA and secret; says nothing of either. */
  async mark(): Promise<string> {
    return (await this.mint(nobody, certificateEpoch(nobody.device, this.#terms, 0))).fingerprint;
  }

  /** PEM of the CA that mints. */
  get authority(): string {
    return this.#authority.certificate.toString();
  }

  /** Undefined: the device presents none of `fleet.identity`. `missing`: an alternative name that it does not present. */
  identify(identity: DeviceIdentity): (MintedDevice & { readonly missing?: AlternativeName }) | undefined {
    const device = deviceKeyOf(identity, this.#terms.identity);
    if (device === undefined) return undefined;
    const { clientId, certificate } = identity;
    const presented = { clientId, fingerprint: certificate?.fingerprint };
    const missing = this.#terms.alternativeNames.find((name) => !presented[name]);
    const alternativeNames = alternativeIdentities(this.#terms.alternativeNames, presented);
    return { device, alternativeNames, ...(missing === undefined ? {} : { missing }) };
  }

  /** The epoch in which `nowMs` lies, or the one that follows it: what the gateways present now, or at the next renewal. */
  epochOf({ device }: MintedDevice, which: 'current' | 'next', nowMs: number): CertificateEpoch {
    const current = certificateEpoch(device, this.#terms, nowMs);
    return which === 'current' ? current : certificateEpoch(device, this.#terms, current.endsMs);
  }

  /** The newest `count` epochs before now whose certificates are valid no more, the newest first. */
  pastEpochs({ device }: MintedDevice, count: number, nowMs: number): readonly CertificateEpoch[] {
    const epochs: CertificateEpoch[] = [];
    for (let epoch = certificateEpoch(device, this.#terms, nowMs); epochs.length < count; ) {
      epoch = certificateEpoch(device, this.#terms, epoch.startsMs - 1);
      if (epoch.notAfter.getTime() < nowMs) epochs.push(epoch);
    }
    return epochs;
  }

  mint({ device, alternativeNames }: MintedDevice, epoch: CertificateEpoch): Promise<DeviceCertificate> {
    return this.#mint.mint({ device, alternativeNames, epoch });
  }
}
