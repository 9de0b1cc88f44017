import { hash } from 'node:crypto';
import { failure, type Result, success } from '../base/result.ts';

/** The kinds of identity a device may be hashed by; the words are part of the hash formula (contract section 1). */
export type DeviceKeyKind = 'cn' | 'fingerprint' | 'serial' | 'clientid' | 'username';

/** The names that `fleet.identity` uses for the kinds. */
export const identityNames = [
  'certificate.commonName',
  'certificate.fingerprint',
  'certificate.serialNumber',
  'mqtt.clientId',
  'mqtt.username',
] as const;

export type IdentityName = (typeof identityNames)[number];

export const kindByIdentityName: Readonly<Record<IdentityName, DeviceKeyKind>> = {
  'certificate.commonName': 'cn',
  'certificate.fingerprint': 'fingerprint',
  'certificate.serialNumber': 'serial',
  'mqtt.clientId': 'clientid',
  'mqtt.username': 'username',
};

/** The identity a device is assigned by. */
export interface DeviceKey {
  readonly kind: DeviceKeyKind;
  readonly key: string;
}

/** What a verified (or tolerated) client certificate says. Fields that are absent or ambiguous in it are absent here. */
export interface CertificateIdentity {
  /** The subject's common name, only when there is exactly one. */
  readonly commonName?: string;
  /** SHA-256 of the DER certificate, lower-case hex without colons. */
  readonly fingerprint?: string;
  /** Lower-case hex without leading zeros; serial zero is `0`. */
  readonly serialNumber?: string;
  /** Every organizational unit of the subject. */
  readonly organizationalUnits?: readonly string[];
  readonly issuerCommonName?: string;
}

/** Everything about a device that a plan can look at. */
export interface DeviceIdentity {
  readonly certificate?: CertificateIdentity;
  /** As sent in CONNECT; the empty string is no identity. */
  readonly clientId?: string;
  /** As sent in CONNECT. */
  readonly username?: string;
}

/** The value a device has of one kind, or undefined; an empty value is none. */
export function identityOfKind(device: DeviceIdentity, kind: DeviceKeyKind): string | undefined {
  const value = rawIdentity(device, kind);
  return value === '' ? undefined : value;
}

/** The first identity of `identity` that the device presents (contract section 1), or undefined: then `plan.default` decides. */
export function deviceKeyOf(device: DeviceIdentity, identity: readonly IdentityName[]): DeviceKey | undefined {
  for (const name of identity) {
    const kind = kindByIdentityName[name];
    const key = identityOfKind(device, kind);
    if (key !== undefined) return { kind, key };
  }
  return undefined;
}

/** Lower-case hex SHA-256 of a DER certificate: the `fingerprint` key. */
export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/** A certificate serial number in any hex spelling as the `serial` key: lower case, no leading zeros, zero is `0`. */
export function serialNumberOf(hex: string): string {
  return hex
    .toLowerCase()
    .replace(/[^0-9a-f]/g, '')
    .replace(/^0+(?=.)/, '');
}

/** A fingerprint as somebody wrote it (`openssl` writes colons and capitals) as the `fingerprint` key. */
export function parseFingerprint(text: string): Result<string> {
  const fingerprint = text.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(fingerprint)) return success(fingerprint);
  return failure(`expected a SHA-256 fingerprint of 64 hex digits, got ${JSON.stringify(text)}`);
}

/** A serial number as somebody wrote it, with or without colons, as the `serial` key. */
export function parseSerialNumber(text: string): Result<string> {
  if (/^(?:[0-9a-f]{1,2}:)*[0-9a-f]+$/i.test(text)) return success(serialNumberOf(text));
  return failure(`expected a serial number in hex, got ${JSON.stringify(text)}`);
}

function rawIdentity(device: DeviceIdentity, kind: DeviceKeyKind): string | undefined {
  switch (kind) {
    case 'cn':
      return device.certificate?.commonName;
    case 'fingerprint':
      return device.certificate?.fingerprint;
    case 'serial':
      return device.certificate?.serialNumber;
    case 'clientid':
      return device.clientId;
    case 'username':
      return device.username;
  }
}
