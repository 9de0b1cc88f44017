import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { systemClock } from '../../src/base/clock.ts';
import { type Bridge, startBridge } from '../../src/bridge/bridge.ts';
import type { BridgeRule, BridgeSettings } from '../../src/bridge/bridge-settings.ts';
import { brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { type TopicRule, unchangedTopic } from '../../src/mqtt/topic-rule.ts';
import { plainDialer } from '../bridge/plain-dialer.ts';
import { silentLog, temporaryFolder } from '../bridge/temporary-folder.ts';
import { type MosquittoBroker, startMosquitto } from './mosquitto-broker.ts';

export function bridgeRule(
  name: string,
  way: 'up' | 'down',
  filter: string,
  { members = 1, partitions = 1, lanes = { least: 2, most: 2 }, ...more }: Partial<TopicRule & BridgeRule> = {},
): BridgeRule {
  const [from, to] = way === 'up' ? ['legacy', 'aws'] : ['aws', 'legacy'];
  const rule: TopicRule = {
    ...{ name, from: from as string, to: to as string, filter },
    ...{ qos: 1, topicChange: unchangedTopic, retained: 'never', undeliverable: 'dead-letter' },
    order: { keyLevel: 2 },
    ...more,
  };
  return { rule, members, partitions, lanes };
}

/** Two Mosquittos with a bridge of this process between them. */
export class BridgeWorld implements AsyncDisposable {
  readonly legacy: MosquittoBroker;
  aws: MosquittoBroker;
  readonly directory: string;
  readonly #folder: AsyncDisposable;
  readonly #settings: BridgeSettings;
  readonly #clients: MqttClient[] = [];
  bridge: Bridge;

  private constructor(parts: {
    legacy: MosquittoBroker;
    aws: MosquittoBroker;
    folder: AsyncDisposable & { path: string };
    settings: BridgeSettings;
    bridge: Bridge;
  }) {
    this.legacy = parts.legacy;
    this.aws = parts.aws;
    this.directory = parts.settings.directory;
    this.#folder = parts.folder;
    this.#settings = parts.settings;
    this.bridge = parts.bridge;
  }

  static async start(rules: readonly BridgeRule[], protocol: ProtocolVersion = '5'): Promise<BridgeWorld> {
    const [legacy, aws] = await Promise.all([startMosquitto({ quiet: true }), startMosquitto({ quiet: true })]);
    const folder = await temporaryFolder();
    const broker = { profile: brokerProfiles.mqtt, protocol };
    const settings: BridgeSettings = {
      name: 'bridge',
      directory: join(folder.path, 'bridge'),
      rules,
      brokers: { legacy: broker, aws: broker },
      ackTimeoutMs: 3_000,
      spool: { maxBytes: 50_000_000, maxAgeMs: 3_600_000, afterMs: 200 },
      deadLetters: { maxBytes: 50_000_000 },
      breaker: { repeats: 200, windowMs: 10_000 },
    };
    const bridge = await startBridge(settings, ports(legacy, aws));
    await bridge.open;
    return new BridgeWorld({ legacy, aws, folder, settings, bridge });
  }

  /** The bridge ends and begins again with what its disk has. */
  async restartBridge(): Promise<void> {
    await this.bridge.stop();
    this.bridge = await startBridge(this.#settings, ports(this.legacy, this.aws));
  }

  /** Another process of the same bridge, as far as the directory can tell; whoever starts it stops it. */
  startAnother(): Promise<Bridge> {
    return startBridge(this.#settings, ports(this.legacy, this.aws));
  }

  /** Another bridge with the same rules; whoever starts it stops it. `log` hears what it says. */
  startRival(name: string, log: Parameters<typeof startBridge>[1]['log'] = silentLog): Promise<Bridge> {
    const directory = `${this.directory}-rival`;
    return startBridge({ ...this.#settings, name, directory }, { ...ports(this.legacy, this.aws), log });
  }

  /** The bridge ends, and begins again with other rules. */
  async changeRules(rules: readonly BridgeRule[]): Promise<void> {
    await this.bridge.stop();
    this.bridge = await startBridge({ ...this.#settings, rules }, ports(this.legacy, this.aws));
  }

  /** The target comes back on its ports, with nothing of what it had. */
  async restartAws(): Promise<void> {
    const { port, tlsPort } = this.aws;
    this.aws = await startMosquitto({ quiet: true, ports: { port, tlsPort } });
  }

  async client(broker: 'legacy' | 'aws', protocolVersion: 4 | 5 = 5): Promise<MqttClient> {
    const client = await connectAsync(this[broker].url, { protocolVersion, reconnectPeriod: 20, clean: true });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.aws.thaw();
    this.legacy.thaw();
    for (const client of this.#clients) await client.endAsync(true);
    await this.bridge.stop();
    await Promise.all([this.legacy.stop(), this.aws.stop()]);
    await this.#folder[Symbol.asyncDispose]();
  }
}

function ports(legacy: MosquittoBroker, aws: MosquittoBroker) {
  return { dialer: plainDialer({ legacy: legacy.port, aws: aws.port }), clock: systemClock, log: silentLog };
}

/** What a subscriber heard, in order, and a way to wait until all of it is there. */
export class Hearing {
  readonly heard: { readonly topic: string; readonly text: string; readonly retain: boolean }[] = [];
  readonly #texts = new Set<string>();
  #wake: () => void = () => {};

  static async begin(client: MqttClient, filter: string): Promise<Hearing> {
    const hearing = new Hearing();
    client.on('message', (topic, payload, { retain }) => hearing.#hear(topic, payload.toString(), retain));
    client.on('connect', () => void client.subscribeAsync(filter, { qos: 1 }).catch(() => {}));
    await client.subscribeAsync(filter, { qos: 1 });
    return hearing;
  }

  /** Resolves when every one of these texts was heard at least once. */
  async all(texts: readonly string[]): Promise<void> {
    while (!texts.every((text) => this.#texts.has(text))) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** By topic: texts in the order in which they came first. */
  firstByTopic(): ReadonlyMap<string, readonly string[]> {
    const seen = new Set<string>();
    const byTopic = new Map<string, string[]>();
    for (const { topic, text } of this.heard) {
      if (seen.has(text)) continue;
      seen.add(text);
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), text]);
    }
    return byTopic;
  }

  #hear(topic: string, text: string, retain: boolean): void {
    this.heard.push({ topic, text, retain });
    this.#texts.add(text);
    this.#wake();
  }
}
