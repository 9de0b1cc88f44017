import { isIP } from 'node:net';
import type { BrokerEndpoint } from './configuration.ts';
import { isDomainName } from './schema/words.ts';

/** Reads `mqtt://HOST[:PORT]` (default port 1883) or `mqtts://HOST[:PORT]` (8883); undefined when it is none. */
export function parseBrokerUrl(text: string): BrokerEndpoint | undefined {
  const match = /^(mqtts?):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^:/?#@[\]]+))(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme, ipv6, name, port] = match;
  const isTls = scheme === 'mqtts';
  const endpoint = {
    host: ipv6 ?? name ?? '',
    port: port === undefined ? (isTls ? 8883 : 1883) : Number(port),
    tls: isTls,
  };
  const isHostValid = ipv6 === undefined ? isIP(endpoint.host) === 4 || isDomainName(endpoint.host) : isIP(ipv6) === 6;
  return isHostValid && endpoint.port >= 1 && endpoint.port <= 65_535 ? endpoint : undefined;
}

/** The inverse of parseBrokerUrl, the port always spelled out. */
export function renderBrokerUrl({ host, port, tls }: BrokerEndpoint): string {
  return `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
