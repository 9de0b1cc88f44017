import fc from 'fast-check';
import type { Acknowledgement } from '../../src/mqtt/acknowledgement-packet.ts';
import type { ConnectFields } from '../../src/mqtt/connect-encoding.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import {
  allowedProperties,
  binaryProperty,
  pairProperty,
  propertyId,
  type RawProperty,
  uint8Property,
  uint16Property,
  uint32Property,
  utf8Property,
  variableProperty,
} from '../../src/mqtt/properties.ts';
import { knownReasons } from '../../src/mqtt/reason-code.ts';
import { Secret } from '../../src/mqtt/secret.ts';
import type { SubackPacket } from '../../src/mqtt/suback-packet.ts';
import type { SubscribePacket, UnsubscribePacket } from '../../src/mqtt/subscribe-packet.ts';

export const versions = ['3.1', '3.1.1', '5'] as const satisfies readonly ProtocolVersion[];

/** Text as MQTT allows it: any Unicode but U+0000 and lone surrogates. */
export function anyText(maxLength: number, minLength = 0): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'binary', minLength, maxLength })
    .filter((text) => !text.includes('\0') && text.isWellFormed());
}

export const anyTopicName = anyText(20, 1)
  .map((text) => text.replaceAll(/[+#]/g, '/'))
  .filter((text) => text !== '');

const anyLevel = fc.oneof(fc.constant('+'), anyText(4).map(withoutSpecial), fc.constantFrom('', '$SYS', 'a', 'b'));

/** A filter without a fault, shared or not. */
export const anyFilter = fc
  .record({
    levels: fc.array(anyLevel, { minLength: 1, maxLength: 5 }),
    isOpen: fc.boolean(),
    share: fc.option(fc.constantFrom('s', 'group 1'), { nil: undefined, freq: 4 }),
  })
  .map(({ levels, isOpen, share }) => {
    const filter = [...levels, ...(isOpen ? ['#'] : [])].join('/') || 'a';
    return share === undefined ? filter : `$share/${share}/${filter}`;
  });

function withoutSpecial(text: string): string {
  return text.replaceAll(/[+#/$]/g, '_');
}

/** A list without a fault, in any order; names of user properties may repeat. */
export function anyPropertyList(allowed: ReadonlySet<number>): fc.Arbitrary<readonly RawProperty[]> {
  const ids = [...allowed].filter((id) => id !== propertyId.userProperty);
  const singles = fc.shuffledSubarray(ids).chain((chosen) => fc.tuple(...chosen.map(anyProperty)));
  if (!allowed.has(propertyId.userProperty)) return singles;
  return fc
    .tuple(singles, fc.array(fc.tuple(anyUserProperty, fc.nat()), { maxLength: 3 }))
    .map(([list, users]) =>
      users.reduce<RawProperty[]>((all, [user, at]) => all.toSpliced(at % (all.length + 1), 0, user), [...list]),
    );
}

export const anyUserProperty = fc
  .tuple(fc.oneof(fc.constantFrom('', 'k', '__proto__'), anyText(6)), anyText(6))
  .map(([name, value]) => pairProperty(propertyId.userProperty, name, value));

const flags: ReadonlySet<number> = new Set([0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a]);

function anyProperty(id: number): fc.Arbitrary<RawProperty> {
  if (flags.has(id)) return fc.nat(1).map((value) => uint8Property(id, value));
  switch (id) {
    case propertyId.serverKeepAlive:
    case propertyId.topicAliasMaximum:
      return fc.nat(65_535).map((value) => uint16Property(id, value));
    case propertyId.receiveMaximum:
    case propertyId.topicAlias:
      return fc.integer({ min: 1, max: 65_535 }).map((value) => uint16Property(id, value));
    case propertyId.messageExpiryInterval:
    case propertyId.sessionExpiryInterval:
    case propertyId.willDelayInterval:
      return fc.nat(0xffff_ffff).map((value) => uint32Property(id, value));
    case propertyId.maximumPacketSize:
      return fc.integer({ min: 1, max: 0xffff_ffff }).map((value) => uint32Property(id, value));
    case propertyId.subscriptionIdentifier:
      return fc.integer({ min: 1, max: 268_435_455 }).map((value) => variableProperty(id, value));
    case propertyId.correlationData:
    case propertyId.authenticationData:
      return fc.uint8Array({ maxLength: 12 }).map((bytes) => binaryProperty(id, Buffer.from(bytes)));
    case propertyId.responseTopic:
      return anyTopicName.map((topic) => utf8Property(id, topic));
    default:
      return anyText(10).map((text) => utf8Property(id, text));
  }
}

const anyPacketId = fc.integer({ min: 1, max: 65_535 });
const anyQos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const anySecret = fc.uint8Array({ maxLength: 20 }).map((bytes) => new Secret(bytes));
const nothing = fc.constant<readonly RawProperty[]>([]);

function listFor(protocol: ProtocolVersion, allowed: ReadonlySet<number>): fc.Arbitrary<readonly RawProperty[]> {
  return protocol === '5' ? anyPropertyList(allowed) : nothing;
}

export function anyAcknowledgement(protocol: ProtocolVersion): fc.Arbitrary<Acknowledgement> {
  return fc.constantFrom<Acknowledgement['type']>(4, 5, 6, 7).chain((type) => {
    const reasons = type < 6 ? knownReasons.puback : knownReasons.pubrel;
    return fc.record({
      type: fc.constant(type),
      packetId: anyPacketId,
      reason: protocol === '5' ? fc.constantFrom(...reasons) : fc.constant(0),
      properties: listFor(protocol, allowedProperties.acknowledgement),
    });
  });
}

export function anySubscribe(protocol: ProtocolVersion): fc.Arbitrary<SubscribePacket> {
  const flag = protocol === '5' ? fc.boolean() : fc.constant(false);
  const request = fc
    .record({
      filter: anyFilter,
      qos: anyQos,
      noLocal: flag,
      retainAsPublished: flag,
      retainHandling: protocol === '5' ? anyQos : fc.constant<0>(0),
    })
    .map((wish) => ({ ...wish, noLocal: wish.noLocal && !wish.filter.startsWith('$share/') }));
  return fc
    .record({
      packetId: anyPacketId,
      requests: fc.array(request, { minLength: 1, maxLength: 4 }),
      identifier: fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
      userProperties: protocol === '5' ? fc.array(anyUserProperty, { maxLength: 3 }) : nothing,
    })
    .map(({ identifier, ...packet }) =>
      protocol === '5' && identifier !== undefined ? { ...packet, subscriptionIdentifier: identifier } : packet,
    );
}

export function anyUnsubscribe(protocol: ProtocolVersion): fc.Arbitrary<UnsubscribePacket> {
  return fc.record({
    packetId: anyPacketId,
    filters: fc.array(anyFilter, { minLength: 1, maxLength: 4 }),
    userProperties: protocol === '5' ? fc.array(anyUserProperty, { maxLength: 3 }) : nothing,
  });
}

export function anySuback(protocol: ProtocolVersion): fc.Arbitrary<SubackPacket> {
  const codes = protocol === '5' ? [...knownReasons.suback] : [0, 1, 2, 0x80];
  return fc.record({
    packetId: anyPacketId,
    codes: fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 4 }),
    properties: listFor(protocol, allowedProperties.acknowledgement),
  });
}

export function anyUnsuback(protocol: ProtocolVersion): fc.Arbitrary<SubackPacket> {
  const codes = fc.array(fc.constantFrom(...knownReasons.unsuback), { minLength: 1, maxLength: 4 });
  return fc.record({
    packetId: anyPacketId,
    codes: protocol === '5' ? codes : fc.constant<number[]>([]),
    properties: listFor(protocol, allowedProperties.acknowledgement),
  });
}

export interface ConnackFields {
  readonly code: number;
  readonly sessionPresent: boolean;
  readonly properties: readonly RawProperty[];
}

export function anyConnack(protocol: ProtocolVersion): fc.Arbitrary<ConnackFields> {
  return fc
    .record({
      code: protocol === '5' ? fc.constantFrom(...knownReasons.connack) : fc.nat(5),
      isPresent: fc.boolean(),
      properties: listFor(protocol, allowedProperties.connack),
    })
    .map(({ code, isPresent, properties }) => ({
      code,
      sessionPresent: isPresent && code === 0 && protocol !== '3.1',
      properties,
    }));
}

export interface DisconnectFields {
  readonly reason: number;
  readonly sessionExpiryInterval?: number;
}

export function anyClientDisconnect(protocol: ProtocolVersion): fc.Arbitrary<DisconnectFields> {
  if (protocol !== '5') return fc.constant({ reason: 0 });
  return fc
    .record({
      reason: fc.constantFrom(...knownReasons.disconnectOfClient),
      expiry: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
    })
    .map(({ reason, expiry }) => (expiry === undefined ? { reason } : { reason, sessionExpiryInterval: expiry }));
}

export function anyConnect(protocol: ProtocolVersion): fc.Arbitrary<ConnectFields> {
  const will = fc.record({
    topic: anyTopicName,
    payload: anySecret,
    qos: anyQos,
    retain: fc.boolean(),
    properties: listFor(protocol, allowedProperties.will),
  });
  return fc
    .record({
      bridge: fc.boolean(),
      clientId: anyText(12, 1),
      cleanStart: fc.boolean(),
      keepAliveSeconds: fc.nat(65_535),
      properties: listFor(protocol, allowedProperties.connect),
      will: fc.option(will, { nil: undefined }),
      username: fc.option(anyText(8), { nil: undefined }),
      password: fc.option(anySecret, { nil: undefined }),
    })
    .map(({ will: testament, username, password, properties, ...fields }) => ({
      protocol,
      ...fields,
      properties: withMethod(properties),
      ...(testament === undefined ? {} : { will: testament }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined || (protocol !== '5' && username === undefined) ? {} : { password }),
    }));
}

/** Authentication data stand only beside a method (MQTT 5 §3.1.2.11.10). */
function withMethod(list: readonly RawProperty[]): readonly RawProperty[] {
  if (list.some(({ id }) => id === propertyId.authenticationMethod)) return list;
  return list.filter(({ id }) => id !== propertyId.authenticationData);
}
