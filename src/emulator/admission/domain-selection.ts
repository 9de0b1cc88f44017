import type { Account, DomainRecord } from '../account/account.ts';
import type { ArrivedConnection } from '../account-gate.ts';

/** How a client of MQTT shows who it is. */
export type Authentication = 'certificate' | 'authorizer' | 'certificate-and-authorizer';

export interface SelectedDomain {
  readonly domain: DomainRecord;
  readonly authentication: Authentication;
}

/**
 * The domain configuration that SNI names and the authentication that it, the port and ALPN lead to; undefined: the
 * connection is refused, because nobody of that name serves MQTT there.
 */
export function selectDomain(account: Account, connection: ArrivedConnection): SelectedDomain | undefined {
  const domain = domainNamed(account, connection.serverName);
  if (domain === undefined || !domain.isEnabled || !isTlsTaken(domain, connection)) return undefined;
  const authentication = authenticationOf(domain, connection);
  return authentication === undefined ? undefined : { domain, authentication };
}

/**
 * Of the policies only this one refuses a client that has come behind the handshake: who may speak 1.3 and 1.2 has agreed
 * on 1.3 here, and would have agreed on 1.2 where AWS takes no more.
 */
function isTlsTaken({ securityPolicy }: DomainRecord, { tlsVersion }: ArrivedConnection): boolean {
  return tlsVersion !== 'TLSv1.2' || securityPolicy !== 'IoTSecurityPolicy_TLS13_1_3_2022_10';
}

function domainNamed({ domains, endpoints }: Account, serverName: string | undefined): DomainRecord | undefined {
  const name = serverName?.toLowerCase();
  const isOwn = name === undefined || endpoints.dataAliases.includes(name);
  return domains.all().find((domain) => (isOwn ? domain.isDefault : domain.domainName.toLowerCase() === name));
}

function authenticationOf(
  { authenticationType, applicationProtocol }: DomainRecord,
  connection: ArrivedConnection,
): Authentication | undefined {
  if (authenticationType === 'DEFAULT') return byPortAndAlpn(connection);
  if (authenticationType === 'AWS_SIGV4') return undefined;
  if (applicationProtocol === 'DEFAULT') {
    // Without a protocol of its own the configuration leaves port 443 to ALPN.
    const wanted = authenticationType === 'AWS_X509' ? 'certificate' : 'authorizer';
    return connection.port === 'mqtts' || byPortAndAlpn(connection) === wanted ? wanted : undefined;
  }
  if (applicationProtocol !== 'SECURE_MQTT') return undefined;
  if (authenticationType === 'AWS_X509') return 'certificate';
  return authenticationType === 'CUSTOM_AUTH' ? 'authorizer' : 'certificate-and-authorizer';
}

/** The table of an endpoint that has no configuration of its own. */
function byPortAndAlpn({ port, alpn }: ArrivedConnection): Authentication | undefined {
  if (port === 'mqtts' || alpn === 'x-amzn-mqtt-ca') return 'certificate';
  return alpn === 'mqtt' ? 'authorizer' : undefined;
}
