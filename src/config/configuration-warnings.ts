import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { authorityExpiry } from '../tls/certificate-signer.ts';
import { authoritiesOf } from './aws-configuration.ts';
import { bridgeWarnings } from './bridge-warnings.ts';
import { isLoopback } from './checks/admin-checks.ts';
import type { BrokerConfiguration, Configuration, ListenerConfiguration } from './configuration.ts';
import { renderPath } from './configuration-mistake.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { fileBounds } from './file-bounds.ts';

/** Bytes below which a token is called short: 16 random bytes in base64 are 22. */
const shortToken = 16;

/** What is allowed and may still surprise; one sentence each, beginning with its path. */
export function configurationWarnings(configuration: Configuration, source: ConfigurationSource): readonly string[] {
  return [
    ...bridgeWarnings(configuration),
    ...configuration.listeners.flatMap((listener) => listenerWarnings(listener, source)),
    ...Object.values(configuration.brokers).flatMap(brokerWarnings),
    ...fleetWarnings(configuration),
    ...weightlessParts(configuration),
    ...configuration.admin.tokens
      .filter(({ token }) => token.length < shortToken)
      .map(({ name }) => `admin.tokens: the token of ${JSON.stringify(name)} has fewer than ${shortToken} characters`),
  ];
}

function listenerWarnings({ name, tls }: ListenerConfiguration, source: ConfigurationSource): readonly string[] {
  if (tls === undefined) return [];
  const warnings: string[] = [];
  if (tls.minVersion === 'TLSv1' || tls.minVersion === 'TLSv1.1') {
    warnings.push(
      `listeners.${name}.tls.minVersion: ${tls.minVersion} is broken cryptography and also loosens what certificates are accepted; give old devices a listener of their own`,
    );
  }
  if (tls.clientCertificates === 'observe') {
    warnings.push(`listeners.${name}.tls.clientCertificates: observe lets every device in, whatever its certificate`);
  }
  for (const crl of tls.crls) {
    const content = source.readFile(crl, fileBounds.crlBytes);
    if (!content.ok) {
      const consequence = tls.crlStale === 'allow' ? 'its revocations do not count' : 'its issuer is refused';
      warnings.push(`listeners.${name}.tls.crls: ${crl} cannot be read (${content.error}): ${consequence}`);
    }
  }
  return warnings;
}

/** What will not work from a certain time on; to be asked with the time of asking. */
export function authorityWarnings(
  { brokers, aws }: Configuration,
  source: ConfigurationSource,
  nowMs: number,
): readonly string[] {
  return [...mintingWarnings(brokers, source, nowMs), ...registeredWarnings(aws, source, nowMs)];
}

function mintingWarnings(
  brokers: Configuration['brokers'],
  source: ConfigurationSource,
  nowMs: number,
): readonly string[] {
  return Object.values(brokers).flatMap(({ name, identity: { ca } }) => {
    const text = ca === undefined ? undefined : readText(source, ca.cert, fileBounds.pemBytes);
    const problem = text?.ok ? authorityExpiry(new X509Certificate(text.value), nowMs) : undefined;
    return problem === undefined ? [] : [`brokers.${name}.identity.ca.cert: ${problem}; no device gets to ${name}`];
  });
}

/** A CA that the account is to know. */
function registeredWarnings(aws: Configuration['aws'], source: ConfigurationSource, nowMs: number): readonly string[] {
  return (aws === undefined ? [] : authoritiesOf(aws)).flatMap(({ path, authority }) => {
    const text = readText(source, authority.cert, fileBounds.pemBytes);
    const until = text.ok ? new X509Certificate(text.value).validToDate : undefined;
    if (until === undefined || nowMs <= until.getTime()) return [];
    return [
      `${renderPath(path)}.cert: the CA expired at ${until.toISOString()}: AWS IoT Core may refuse it and what it issued`,
    ];
  });
}

function brokerWarnings(broker: BrokerConfiguration): readonly string[] {
  const { name, endpoints, tls, undeliverable } = broker;
  const plain = endpoints.filter((endpoint) => !endpoint.tls);
  const open = plain.filter((endpoint) => !isLoopback(endpoint.host)).map(({ host, port }) => `${host}:${port}`);
  return [
    ...(open.length === 0
      ? []
      : [`brokers.${name}: no TLS to ${open.join(', ')}: messages cross the network in the clear`]),
    ...(plain.length === endpoints.length && (tls.ca !== undefined || tls.servername !== undefined)
      ? [`brokers.${name}.tls: it has no effect on mqtt:// endpoints`]
      : []),
    ...(undeliverable === 'acknowledge'
      ? [
          `brokers.${name}.undeliverable: messages that the broker cannot take are acknowledged and lost; only a record remains`,
        ]
      : []),
    ...namelessWarnings(broker),
  ];
}

/** AWS IoT Core finds account, certificate and domain configuration by the name in SNI, and an address is none. */
function namelessWarnings({ name, profile, endpoints, tls, identity }: BrokerConfiguration): readonly string[] {
  const isPerDevice = identity.mode === 'device-certificate' || identity.mode === 'custom-authorizer';
  const isNameless = endpoints.some(({ host, tls: usesTls }) => usesTls && isIP(tls.servername ?? host) !== 0);
  if (profile !== 'aws-iot-core' || !isPerDevice || !isNameless) return [];
  return [
    `brokers.${name}.tls.servername: an endpoint is an address, so no name is sent in SNI; AWS IoT Core wants one`,
  ];
}

/** A site with weight 0 is not drawn; where all have it, the part is answered as if all were down. */
function weightlessParts({ nameserver, sites }: Configuration): readonly string[] {
  const rules = (nameserver?.zones ?? []).flatMap(({ steering }) => steering.filter((rule) => rule.by === 'split'));
  return rules.flatMap(({ split, parts }) =>
    Object.entries(parts).flatMap(([name, part]) => {
      if (!('sites' in part)) return [];
      const own = part.sites === 'all' ? sites : sites.filter((site) => part.sites.includes(site.name));
      if (own.some(({ weight }) => weight > 0)) return [];
      const instead = part.allDown === 'bypass' ? 'the bypass' : 'all of them';
      return [
        `sites: part ${JSON.stringify(name)} of ${split} has no site with a weight above 0: it is answered with ${instead}`,
      ];
    }),
  );
}

/** A device whose client ID is not bound to its certificate could pose as another (contract section 2), and so by a username. */
function fleetWarnings({ fleet, brokers }: Configuration): readonly string[] {
  const perDevice = Object.values(brokers).filter(
    ({ identity }) => identity.mode === 'device-certificate' || identity.mode === 'custom-authorizer',
  );
  return perDevice.flatMap(({ name }) => [
    ...(fleet.clientIdPolicy === 'any'
      ? [`fleet.clientIdPolicy: with any, a device can pose as another at ${name}, whose identity is per device`]
      : []),
    ...(fleet.identity.includes('mqtt.username')
      ? [
          `fleet.identity: nothing binds mqtt.username to a certificate, so a device can pose as another at ${name}, whose identity is per device`,
        ]
      : []),
  ]);
}
