import { createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto';

/**
 * The key of the CA that mints: RSASSA-PKCS1-v1_5 with SHA-256 over a TBSCertificate, the same signature for the same
 * bytes. A file's key, a PKCS#11 token and a KMS all fit behind it.
 */
export interface CertificateSigner {
  sign(toBeSigned: Buffer): Promise<Buffer>;
}

/** The CA that mints, and what is presented behind its certificates. */
export interface MintingAuthority {
  readonly certificate: X509Certificate;
  readonly signer: CertificateSigner;
  /** PEM of the intermediates of the CA's file, itself included; no root. */
  readonly chain: string;
}

/** Bits of an RSA key that AWS IoT Core takes, at least. */
const leastRsaBits = 2_048;

/**
 * Why a CA cannot mint certificates that are the same bytes on every gateway, or none that anybody would accept; empty:
 * it can.
 */
export function authorityFaults(certificate: X509Certificate): readonly string[] {
  const faults: string[] = [];
  const { asymmetricKeyType: type, asymmetricKeyDetails } = certificate.publicKey;
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (type !== 'rsa') {
    const shown = type === 'ec' ? 'an ECDSA key, whose signatures differ each time' : `a key of type ${type}`;
    faults.push(`expected a CA with an RSA key, because AWS IoT Core knows a certificate by its hash, got ${shown}`);
  } else if (bits < leastRsaBits) {
    faults.push(`expected a CA with an RSA key of ${leastRsaBits} bits or more, got ${bits}`);
  }
  if (!certificate.ca) faults.push('expected a CA certificate, got one that is not (basic constraints)');
  return faults;
}

/** Why a CA cannot mint now; undefined: its certificate is valid. */
export function authorityExpiry({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | undefined {
  if (nowMs > validToDate.getTime())
    return `the certificate of the CA that mints expired at ${validToDate.toISOString()}`;
  if (nowMs >= validFromDate.getTime()) return undefined;
  return `the certificate of the CA that mints is not valid before ${validFromDate.toISOString()}`;
}

/** From PEM texts: the CA's certificate, first of its file, and its key. Throws an Error that says what does not fit. */
export function loadMintingAuthority({ cert, key }: { readonly cert: string; readonly key: string }): MintingAuthority {
  const blocks = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const [certificate, ...further] = blocks.map((block) => new X509Certificate(block));
  if (certificate === undefined) throw new Error('expected the PEM certificate of a CA, got none');
  const [fault] = authorityFaults(certificate);
  if (fault !== undefined) throw new Error(fault);
  const privateKey = createPrivateKey(key);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error('expected the private key of the CA certificate, got another key');
  }
  const intermediates = [certificate, ...further].filter((each) => !isSelfIssued(each));
  return { certificate, signer: new KeySigner(privateKey), chain: intermediates.map(String).join('') };
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/** Signs in libuv's pool: an RSA signature would hold the event loop for the better part of a millisecond. */
class KeySigner implements CertificateSigner {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  sign(toBeSigned: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      sign('sha256', toBeSigned, this.#key, (error, signature) => {
        if (error === null) resolve(signature);
        else reject(error);
      });
    });
  }
}
