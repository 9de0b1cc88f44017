import type { Packet } from 'mqtt-packet';
import type { Acknowledgement } from '../../../src/mqtt/acknowledgement-packet.ts';
import type { ConnectFields } from '../../../src/mqtt/connect-encoding.ts';
import { propertyId, type RawProperty } from '../../../src/mqtt/properties.ts';
import { numberOf, textOf } from '../../../src/mqtt/property-value.ts';
import type { SubackPacket } from '../../../src/mqtt/suback-packet.ts';
import type { SubscribePacket, UnsubscribePacket } from '../../../src/mqtt/subscribe-packet.ts';
import type { ConnackFields, DisconnectFields } from '../packet-arbitraries.ts';
import { oracleConstants } from './oracle-verdict.ts';

/**
 * What both codecs say of a packet, in one form: plain data whose field names are mqtt-packet's, bytes in hex, properties
 * as a sorted list. What is absent and what is empty is left out, for mqtt-packet does not tell them apart everywhere.
 */
export type CommonForm = Readonly<Record<string, unknown>>;

const formByName: Readonly<Record<string, (value: never) => CommonForm>> = {
  CONNECT: connectForm,
  CONNACK: ({ code, sessionPresent, properties }: ConnackFields) => ({
    code,
    sessionPresent,
    properties: propertyForm(properties),
  }),
  'PUBACK, PUBREC, PUBREL, PUBCOMP': ({ packetId, reason, properties }: Acknowledgement) => ({
    messageId: packetId,
    code: reason,
    properties: propertyForm(properties),
  }),
  SUBSCRIBE: subscribeForm,
  SUBACK: subackForm,
  UNSUBSCRIBE: ({ packetId, filters, userProperties }: UnsubscribePacket) => ({
    messageId: packetId,
    unsubscriptions: filters,
    properties: propertyForm(userProperties),
  }),
  UNSUBACK: subackForm,
  DISCONNECT: ({ reason, sessionExpiryInterval }: DisconnectFields) => ({
    code: reason,
    properties: sessionExpiryInterval === undefined ? [] : [`sessionExpiryInterval ${sessionExpiryInterval}`],
  }),
};

/** `name` is that of the codec which gave `value`. */
export function formOfOurs(name: string, value: unknown): CommonForm {
  const form = formByName[name];
  if (form === undefined) throw new Error(`no form for ${name}`);
  return tidy(form(value as never));
}

function connectForm(fields: ConnectFields): CommonForm {
  const { will } = fields;
  return {
    level: { '3.1': 3, '3.1.1': 4, '5': 5 }[fields.protocol],
    bridgeMode: fields.bridge,
    clientId: fields.clientId,
    clean: fields.cleanStart,
    keepalive: fields.keepAliveSeconds,
    username: fields.username,
    password: fields.password?.reveal().toString('hex'),
    properties: propertyForm(fields.properties),
    ...(will === undefined
      ? {}
      : {
          willTopic: will.topic,
          willPayload: will.payload.reveal().toString('hex'),
          willQos: will.qos,
          willRetain: will.retain,
          willProperties: propertyForm(will.properties),
        }),
  };
}

function subscribeForm(packet: SubscribePacket): CommonForm {
  const { packetId, requests, subscriptionIdentifier, userProperties } = packet;
  const identifier = subscriptionIdentifier === undefined ? [] : [`subscriptionIdentifier ${subscriptionIdentifier}`];
  return {
    messageId: packetId,
    subscriptions: requests.map(({ filter, qos, noLocal, retainAsPublished, retainHandling }) =>
      JSON.stringify([filter, qos, noLocal, retainAsPublished, retainHandling]),
    ),
    properties: [...propertyForm(userProperties), ...identifier].toSorted(),
  };
}

function subackForm({ packetId, codes, properties }: SubackPacket): CommonForm {
  return { messageId: packetId, codes, properties: propertyForm(properties) };
}

