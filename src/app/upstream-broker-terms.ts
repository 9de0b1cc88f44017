import type { BrokerConfiguration } from '../config/configuration.ts';
import type { BrokerTlsMaterial, TlsMaterial } from '../config/tls-material.ts';
import type { UpstreamBrokerOptions } from '../gateway/upstream-broker.ts';

/** A configured broker as the connector takes it. */
export function upstreamBroker(broker: BrokerConfiguration, materials: TlsMaterial): UpstreamBrokerOptions {
  const { certificates, authorizer } = broker.identity;
  return {
    profile: broker.profile,
    ...(broker.tls.alpn !== undefined && { alpn: broker.tls.alpn }),
    ...(certificates !== undefined && { deviceCertificate: certificates }),
    ...(authorizer !== undefined && { authorizer }),
    endpoints: broker.endpoints,
    tls: upstreamMaterial(broker, materials),
    identityMode: broker.identity.mode,
    sendProxyProtocol: broker.sendProxyProtocol,
  };
}

/** What its leg presents and trusts. */
export function upstreamMaterial(
  { name, tls }: BrokerConfiguration,
  materials: TlsMaterial,
): BrokerTlsMaterial & { servername?: string } {
  return { ...materials.brokers[name], ...(tls.servername !== undefined && { servername: tls.servername }) };
}
