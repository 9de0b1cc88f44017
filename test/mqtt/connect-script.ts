import assert from 'node:assert/strict';
import { type BrokerProfile, brokerProfiles, profileNamed } from '../../src/mqtt/broker-profiles.ts';
import { adaptConnack, type ConnackAdaptation } from '../../src/mqtt/connack-adaptation.ts';
import { decodeConnack, encodeConnack } from '../../src/mqtt/connack-packet.ts';
import { adaptConnect, type ConnectQuestion, type UpstreamConnect } from '../../src/mqtt/connect-adaptation.ts';
import { encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { type ConnectPacket, decodeConnect } from '../../src/mqtt/connect-packet.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { Secret } from '../../src/mqtt/secret.ts';
import { parseProperty, renderProperty } from './property-words.ts';

/**
 * Runs the commands of one scenario and returns its trace. Commands, one a line:
 * `broker PROFILE [versions=V,V] [common=PROFILE] [listener-max=BYTES] [recorded-session=1]`,
 * `connect VERSION [session-expired=1] [client-id=] [clean=] [keep-alive=] [will-topic=] [PROPERTY=] [will.PROPERTY=] …`,
 * `connack CODE [session-present=1] [PROPERTY=] …`: what that broker answers, in its version. `x*130` is 130 times x.
 */
export function runConnectScript(commands: readonly string[]): string {
  const words = new Map(commands.map((line) => parseCommand(line)));
  const broker = words.get('broker');
  const device = words.get('connect');
  assert.ok(broker !== undefined && device !== undefined, 'expected the commands broker and connect');
  const question = readQuestion(broker, device);
  const adapted = adaptConnect(question);
  if (!adapted.ok) return `obstacle ${adapted.error.obstacle}\n  ${adapted.error.message}\n`;
  const answer = words.get('connack');
  const trace = [...renderUpstream(adapted.value)];
  if (answer !== undefined)
    trace.push(...renderConnack(answerOf({ question, upstream: adapted.value, broker, answer })));
  return `${trace.join('\n')}\n`;
}

interface Words {
  /** What stands behind the command without a name. */
  readonly subject: string;
  readonly named: readonly (readonly [name: string, value: string])[];
}

function parseCommand(line: string): [string, Words] {
  const [command = '', subject = '', ...rest] = line.split(' ');
  const named = rest.map((word) => {
    const [name = '', ...value] = word.split('=');
    return [name, repeated(value.join('='))] as const;
  });
  return [command, { subject, named }];
}

function repeated(value: string): string {
  const match = /^(.)\*(\d+)$/.exec(value);
  return match === null ? value : (match[1] ?? '').repeat(Number(match[2]));
}

function wordOf({ named }: Words, name: string): string | undefined {
  return named.find(([other]) => other === name)?.[1];
}

function isProtocol(text: string): text is ProtocolVersion {
  return ['3.1', '3.1.1', '5'].includes(text);
}

function readQuestion(broker: Words, device: Words): ConnectQuestion {
  const profile: BrokerProfile = profileNamed(broker.subject);
  assert.ok(Object.hasOwn(brokerProfiles, broker.subject), `expected a profile, got ${broker.subject}`);
  const versions = wordOf(broker, 'versions')?.split(',').filter(isProtocol) ?? profile.versions;
  return {
    connect: readConnect(device),
    profile,
    versions,
    generatedClientId: 'generated-1',
    sessionExpired: wordOf(device, 'session-expired') === '1',
  };
}

function propertiesOf({ named }: Words, prefix = '') {
  return named
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([name, value]) => parseProperty(name.slice(prefix.length), value) ?? []);
}

function readConnect(device: Words): ConnectPacket {
  const protocol = device.subject;
  assert.ok(isProtocol(protocol), `expected a version, got ${protocol}`);
  const value = (name: string) => wordOf(device, name);
  const topic = value('will-topic');
  const username = value('username');
  const password = value('password');
  const qos = Number(value('will-qos') ?? '0');
  const will = {
    payload: new Secret(Buffer.from(value('will-payload') ?? '')),
    qos: qos === 2 ? 2 : qos === 1 ? 1 : 0,
    retain: value('will-retain') === '1',
    properties: propertiesOf(device, 'will.'),
  } as const;
  const packet = encodeConnect({
    protocol,
    bridge: value('bridge') === '1',
    clientId: value('client-id') ?? '',
    cleanStart: value('clean') === '1',
    keepAliveSeconds: Number(value('keep-alive') ?? '60'),
    properties: propertiesOf(device),
    ...(topic === undefined ? {} : { will: { topic, ...will } }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: new Secret(Buffer.from(password)) }),
  });
  const decoded = decodeConnect(packet);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value;
}

