import type { IPublishPacket } from 'mqtt-packet';
import { type BridgeRule, type BridgeSettings, echoWindows, linkOptions } from '../../../src/bridge/bridge-settings.ts';
import { type Slot, slotsOf } from '../../../src/bridge/division/slot.ts';
import type { LinkOptions } from '../../../src/bridge/link/link-port.ts';
import { type BrokerProfile, brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import { matchesTopicFilter } from '../../../src/mqtt/topic.ts';
import { type TopicRule, unchangedTopic } from '../../../src/mqtt/topic-rule.ts';
import { LinkWorld, plainSetting, protocolOf } from './link-world.ts';
import { type ModelMessage, nameOf } from './model-brokers.ts';

export interface ModelBridgeBroker {
  readonly version: 4 | 5;
  readonly profile: BrokerProfile;
}

export const plainBroker: ModelBridgeBroker = { version: 4, profile: brokerProfiles.mqtt };

export interface ModelRule extends TopicRule {
  readonly lanes: BridgeRule['lanes'];
  /** Slots of it, each with the whole filter's subscription and a part of the keys; 1 where it is absent. */
  readonly partitions?: number;
}

export function modelRule(name: string, from: string, to: string, filter: string): ModelRule {
  return {
    ...{ name, from, to, filter, qos: 1, topicChange: unchangedTopic, retained: 'never', undeliverable: 'dead-letter' },
    ...{ order: { keyLevel: 2 }, lanes: { least: 1, most: 1 } },
  };
}

/**
 * All rules of a bridge between brokers that give what they take to their subscribers, as the bridge's own settings make
 * links of them. No Local is not played: each of the bridge's connections is another client.
 */
export class ModelBridge {
  /** By rule, and by partition where there are several: `up`, `up/1`. */
  readonly worlds: ReadonlyMap<string, LinkWorld>;
  readonly brokers: Readonly<Record<string, ModelBridgeBroker>>;
  readonly rules: readonly ModelRule[];
  /** By broker and message: how often it was published there, by whomever. */
  readonly publishes = new Map<string, number>();
  readonly #settings: BridgeSettings;
  #echoes: ReturnType<typeof echoWindows>;
  #turn = 0;

  constructor(
    brokers: Readonly<Record<string, ModelBridgeBroker>>,
    rules: readonly ModelRule[],
    more: Partial<BridgeSettings> = {},
  ) {
    this.brokers = brokers;
    this.rules = rules;
    this.#settings = {
      ...{ name: 'bridge', directory: '', ackTimeoutMs: 5_000 },
      rules: rules.map(({ lanes, partitions = 1, ...rule }) => ({ rule, lanes, members: 1, partitions })),
      brokers: Object.fromEntries(
        Object.entries(brokers).map(([name, { version, profile }]) => [
          name,
          { profile, protocol: protocolOf(version) },
        ]),
      ),
      spool: { maxBytes: 1_000_000, maxAgeMs: 86_400_000, afterMs: 500 },
      deadLetters: { maxBytes: 1_000_000 },
      breaker: { repeats: 5, windowMs: 10_000 },
      ...more,
    };
    this.#echoes = echoWindows(this.#settings);
    this.worlds = new Map(
      rules.flatMap((rule) => slotsOfModel(rule).map((slot) => [worldName(slot), this.#createWorld(rule, slot)])),
    );
  }

  /** Somebody publishes at a broker. */
  publish(broker: string, message: ModelMessage): void {
    const { topic = `dt/${message.key}/state`, retain = false, properties, ...rest } = message;
    const name = `${broker} ${nameOf(message)}`;
    this.publishes.set(name, (this.publishes.get(name) ?? 0) + 1);
    const receivers = this.#receivers(broker, topic).flatMap(slotsOfModel);
    for (const slot of receivers) {
      const world = this.worlds.get(worldName(slot)) as LinkWorld;
      const isFive = this.brokers[broker]?.version === 5;
      const shows = world.setting.showsRetain && retain;
      world.source.publish({ ...rest, topic, retain: shows, ...(isFive && properties && { properties }) });
    }
  }

  /** From now on no link knows what another one published, as in bridges of others. */
  forgetEchoes(): void {
    for (const world of this.worlds.values()) {
      this.#echoes = echoWindows(this.#settings);
      world.crash(0);
    }
  }

  /** Everything that can be connected is, and every gate is open. */
  connect(): void {
    for (const world of this.worlds.values()) {
      world.reap();
      world.connectSource();
      for (const index of world.link.lanes.keys()) world.connectTarget(index);
      world.link.openGate(world.nowMs);
    }
  }

  /** What is on its way arrives, everywhere, until nothing is. */
  run(rounds = 50): void {
    for (let round = 0; round < rounds; round += 1) {
      for (const world of this.worlds.values()) {
        world.deliverFromSource(100);
        for (const index of world.link.lanes.keys()) world.deliverFromTarget(index, 100);
        world.answerRead(50);
        world.sync();
        world.bury();
      }
    }
  }

  tick(ms: number): void {
    for (const world of this.worlds.values()) world.tick(ms);
  }

  /** The process of all links ends, and another begins with what the disks have. */
  crash(keptShare: number): void {
    this.#echoes = echoWindows(this.#settings);
    for (const world of this.worlds.values()) world.crash(keptShare);
  }

  settle(steps = 200): void {
    for (let step = 0; step < steps; step += 1) {
      for (const world of this.worlds.values()) world.settleStep();
      this.tick(100);
    }
  }

  /** Rules that get what is published under a topic: of each share group one, whose filter is part of its name. */
  #receivers(broker: string, topic: string): readonly ModelRule[] {
    const rules = this.rules.filter(({ from, filter }) => from === broker && matchesTopicFilter(filter, topic));
    const groups = Map.groupBy(rules, ({ name, share, filter }) =>
      share === undefined ? `rule ${name}` : `${share} ${filter}`,
    );
    this.#turn += 1;
    return [...groups.values()].map((members) => members[this.#turn % members.length] as ModelRule);
  }

  #createWorld(rule: ModelRule, slot: Slot): LinkWorld {
    const [from, to] = [rule.from, rule.to].map((name) => this.brokers[name] as ModelBridgeBroker);
    const options = (): Partial<LinkOptions> => {
      const { spool: _spool, rule: _rule, ...options } = linkOptions(slot, this.#settings, this.#echoes);
      return options;
    };
    const setting = {
      ...{
        ...plainSetting,
        lanes: rule.lanes.least,
        order: rule.order,
        showsRetain: options().source?.showsRetain === true,
      },
      ...{
        protocolVersion: from?.version ?? 4,
        targetVersion: to?.version ?? 4,
        profile: to?.profile ?? brokerProfiles.mqtt,
      },
    } as const;
    const world = new LinkWorld(setting, rule, options);
    // What is kept from going round is acknowledged and nowhere: whether it should be is seen at the brokers.
    world.source.onAcknowledged = () => {};
    world.areNamesUnique = false;
    world.onTaken = (packet) => this.publish(rule.to, messageOf(packet));
    return world;
  }
}

function slotsOfModel(rule: ModelRule): readonly Slot[] {
  return slotsOf(rule, { members: 1, partitions: rule.partitions ?? 1 });
}

function worldName({ rule, place }: Slot): string {
  return place.count === 1 ? rule.name : `${rule.name}/${place.index}`;
}

/** Who a message is stands in its payload, wherever it is. */
function messageOf({ topic, payload, qos, retain, properties }: IPublishPacket): ModelMessage {
  const [key = '', number = ''] = payload.toString().split(':');
  return {
    ...{ key, number: Number(number), topic, payload: payload.toString(), qos, retain },
    ...(properties !== undefined && { properties }),
  };
}
