import type { WhereQuery } from '../admin/admin-api.ts';
import { type Result, success } from '../base/result.ts';
import {
  type CertificateIdentity,
  type DeviceIdentity,
  type IdentityName,
  parseFingerprint,
  parseSerialNumber,
} from '../plan/device-key.ts';

/** The device that a question names, and the value it was named by; fails where a value cannot be what it is said to be. */
export function deviceOfQuery(
  query: WhereQuery,
  identity: readonly IdentityName[],
): Result<{ readonly device: DeviceIdentity; readonly name: string }> {
  const named = query.device === undefined ? {} : fieldOf(identity[0], query.device);
  const { clientId, username, commonName, organizationalUnit, issuerCommonName, ...hex } = { ...query, ...named };
  const fingerprint = hex.fingerprint === undefined ? success(undefined) : parseFingerprint(hex.fingerprint);
  const serialNumber = hex.serialNumber === undefined ? success(undefined) : parseSerialNumber(hex.serialNumber);
  if (!fingerprint.ok) return fingerprint;
  if (!serialNumber.ok) return serialNumber;
  const certificate: CertificateIdentity = {
    ...(commonName !== undefined && { commonName }),
    ...(fingerprint.value !== undefined && { fingerprint: fingerprint.value }),
    ...(serialNumber.value !== undefined && { serialNumber: serialNumber.value }),
    ...(organizationalUnit !== undefined && { organizationalUnits: [organizationalUnit] }),
    ...(issuerCommonName !== undefined && { issuerCommonName }),
  };
  const device: DeviceIdentity = {
    ...(clientId !== undefined && { clientId }),
    ...(username !== undefined && { username }),
    ...(Object.keys(certificate).length > 0 && { certificate }),
  };
  const name = query.device ?? commonName ?? clientId ?? hex.fingerprint ?? username ?? hex.serialNumber ?? '';
  return success({ device, name });
}

function fieldOf(identity: IdentityName | undefined, value: string): WhereQuery {
  switch (identity) {
    case 'certificate.commonName':
      return { commonName: value };
    case 'certificate.fingerprint':
      return { fingerprint: value };
    case 'certificate.serialNumber':
      return { serialNumber: value };
    case 'mqtt.username':
      return { username: value };
    default:
      return { clientId: value };
  }
}