function answerOf(parts: {
  readonly question: ConnectQuestion;
  readonly upstream: UpstreamConnect;
  readonly broker: Words;
  readonly answer: Words;
}): { readonly adapted: ConnackAdaptation; readonly device: ProtocolVersion } {
  const { question, upstream, broker, answer } = parts;
  const packet = encodeConnack(upstream.protocol, {
    code: Number(answer.subject),
    sessionPresent: wordOf(answer, 'session-present') === '1',
    properties: propertiesOf(answer),
  });
  const connack = decodeConnack(packet, upstream.protocol);
  assert.ok(connack !== undefined, `expected a CONNACK of ${upstream.protocol}`);
  const common = wordOf(broker, 'common');
  const adapted = adaptConnack({
    question,
    upstream,
    connack,
    listenerMaxPacketBytes: Number(wordOf(broker, 'listener-max') ?? maxPacketBytes),
    recordedSession: wordOf(broker, 'recorded-session') === '1',
    ...(common === undefined ? {} : { common: profileNamed(common) }),
  });
  return { adapted, device: question.connect.protocol };
}

function renderUpstream(upstream: UpstreamConnect): string[] {
  return [
    ...(upstream.purge === undefined ? [] : [`purge first: ${renderConnect(upstream.purge)}`]),
    `to broker: ${renderConnect(upstream.packet)}`,
    ...(upstream.sessionEnd === undefined ? [] : [`session end: ${renderConnect(upstream.sessionEnd)}`]),
    ...(upstream.endsWithConnection ? ['the session ends with the connection'] : []),
    ...(upstream.lossDelaySeconds === 0 ? [] : [`loss told after ${upstream.lossDelaySeconds} s`]),
    `adaptations: ${upstream.adaptations.join(', ') || 'none'}`,
  ];
}

function renderConnect(packet: Buffer): string {
  const decoded = decodeConnect(packet);
  if (!decoded.ok) return `no CONNECT: ${decoded.error.message}`;
  const { protocol, bridge, clientId, cleanStart, keepAliveSeconds, username, password, will, properties } =
    decoded.value;
  const bit = (flag: boolean) => (flag ? '1' : '0');
  return [
    `CONNECT ${protocol} client-id=${clientId} clean=${bit(cleanStart)} keep-alive=${keepAliveSeconds}`,
    ...(bridge ? ['bridge=1'] : []),
    ...(username === undefined ? [] : [`username=${username}`]),
    ...(password === undefined ? [] : [`password=${password.reveal()}`]),
    ...(properties?.list ?? []).map(renderProperty),
    ...(will === undefined
      ? []
      : [`will-topic=${will.topic} will-payload=${will.payload.reveal()} will-qos=${will.qos}`]),
    ...(will === undefined ? [] : [`will-retain=${bit(will.retain)}`]),
    ...(will?.properties ?? []).map((property) => `will.${renderProperty(property)}`),
  ].join(' ');
}

function renderConnack(answer: { readonly adapted: ConnackAdaptation; readonly device: ProtocolVersion }): string[] {
  const { adapted, device } = answer;
  const connack = decodeConnack(adapted.packet, device);
  if (connack === undefined) return [`to device: no CONNACK: ${adapted.packet.toString('hex')}`];
  const head = `CONNACK ${device} 0x${connack.code.toString(16).padStart(2, '0')}`;
  const present = `session-present=${connack.sessionPresent ? 1 : 0}`;
  const lines = [
    `to device: ${[head, present, ...(connack.properties?.list ?? []).map(renderProperty)].join(' ')}`,
    `  ${adapted.packet.toString('hex').replace(/../g, '$& ').trim()}`,
  ];
  return adapted.accepted ? [...lines, ...renderTerms(adapted)] : lines;
}

function renderTerms(adapted: Extract<ConnackAdaptation, { accepted: true }>): string[] {
  const { device, upstreamTerms, sessionExpiryInterval, assignedClientId } = adapted;
  const { told, ...terms } = device;
  const { protocol, keepAliveSeconds, sessionPresent, capabilities } = upstreamTerms;
  return [
    `device terms: ${renderFields(terms)}`,
    // Before MQTT 5 nothing is told: a test beside this one has the values.
    ...(terms.protocol === '5' ? [`  told: ${renderFields(told)}`] : []),
    `broker terms: ${renderFields({ protocol, keepAliveSeconds, sessionPresent })}`,
    `  capabilities: ${renderFields(capabilities)}`,
    `session expiry: ${sessionExpiryInterval}`,
    ...(assignedClientId === undefined ? [] : [`assigned client ID: ${assignedClientId}`]),
  ];
}

function renderFields(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