function propertyForm(list: readonly RawProperty[]): readonly string[] {
  return list
    .map(({ id, bytes }) => {
      const name = oracleConstants.propertiesCodes[id] ?? '';
      if (id === propertyId.userProperty) return `${name} ${pairOf(bytes)}`;
      const number = numberOf(id, bytes);
      if (number !== undefined)
        return `${name} ${oracleConstants.propertiesTypes[name] === 'byte' ? number !== 0 : number}`;
      return `${name} ${JSON.stringify(textOf(id, bytes) ?? bytes.toString('hex', 2))}`;
    })
    .toSorted();
}

function pairOf(bytes: Buffer): string {
  const nameEnd = 2 + bytes.readUInt16BE();
  return JSON.stringify([bytes.toString('utf8', 2, nameEnd), bytes.toString('utf8', nameEnd + 2)]);
}

/** Of a packet that mqtt-packet read. */
export function formOfOracle(packet: Packet): CommonForm {
  const fields = packet as unknown as Readonly<Record<string, unknown>>;
  const will = fields['will'] as Readonly<Record<string, unknown>> | undefined;
  const subscriptions = fields['subscriptions'] as readonly Readonly<Record<string, unknown>>[] | undefined;
  return tidy({
    ...Object.fromEntries(copied.map((name) => [name, fields[name]])),
    level: fields['protocolVersion'],
    code: fields['reasonCode'] ?? fields['returnCode'] ?? (packet.cmd in codeless ? undefined : 0),
    codes: fields['granted'],
    password: hexOf(fields['password']),
    bridgeMode: packet.cmd === 'connect' ? fields['bridgeMode'] === true : undefined,
    subscriptions: subscriptions?.map(({ topic, qos, nl = false, rap = false, rh = 0 }) =>
      JSON.stringify([topic, qos, nl, rap, rh]),
    ),
    properties: oraclePropertyForm(fields['properties']),
    ...(will === undefined
      ? {}
      : {
          willTopic: will['topic'],
          willPayload: hexOf(will['payload']),
          willQos: will['qos'],
          willRetain: will['retain'],
          willProperties: oraclePropertyForm(will['properties']),
        }),
  });
}

const copied = [
  'messageId',
  'clientId',
  'clean',
  'keepalive',
  'username',
  'sessionPresent',
  'unsubscriptions',
] as const;
const codeless = { connect: 1, subscribe: 1, suback: 1, unsubscribe: 1, unsuback: 1 };

function hexOf(value: unknown): string | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : undefined;
}

function oraclePropertyForm(properties: unknown): readonly string[] {
  return Object.entries(properties ?? {})
    .flatMap(([name, value]: [string, unknown]) => {
      if (name === 'userProperties') return Object.entries(value as object).flatMap(userPropertyForm);
      return [`${name} ${JSON.stringify(hexOf(value) ?? value)}`];
    })
    .toSorted();
}

function userPropertyForm([name, value]: [string, unknown]): readonly string[] {
  return [value].flat().map((one) => `userProperties ${JSON.stringify([name, one])}`);
}

/** Without what is absent or empty. */
function tidy(form: CommonForm): CommonForm {
  return Object.fromEntries(
    Object.entries(form).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
}

/** Whether a user property's name comes twice: mqtt-packet groups those by name, and forgets an empty value then. */
export function hasRepeatedUserProperty(form: CommonForm): boolean {
  return [form['properties'], form['willProperties']].some((list) => {
    const names = ((list ?? []) as readonly string[])
      .filter((entry) => entry.startsWith('userProperties '))
      .map((entry) => (JSON.parse(entry.slice('userProperties '.length)) as string[])[0]);
    return new Set(names).size < names.length;
  });
}

export function withoutUserProperties(form: CommonForm): CommonForm {
  const strip = (list: unknown) =>
    ((list ?? []) as readonly string[]).filter((entry) => !entry.startsWith('userProperties '));
  return tidy({ ...form, properties: strip(form['properties']), willProperties: strip(form['willProperties']) });
}
