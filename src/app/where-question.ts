import type { WhereQuery } from '../admin/admin-api.ts';
import type { CertificateIdentity, DeviceIdentity, IdentityName } from '../plan/device-key.ts';

/** The device that a question names, and the value it was named by. */
export function deviceOfQuery(
  query: WhereQuery,
  identity: readonly IdentityName[],
): { readonly device: DeviceIdentity; readonly name: string } {
  const named = query.device === undefined ? {} : fieldOf(identity[0], query.device);
  const { clientId, username, commonName, fingerprint, serialNumber, organizationalUnit, issuerCommonName } = {
    ...query,
    ...named,
  };
  const certificate: CertificateIdentity = {
    ...(commonName !== undefined && { commonName }),
    ...(fingerprint !== undefined && { fingerprint: fingerprint.toLowerCase().replaceAll(':', '') }),
    ...(serialNumber !== undefined && { serialNumber }),
    ...(organizationalUnit !== undefined && { organizationalUnits: [organizationalUnit] }),
    ...(issuerCommonName !== undefined && { issuerCommonName }),
  };
  const device: DeviceIdentity = {
    ...(clientId !== undefined && { clientId }),
    ...(username !== undefined && { username }),
    ...(Object.keys(certificate).length > 0 && { certificate }),
  };
  const name = query.device ?? commonName ?? clientId ?? fingerprint ?? username ?? serialNumber ?? '';
  return { device, name };
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
