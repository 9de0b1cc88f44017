import { systemClock } from '../base/clock.ts';
import { failure, success } from '../base/result.ts';
import type { BridgeBroker, BridgeRule, BridgeSettings } from '../bridge/bridge-settings.ts';
import type { BrokerDialer } from '../bridge/broker-dialer.ts';
import { type BridgeRuleConfiguration, bridgeVersion, toTopicRule } from '../config/bridge-configuration.ts';
import type { BrokerConfiguration, Configuration } from '../config/configuration.ts';
import type { TlsMaterial } from '../config/tls-material.ts';
import { createUpstreamConnector } from '../gateway/dial-upstream.ts';
import type { UpstreamBrokerOptions } from '../gateway/upstream-broker.ts';
import type { UpstreamTlsMaterial } from '../gateway/upstream-material.ts';
import { profileNamed } from '../mqtt/broker-profiles.ts';
import { Secret } from '../mqtt/secret.ts';
import type { Logger } from '../telemetry/logger.ts';
import { upstreamBroker, upstreamMaterial } from './upstream-broker-terms.ts';

/** Lanes that `auto` may lead to: at 100 publishes a second each, more than an account's default quota. */
const mostLanes = 50;

/** The configuration's `bridge` section as the bridge takes it. */
export function bridgeSettings({ bridge, brokers }: Configuration): BridgeSettings {
  return {
    name: bridge.name,
    directory: bridge.directory,
    rules: bridge.rules.map(toBridgeRule),
    brokers: Object.fromEntries(
      Object.values(brokers).map((broker) => [broker.name, toBridgeBroker(broker, bridge.connections)]),
    ),
    ackTimeoutMs: bridge.ackTimeoutMs,
    spool: { ...bridge.spool, maxAgeMs: bridge.spool.maxAgeSeconds * 1_000 },
    deadLetters: bridge.deadLetters,
    breaker: bridge.breaker,
  };
}

function toBridgeRule(rule: BridgeRuleConfiguration): BridgeRule {
  const { members, partitions, lanes } = rule;
  const bounds = lanes === 'auto' ? { least: 1, most: mostLanes } : { least: lanes, most: lanes };
  return { rule: toTopicRule(rule), members, partitions, lanes: bounds };
}

function toBridgeBroker(
  { name, profile, versions, connectsPerSecond }: BrokerConfiguration,
  connections: Configuration['bridge']['connections'],
): BridgeBroker {
  const connection = connections[name];
  const { username, password } = connection ?? {};
  return {
    profile: profileNamed(profile),
    protocol: bridgeVersion(versions, connection),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: new Secret(Buffer.from(password)) }),
    ...(connectsPerSecond !== undefined && { connectsPerSecond }),
  };
}

export interface ReloadableDialer extends BrokerDialer {
  /** For connections made from now on; throws CrossfadeError `upstream-material` and keeps the old when some is wrong. */
  reload(materials: TlsMaterial): void;
  close(): void;
}

/** The bridge comes in as itself, whatever the broker's identity mode makes of devices. */
export function bridgeDialer(configuration: Configuration, materials: TlsMaterial, log: Logger): ReloadableDialer {
  const { limits, brokers } = configuration;
  const connector = createUpstreamConnector({
    brokers: Object.fromEntries(
      Object.values(brokers).map((broker) => [broker.name, bridgeBrokerOptions(broker, materials)]),
    ),
    ...{ limits, clock: systemClock, log },
  });
  return {
    async dial(broker, { spreadKey, signal }) {
      const device = { ...nobody, rendezvousKey: spreadKey };
      const connectToken = async () => true;
      const outcome = await connector.connect({ broker, device, connectToken, timeoutMs: limits.dialMs * 2, signal });
      return outcome.ok ? success(outcome.value) : failure(outcome.error.message);
    },
    reload: (renewed) =>
      connector.reload(
        Object.fromEntries(Object.values(brokers).map((broker) => [broker.name, bridgeMaterial(broker, renewed)])),
      ),
    close: () => connector.close(),
  };
}

function bridgeBrokerOptions(broker: BrokerConfiguration, materials: TlsMaterial): UpstreamBrokerOptions {
  const { deviceCertificate: _device, authorizer: _authorizer, ...options } = upstreamBroker(broker, materials);
  const tls = bridgeMaterial(broker, materials);
  const usesTls = broker.endpoints.some((endpoint) => endpoint.tls);
  return { ...options, tls, identityMode: usesTls && tls.cert !== undefined ? 'gateway-certificate' : 'forward' };
}

function bridgeMaterial(broker: BrokerConfiguration, materials: TlsMaterial): UpstreamTlsMaterial {
  const { mintingCa: _mintingCa, tokenKey: _tokenKey, ...material } = upstreamMaterial(broker, materials);
  return { ...material, ...materials.bridge[broker.name] };
}

/** There is no device behind a connection of the bridge. */
const nobody = {
  ...{ remoteAddress: '127.0.0.1', remotePort: 0, localAddress: '127.0.0.1', localPort: 0 },
  certificateVerified: false,
} as const;
