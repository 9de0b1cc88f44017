import { X509Certificate } from 'node:crypto';
import type { WhereQuery } from '../admin/admin-api.ts';
import { failure, type Result, success } from '../base/result.ts';
import {
  type CertificateIdentity,
  type DeviceIdentity,
  type DeviceKeyKind,
  fingerprintOf,
  identityNames,
  kindByIdentityName,
  parseFingerprint,
  parseSerialNumber,
  serialNumberOf,
} from '../plan/device-key.ts';

/** One device to ask about: `device` is the value as the operator typed it. */
export interface DeviceQuestion {
  readonly device: string;
  readonly identity: DeviceIdentity;
}

/** The identities that `where` takes by option; they combine into one device. */
export interface IdentityOptions {
  readonly commonName?: string;
  readonly fingerprint?: string;
  readonly serial?: string;
  readonly clientId?: string;
  readonly username?: string;
}

const kindByOption: readonly (readonly [keyof IdentityOptions, DeviceKeyKind])[] = [
  ['commonName', 'cn'],
  ['fingerprint', 'fingerprint'],
  ['serial', 'serial'],
  ['clientId', 'clientid'],
  ['username', 'username'],
];

export const deviceKeyKinds: readonly DeviceKeyKind[] = identityNames.map((name) => kindByIdentityName[name]);

/** A device known by one value; hex identities may come in any spelling (`openssl` writes colons and capitals). */
export function questionOfKind(kind: DeviceKeyKind, value: string): Result<DeviceQuestion> {
  if (value === '') return failure(`expected a ${kind}, got an empty text: a device without one has no such key`);
  const identity = identityOfKind(kind, value);
  return identity.ok ? success({ device: value, identity: identity.value }) : identity;
}

/** Adds the options' identities to what is known already (a certificate's); the first one given names the device. */
export function questionOfOptions(
  options: IdentityOptions,
  certificate: CertificateIdentity | undefined,
): Result<DeviceQuestion | undefined> {
  let identity: DeviceIdentity = certificate === undefined ? {} : { certificate };
  let device: string | undefined;
  for (const [option, kind] of kindByOption) {
    const value = options[option];
    if (value === undefined) continue;
    const question = questionOfKind(kind, value);
    if (!question.ok) return question;
    device ??= value;
    identity = mergeIdentities(identity, question.value.identity);
  }
  device ??= certificate?.commonName ?? certificate?.fingerprint;
  return success(device === undefined ? undefined : { device, identity });
}

export function mergeIdentities(first: DeviceIdentity, second: DeviceIdentity): DeviceIdentity {
  const certificate = { ...first.certificate, ...second.certificate };
  const merged = { ...first, ...second };
  return Object.keys(certificate).length === 0 ? merged : { ...merged, certificate };
}

/** What a certificate (PEM or DER) says, taken as verified: this is a question, not a handshake. */
export function parseCertificate(bytes: Uint8Array): Result<CertificateIdentity> {
  try {
    const certificate = new X509Certificate(bytes);
    const { subject, issuer } = certificate.toLegacyObject();
    const [commonName, ...furtherNames] = valuesOf(subject?.CN);
    const [issuerCommonName, ...furtherIssuers] = valuesOf(issuer?.CN);
    return success({
      fingerprint: fingerprintOf(certificate.raw),
      serialNumber: serialNumberOf(certificate.serialNumber),
      organizationalUnits: valuesOf(subject?.OU),
      ...(commonName !== undefined && furtherNames.length === 0 && { commonName }),
      ...(issuerCommonName !== undefined && furtherIssuers.length === 0 && { issuerCommonName }),
    });
  } catch {
    return failure('expected one X.509 certificate in PEM or DER, got something else');
  }
}

/** The same device as a question to the admin API. */
export function toWhereQuery({ certificate, clientId, username }: DeviceIdentity): WhereQuery {
  const organizationalUnit = certificate?.organizationalUnits?.[0];
  return {
    ...(clientId !== undefined && { clientId }),
    ...(username !== undefined && { username }),
    ...(certificate?.commonName !== undefined && { commonName: certificate.commonName }),
    ...(certificate?.fingerprint !== undefined && { fingerprint: certificate.fingerprint }),
    ...(certificate?.serialNumber !== undefined && { serialNumber: certificate.serialNumber }),
    ...(organizationalUnit !== undefined && { organizationalUnit }),
    ...(certificate?.issuerCommonName !== undefined && { issuerCommonName: certificate.issuerCommonName }),
  };
}

function identityOfKind(kind: DeviceKeyKind, value: string): Result<DeviceIdentity> {
  switch (kind) {
    case 'cn':
      return success({ certificate: { commonName: value } });
    case 'clientid':
      return success({ clientId: value });
    case 'username':
      return success({ username: value });
    case 'fingerprint': {
      const fingerprint = parseFingerprint(value);
      return fingerprint.ok ? success({ certificate: { fingerprint: fingerprint.value } }) : fingerprint;
    }
    case 'serial': {
      const serialNumber = parseSerialNumber(value);
      return serialNumber.ok ? success({ certificate: { serialNumber: serialNumber.value } }) : serialNumber;
    }
  }
}

function valuesOf(field: string | readonly string[] | undefined): readonly string[] {
  if (field === undefined) return [];
  return typeof field === 'string' ? [field] : field;
}
