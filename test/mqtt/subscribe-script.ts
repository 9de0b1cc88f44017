import assert from 'node:assert/strict';
import { type BrokerProfileName, brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import type { SubscriptionRequest } from '../../src/mqtt/subscribe-packet.ts';
import { type Asked, DeskSession, requestOf, type Told } from './desk-session.ts';

/**
 * Runs the commands of one scenario and returns its trace. Commands, one a line, `desk` first:
 * `desk DEVICE UPSTREAM PROFILE [max-qos=N] [session-present=1] [taken=ID]`, versions of both sides;
 * `subscribe ID [identifier=N] FILTER[:QOS[:nl,rap,rh1]] …`, `unsubscribe ID FILTER …` of the device (`t/*20`: t/1 to t/20);
 * `suback ID CODE …`, `unsuback ID [CODE …]` of the broker, `grant`: it answers all that it was asked, as it was asked;
 * `publish TOPIC DIGEST` of the device, `deliver TOPIC [retain] [digest=N]` of the broker;
 * `wait MS`, `held`, `deadline`.
 */
export function runSubscribeScript(commands: readonly string[]): string {
  const [first = '', ...rest] = commands;
  const script = new SubscribeScript(words(first));
  return `${[`> ${first}`, ...rest.flatMap((command) => [`> ${command}`, ...script.run(words(command))])].join('\n')}\n`;
}

class SubscribeScript {
  readonly #session: DeskSession;
  readonly #seen = { sent: 0, adapted: 0, obstructed: 0 };

  constructor([command, device, upstream, profile, ...options]: readonly string[]) {
    assert.ok(command === 'desk' && isProtocol(device) && isProtocol(upstream) && isProfile(profile), 'expected desk');
    const named = new Map(options.map((option) => option.split('=') as [string, string]));
    const maximumQos = named.get('max-qos');
    this.#session = new DeskSession({
      device,
      upstream,
      profile,
      ...(maximumQos === undefined ? {} : { capabilities: { maximumQos: Number(maximumQos) as 0 | 1 | 2 } }),
      sessionPresent: named.has('session-present'),
    });
    const taken = named.get('taken');
    if (taken !== undefined) this.#session.taken.add(Number(taken));
  }

  run([command, ...rest]: readonly string[]): string[] {
    const session = this.#session;
    const id = Number(rest[0]);
    const codes = rest.slice(1).map(Number);
    switch (command) {
      case 'subscribe':
        this.#subscribe(id, rest.slice(1));
        break;
      case 'unsubscribe':
        session.unsubscribe(id, rest.slice(1).flatMap(several));
        break;
      case 'suback':
        session.answer(id, codes);
        break;
      case 'unsuback':
        session.unsuback(id, codes);
        break;
      case 'grant':
        session.grantAll();
        break;
      case 'publish':
        session.desk.noteOwnPublish(rest[0] ?? '', Number(rest[1]), session.nowMs);
        break;
      case 'wait':
        session.nowMs += id;
        break;
      default:
        return this.#ask(command, rest);
    }
    return this.#effects();
  }

  #subscribe(id: number, rest: readonly string[]): void {
    const [first = ''] = rest;
    const identifier = /^identifier=(\d+)$/.exec(first)?.[1];
    const texts = (identifier === undefined ? rest : rest.slice(1)).flatMap(several);
    const more = identifier === undefined ? {} : { subscriptionIdentifier: Number(identifier) };
    this.#session.subscribe(id, texts.map(requestOf), more);
  }

  #ask(command: string | undefined, rest: readonly string[]): string[] {
    const session = this.#session;
    if (command === 'deliver') {
      const digest = Number(rest.find((word) => word.startsWith('digest='))?.slice(7) ?? 0);
      const isJudged = session.desk.judgesDeliveries;
      const judged = session.judge(rest[0] ?? '', { retain: rest.includes('retain'), digest });
      return [isJudged ? judged : 'delivered without judgement'];
    }
    if (command === 'deadline') {
      const inMs = session.desk.nextDeadlineMs() - session.nowMs;
      return [`in ${inMs} ms, ${session.desk.handleTick(session.nowMs)}`];
    }
    assert.equal(command, 'held', 'expected a command');
    const held = [...session.desk.subscriptions().values()];
    return held.length === 0
      ? ['nothing']
      : held.map((each) => `${renderRequest(each)} granted=${each.granted}${identifierOf(each)}`);
  }

  #effects(): string[] {
    const { sent, adapted, obstructed } = this.#session;
    const lines = [
      ...adapted.slice(this.#seen.adapted).map((kind) => `adapted: ${kind}`),
      ...obstructed.slice(this.#seen.obstructed).map((text) => `obstructed: ${text}`),
      ...sent.slice(this.#seen.sent).map(renderSent),
    ];
    Object.assign(this.#seen, { sent: sent.length, adapted: adapted.length, obstructed: obstructed.length });
    return lines;
  }
}

function renderSent(sent: Asked | Told): string {
  const { type, packet, bytes } = sent;
  return `${wordsOf(sent)} ${type.toUpperCase()} ${packet.packetId}${contentOf(sent)}${renderBytes(bytes)}`;
}

function wordsOf({ type }: Asked | Told): string {
  return type === 'subscribe' || type === 'unsubscribe' ? 'to broker:' : 'to device:';
}

function contentOf({ type, packet }: Asked | Told): string {
  switch (type) {
    case 'subscribe':
      return `${identifierOf(packet)} ${packet.requests.map(renderRequest).join(' ')}`;
    case 'unsubscribe':
      return ` ${packet.filters.join(' ')}`;
    default:
      return packet.codes.map((code) => ` 0x${code.toString(16).padStart(2, '0')}`).join('');
  }
}

/** Short packets are shown as they are on the wire. */
function renderBytes(bytes: Buffer): string {
  if (bytes.length > 24) return '';
  return `\n  ${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
}

function renderRequest({ filter, qos, noLocal, retainAsPublished, retainHandling }: SubscriptionRequest): string {
  const options = [noLocal && 'nl', retainAsPublished && 'rap', retainHandling > 0 && `rh${retainHandling}`];
  const named = options.filter((option) => option !== false);
  return [filter, qos, ...(named.length > 0 ? [named.join(',')] : [])].join(':');
}

function identifierOf({ subscriptionIdentifier }: { readonly subscriptionIdentifier?: number }): string {
  return subscriptionIdentifier === undefined ? '' : ` identifier=${subscriptionIdentifier}`;
}

function words(command: string): string[] {
  return command.split(' ');
}

/** `t/*3:1` is `t/1:1 t/2:1 t/3:1`. */
function several(word: string): string[] {
  const match = /^(.*)\*(\d+)(.*)$/.exec(word);
  if (match === null) return [word];
  const [, before = '', count, behind = ''] = match;
  return Array.from({ length: Number(count) }, (_, at) => `${before}${at + 1}${behind}`);
}

function isProtocol(text: string | undefined): text is ProtocolVersion {
  return text !== undefined && ['3.1', '3.1.1', '5'].includes(text);
}

function isProfile(text: string | undefined): text is BrokerProfileName {
  return text !== undefined && Object.hasOwn(brokerProfiles, text);
}
