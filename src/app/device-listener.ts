import { createCidrMatcher } from '../base/cidr.ts';
import type { ListenerConfiguration } from '../config/configuration.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { ListenerTrust } from './listener-trust.ts';

/** A configured listener with the TLS that is in force, as the gateway takes it. */
export function toDeviceListener(
  listener: ListenerConfiguration,
  trust: ListenerTrust,
): Parameters<Gateway['listen']>[0] {
  const { name, bind, maxPacketBytes, proxyProtocol } = listener;
  const tls = trust.of(name);
  return {
    name,
    bind,
    maxPacketBytes,
    ...(proxyProtocol.from.length > 0 && { sendsProxyProtocol: createCidrMatcher(proxyProtocol.from) }),
    ...(tls !== undefined && { tls }),
  };
}
