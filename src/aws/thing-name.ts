import { hash, type X509Certificate } from 'node:crypto';
import { readCertificateStructure } from '../tls/certificate-structure.ts';
import { readNameAttributes } from '../tls/distinguished-name.ts';

/** Begins the name of a thing whose device has no common name that can be one; no other name begins so. */
const mappedPrefix = 'y--';

/** Names of things as AWS IoT Core takes them (CreateThing). */
const legalName = /^[a-zA-Z0-9:_-]{1,128}$/;

/** Characters of a thing's attribute value at most. */
const longestAttribute = 800;

/** The thing that stands for a device in AWS IoT Core's registry. */
export interface ThingIdentity {
  readonly thingName: string;
  /** What is written into a new thing so that an operator recognises a name that was mapped; empty for others. */
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * The thing of a certificate: its common name where that is a legal name of a thing, else `y--` and the SHA-256 of the
 * common name in lower-case hex, or of the certificate where it has none or several. The same for a device's every
 * certificate, so that a renewal finds its thing; never one name for two common names.
 */
export function thingOf(certificate: X509Certificate): ThingIdentity {
  const commonName = commonNameOf(certificate);
  if (commonName === undefined) return { thingName: mappedPrefix + hash('sha256', certificate.raw), attributes: {} };
  return thingOfCommonName(commonName);
}

export function thingOfCommonName(commonName: string): ThingIdentity {
  if (legalName.test(commonName) && !commonName.startsWith(mappedPrefix)) {
    return { thingName: commonName, attributes: {} };
  }
  const spelled = Buffer.from(commonName, 'utf8').toString('base64url');
  return {
    thingName: mappedPrefix + hash('sha256', commonName),
    attributes: spelled.length <= longestAttribute ? { commonNameBase64: spelled } : {},
  };
}

/** Only when the subject has exactly one that is not empty, as everywhere in Crossfade. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  const { subject } = readCertificateStructure(certificate.raw);
  const [commonName = '', ...others] = readNameAttributes(subject).commonNames;
  return commonName === '' || others.length > 0 ? undefined : commonName;
}
