import { stringify } from 'yaml';
import { renderHostPort } from '../base/addresses.ts';
import type { CidrBlock } from '../base/cidr.ts';
import type { BridgeConfiguration } from './bridge-configuration.ts';
import { renderBrokerUrl } from './broker-url.ts';
import type { BrokerConfiguration, Configuration, ListenerConfiguration } from './configuration.ts';

const hidden = '[hidden]';

/**
 * The resolved configuration in the file's own form, every default spelled out and secrets hidden. Apart from the
 * secrets, loading it again gives the same configuration.
 */
export function renderConfiguration(configuration: Configuration, format: 'yaml' | 'json' = 'yaml'): string {
  const written = toWritten(configuration);
  return format === 'json'
    ? `${JSON.stringify(written, null, 2)}\n`
    : stringify(written, { aliasDuplicateObjects: false });
}

/** The resolved configuration as plain data in the file's own form, secrets hidden. */
export function toWritten(configuration: Configuration): Readonly<Record<string, unknown>> {
  const { version, fleet, listeners, brokers, plan, store, nameserver, sites, admin, aws, bridge, ...rest } =
    configuration;
  const { salt: _salt, identity: _identity, ...planRest } = plan;
  return {
    version,
    fleet,
    listeners: listeners.map(writtenListener),
    brokers: Object.fromEntries(Object.entries(brokers).map(([name, broker]) => [name, writtenBroker(broker)])),
    plan: planRest,
    store,
    ...(nameserver === undefined ? {} : { nameserver: { ...nameserver, bind: nameserver.bind.map(renderHostPort) } }),
    sites: sites.map((site) => ({ ...site, near: site.near.map(renderCidr) })),
    admin: {
      ...admin,
      bind: renderHostPort(admin.bind),
      tokens: admin.tokens.map((token) => ({ ...token, token: hidden })),
      ...(admin.metricsToken === undefined ? {} : { metricsToken: hidden }),
    },
    bridge: writtenBridge(bridge),
    ...rest,
    ...(aws === undefined ? {} : { aws: escaped(aws) }),
  };
}

/** Text that stands for itself where a file is read: templates of AWS have `${…}` in them too. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, escaped(part)]));
}

function writtenListener({ bind, tls, proxyProtocol, ...rest }: ListenerConfiguration): Record<string, unknown> {
  return {
    ...rest,
    bind: renderHostPort(bind),
    ...(tls === undefined
      ? {}
      : { tls: { ...tls, ...(tls.ticketSecret === undefined ? {} : { ticketSecret: hidden }) } }),
    proxyProtocol: { from: proxyProtocol.from.map(renderCidr) },
  };
}

function writtenBroker({ name: _name, endpoints, identity, ...rest }: BrokerConfiguration): Record<string, unknown> {
  const { certificates } = identity;
  const isSecret = certificates?.secret !== undefined;
  return {
    urls: endpoints.map(renderBrokerUrl),
    ...rest,
    identity: isSecret ? { ...identity, certificates: { ...certificates, secret: hidden } } : identity,
  };
}

function writtenBridge({ connections, admin, ...rest }: BridgeConfiguration): Record<string, unknown> {
  const written = Object.entries(connections).map(([name, connection]) => {
    return [name, { ...connection, ...(connection.password === undefined ? {} : { password: hidden }) }] as const;
  });
  return {
    ...rest,
    connections: Object.fromEntries(written),
    ...(admin === undefined ? {} : { admin: renderHostPort(admin) }),
  };
}

function renderCidr({ address, prefixLength }: CidrBlock): string {
  return `${address}/${prefixLength}`;
}
