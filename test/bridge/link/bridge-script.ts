import type { Packet } from 'mqtt-packet';
import { brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import { ruleSetFindings } from '../../../src/mqtt/topic-rule-set.ts';
import { messageOf, packetText } from './link-script.ts';
import { ModelBridge, type ModelBridgeBroker, type ModelRule, modelRule } from './model-bridge.ts';

/** Whether a script is one of several rules. */
export function isBridgeScript([first = '']: readonly string[]): boolean {
  return first.startsWith('broker ');
}

/**
 * Plays a script against the links of a whole bridge, whose brokers give what they take to the other rules. It begins with
 * `broker NAME mqtt4|mqtt5 [PROFILE]` and `rule NAME FROM TO FILTER [qos=N] [share=GROUP] [lanes=N] [partitions=N] [parallel] [asIs]
 * [strip=PREFIX] [add=PREFIX]`; then come `begin`, `publish BROKER KEY ...`, `run`, `lose RULE source|target`, `tick MS`
 * and `crash`. In a line of the trace the rule stands first.
 */
export function bridgeTrace(commands: readonly string[]): readonly string[] {
  const script = new BridgeScript();
  for (const command of commands) script.play(command);
  return script.trace;
}

class BridgeScript {
  readonly trace: string[] = [];
  readonly #brokers: Record<string, ModelBridgeBroker> = {};
  readonly #rules: ModelRule[] = [];
  #made: ModelBridge | undefined;
  #number = 0;
  readonly #told = new Map<string, { events: number; dead: number; echoes: number }>();

  play(command: string): void {
    this.trace.push(`> ${command}`);
    const [verb = '', what = '', ...words] = command.split(' ');
    switch (verb) {
      case 'broker':
        this.#brokers[what] = { version: words[0] === 'mqtt5' ? 5 : 4, profile: profileOf(words[1]) };
        return;
      case 'rule':
        this.#rules.push(ruleOf(what, words));
        return;
      case 'begin':
        this.#begin();
        break;
      case 'connect':
        this.#bridge.connect();
        break;
      case 'publish':
        this.#bridge.publish(what, messageOf(words[0] as string, words.slice(1), this.#number));
        this.#number += 1;
        break;
      case 'run':
        this.#bridge.run();
        break;
      case 'lose':
        this.#lose(what, words[0] ?? '');
        break;
      case 'tick':
        this.#bridge.tick(Number(what));
        break;
      case 'crash':
        this.#bridge.crash(0);
        break;
      default:
        throw new Error(`expected a command, got ${command}`);
    }
    this.#noteRest();
  }

  get #bridge(): ModelBridge {
    if (this.#made === undefined) throw new Error('expected begin first');
    return this.#made;
  }

  #begin(): void {
    for (const { kind, rules } of ruleSetFindings(this.#rules))
      this.trace.push(`  finding ${kind}: ${rules.join(' → ')}`);
    const bridge = new ModelBridge(this.#brokers, this.#rules);
    this.#made = bridge;
    for (const [name, world] of bridge.worlds) {
      const { from, to } = this.#rules.find((rule) => rule.name === name.split('/')[0]) as ModelRule;
      world.source.onPacket = (side, packet) => this.#note(`${name} ${side === 'bridge' ? '→' : '←'} ${from}`, packet);
      for (const target of world.targets)
        target.onPacket = (side, packet) => this.#note(`${name} ${side === 'bridge' ? '→' : '←'} ${to}`, packet);
    }
    bridge.connect();
    bridge.run();
  }

  #lose(name: string, side: string): void {
    const world = this.#bridge.worlds.get(name);
    if (world === undefined) throw new Error(`expected a rule, got ${name}`);
    if (side === 'source') world.source.lose(world.link.leg, world.nowMs);
    else world.link.lanes.forEach((lane, index) => void world.targets[index]?.lose(lane, world.nowMs));
  }

  #note(where: string, packet: Packet): void {
    this.trace.push(`  ${where} ${packetText(packet)}`);
  }

  #noteRest(): void {
    for (const [name, { events, deadLetters, link }] of this.#made?.worlds ?? []) {
      const told = this.#told.get(name) ?? { events: 0, dead: 0, echoes: 0 };
      for (const event of events.slice(told.events)) this.trace.push(`  ${name} event ${event.kind}`);
      const letters = [...deadLetters.reasonByName];
      for (const letter of letters.slice(told.dead)) this.trace.push(`  ${name} dead letter ${letter.join(': ')}`);
      const { echoes } = link.counts;
      if (echoes > told.echoes) this.trace.push(`  ${name} keeps ${echoes - told.echoes} from going round`);
      this.#told.set(name, { events: events.length, dead: letters.length, echoes });
    }
  }
}

function profileOf(name: string | undefined): ModelBridgeBroker['profile'] {
  return name === 'aws-iot-core' ? brokerProfiles['aws-iot-core'] : brokerProfiles.mqtt;
}

function ruleOf(name: string, [from = '', to = '', filter = '', ...words]: readonly string[]): ModelRule {
  const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const share = value('share');
  const lanes = Number(value('lanes') ?? 1);
  const plain = modelRule(name, from, to, filter);
  return {
    ...plain,
    qos: Number(value('qos') ?? 1) as 0 | 1 | 2,
    lanes: { least: lanes, most: lanes },
    topicChange: { stripPrefix: value('strip') ?? '', addPrefix: value('add') ?? '' },
    ...(words.includes('parallel') && { order: 'parallel' as const }),
    ...(words.includes('asIs') && { retained: 'asIs' as const }),
    ...(share !== undefined && { share }),
    partitions: Number(value('partitions') ?? 1),
  };
}
