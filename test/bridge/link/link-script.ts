import type { ISubscription, Packet } from 'mqtt-packet';
import { brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import type { TopicRule } from '../../../src/mqtt/topic-rule.ts';
import { LinkWorld, plainSetting } from './link-world.ts';
import type { ModelMessage, ModelTarget } from './model-brokers.ts';

/**
 * Plays a script of one command a line against a link, and gives what happened. `S` is the source, `T` the target; packets
 * stand where they arrive. `settings` comes first: `mqtt5`, `aws`, `asIs`, `shows-retain`, `receive-maximum=N`,
 * `refuses-retain` (the target closes the connection for RETAIN).
 */
export function linkTrace(commands: readonly string[]): readonly string[] {
  const [first = '', ...rest] = commands;
  const settings = first.startsWith('settings') ? first.split(' ').slice(1) : [];
  const script = new LinkScript(settings);
  for (const command of settings.length > 0 || first === 'settings' ? rest : commands) script.play(command);
  return script.trace;
}

class LinkScript {
  readonly trace: string[] = [];
  readonly #world: LinkWorld;
  #events = 0;
  #dead = 0;
  #number = 0;

  constructor(settings: readonly string[]) {
    const rule: Partial<TopicRule> = settings.includes('asIs') ? { retained: 'asIs' } : {};
    this.#world = new LinkWorld(
      {
        ...plainSetting,
        protocolVersion: settings.includes('mqtt5') ? 5 : 4,
        profile: settings.includes('aws') ? brokerProfiles['aws-iot-core'] : brokerProfiles.mqtt,
        showsRetain: settings.includes('shows-retain'),
      },
      rule,
    );
    this.#target.refusesRetain = settings.includes('refuses-retain');
    const maximum = settings.find((setting) => setting.startsWith('receive-maximum='));
    if (maximum !== undefined) this.#target.receiveMaximum = Number(maximum.split('=')[1]);
    this.#world.source.onPacket = (from, packet) => this.#note('S', from, packet);
    this.#target.onPacket = (from, packet) => this.#note('T', from, packet);
  }

  play(command: string): void {
    this.trace.push(`> ${command}`);
    const [verb = '', what = '', ...words] = command.split(' ');
    const world = this.#world;
    switch (verb) {
      case 'connect':
        if (what === 'source') world.connectSource();
        else world.connectTarget(0);
        break;
      case 'open':
        world.link.openGate(world.nowMs);
        break;
      case 'publish':
        world.source.publish(messageOf(what, words, this.#number));
        this.#number += 1;
        break;
      case 'hear':
        if (what === 'source') world.deliverFromSource(Number(words[0] ?? 100));
        else world.deliverFromTarget(0, Number(words[0] ?? 100));
        break;
      case 'drop':
        this.#target.connection?.toBridge.splice(0, Number(words[0] ?? 1));
        break;
      case 'lose':
        if (what === 'source') world.source.lose(world.link.leg, world.nowMs);
        else this.#target.lose(world.link.lanes[0] as never, world.nowMs);
        break;
      case 'forget':
        world.source.forget();
        break;
      case 'disk':
        world.spool.isFull = what === 'full';
        break;
      case 'sync':
        world.sync();
        break;
      case 'tick':
        world.tick(Number(what));
        break;
      case 'retire':
        world.link.leg.retire(world.nowMs);
        break;
      case 'freeze':
        (what === 'source' ? world.source : this.#target).isFrozen = true;
        break;
      case 'thaw':
        (what === 'source' ? world.source : this.#target).thaw();
        break;
      case 'renumber':
        world.source.renumbers = true;
        break;
      case 'crash':
        world.crash(0);
        break;
      default:
        throw new Error(`expected a command, got ${command}`);
    }
    world.bury();
    world.reap();
    this.#noteRest();
  }

  get #target(): ModelTarget {
    return this.#world.targets[0] as ModelTarget;
  }

  #note(who: 'S' | 'T', from: 'bridge' | 'broker', packet: Packet): void {
    if (packet.cmd === 'pingreq' || packet.cmd === 'pingresp') this.trace.push(arrow(who, from, packet.cmd));
    else this.trace.push(arrow(who, from, packetText(packet)));
  }

  #noteRest(): void {
    const { events, deadLetters, source } = this.#world;
    for (; this.#events < events.length; this.#events += 1) this.trace.push(`  event ${events[this.#events]?.kind}`);
    const letters = [...deadLetters.reasonByName];
    for (; this.#dead < letters.length; this.#dead += 1)
      this.trace.push(`  dead letter ${letters[this.#dead]?.join(': ')}`);
    for (const [who, connection] of [
      ['S', source.connection],
      ['T', this.#target.connection],
    ] as const) {
      if (connection?.cause !== undefined) this.trace.push(`  closes ${who}: ${connection.cause}`);
    }
  }
}

function arrow(who: string, from: 'bridge' | 'broker', text: string): string {
  return from === 'bridge' ? `  → ${who} ${text}` : `  ← ${who} ${text}`;
}

export function messageOf(key: string, words: readonly string[], number: number): ModelMessage {
  const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const topic = value('topic');
  return {
    ...{ key, number, qos: Number(value('qos') ?? 1) as 0 | 1 | 2, retain: words.includes('retain') },
    ...(words.includes('empty') && { payload: '' }),
    ...(topic !== undefined && { topic }),
    ...(words.includes('marked') && { properties: { userProperties: { 'crossfade-hops': '1' } } }),
  };
}

export function packetText(packet: Packet): string {
  switch (packet.cmd) {
    case 'publish': {
      const { topic, payload, qos, dup, retain, messageId, properties } = packet;
      const marks = Object.entries(properties?.userProperties ?? {}).map(([name, value]) => `${name}=${value}`);
      const flags = [
        `q${qos}`,
        ...(dup ? ['dup'] : []),
        ...(retain ? ['retain'] : []),
        ...(messageId ? [`#${messageId}`] : []),
      ];
      return ['publish', topic, JSON.stringify(payload.toString()), ...flags, ...marks].join(' ');
    }
    case 'connect':
      return `connect ${packet.clientId} clean=${packet.clean}${packet.will === undefined ? '' : ' will'}`;
    case 'connack':
      return `connack session=${packet.sessionPresent}`;
    case 'subscribe':
      return `subscribe ${packet.subscriptions.map(subscriptionText).join(', ')}`;
    default:
      return packet.messageId === undefined ? packet.cmd : `${packet.cmd} #${packet.messageId}`;
  }
}

/** Options of MQTT 5 where they are set: No Local, Retain As Published, Retain Handling. */
function subscriptionText({ topic, qos, nl, rap, rh }: ISubscription): string {
  return [topic, `q${qos}`, ...(nl ? ['nl'] : []), ...(rap ? ['rap'] : []), ...(rh ? [`rh=${rh}`] : [])].join(' ');
}
