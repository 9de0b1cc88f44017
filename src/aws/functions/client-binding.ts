import { type ClientIdPolicy, judgeClientId } from '../../plan/client-id-policy.ts';
import { deviceCommonName } from '../../tls/certified-device.ts';

/**
 * Whether the policy lets this client ID come with this certificate. The gateway's own certificates carry a client ID
 * that fits in no common name as its stated mapping, which binds as well.
 */
export function isClientIdBound(policy: ClientIdPolicy, clientId: string, commonName: string | undefined): boolean {
  if (judgeClientId(policy, clientId, commonName) !== 'refused') return true;
  return commonName !== undefined && deviceCommonName({ kind: 'clientid', key: clientId }) === commonName;
}
