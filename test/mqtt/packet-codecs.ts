import type fc from 'fast-check';
import { decodeAcknowledgement, encodeAcknowledgement } from '../../src/mqtt/acknowledgement-packet.ts';
import { encodeConnack, judgeConnack } from '../../src/mqtt/connack-packet.ts';
import { type ConnectFields, encodeConnect } from '../../src/mqtt/connect-encoding.ts';
import { type ConnectPacket, type ConnectWill, decodeConnect } from '../../src/mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { decodeDisconnect, encodeClientDisconnect } from '../../src/mqtt/disconnect-packet.ts';
import type { PacketDecoding } from '../../src/mqtt/packet-fault.ts';
import { decodeSuback, decodeUnsuback, encodeSuback, encodeUnsuback } from '../../src/mqtt/suback-packet.ts';
import {
  decodeSubscribe,
  decodeUnsubscribe,
  encodeSubscribe,
  encodeUnsubscribe,
} from '../../src/mqtt/subscribe-packet.ts';
import {
  anyAcknowledgement,
  anyClientDisconnect,
  anyConnack,
  anyConnect,
  anySuback,
  anySubscribe,
  anyUnsuback,
  anyUnsubscribe,
} from './packet-arbitraries.ts';

/** One packet type, both ways. A value that `decode` gave goes into `encode` again. */
export interface Codec<T> {
  readonly name: string;
  /** The upper four bits of the first byte. */
  readonly types: readonly number[];
  any(protocol: ProtocolVersion): fc.Arbitrary<T>;
  encode(protocol: ProtocolVersion, value: T): Buffer;
  decode(protocol: ProtocolVersion, packet: Buffer): PacketDecoding<T>;
}

const connect: Codec<ConnectFields> = {
  name: 'CONNECT',
  types: [1],
  any: anyConnect,
  encode: (_, fields) => encodeConnect(fields),
  decode: (_, packet) => {
    const decoded = decodeConnect(packet);
    if (decoded.ok) return { ok: true, value: fieldsOf(decoded.value) };
    return { ok: false, error: { reason: 0x81, message: decoded.error.message } };
  },
};

const connack: Codec<{ code: number; sessionPresent: boolean; properties: ConnectFields['properties'] }> = {
  name: 'CONNACK',
  types: [2],
  any: anyConnack,
  encode: encodeConnack,
  decode: (protocol, packet) => {
    const decoded = judgeConnack(packet, protocol);
    if (!decoded.ok) return decoded;
    const { code, sessionPresent, properties } = decoded.value;
    return { ok: true, value: { code, sessionPresent, properties: properties?.list ?? [] } };
  },
};

/** Every packet that is not PUBLISH, PINGREQ, PINGRESP or AUTH. */
export const codecs: readonly Codec<unknown>[] = [
  untyped(connect),
  untyped(connack),
  untyped({
    name: 'PUBACK, PUBREC, PUBREL, PUBCOMP',
    types: [4, 5, 6, 7],
    any: anyAcknowledgement,
    encode: encodeAcknowledgement,
    decode: (protocol, packet) => decodeAcknowledgement(packet, protocol),
  }),
  untyped({
    name: 'SUBSCRIBE',
    types: [8],
    any: anySubscribe,
    encode: encodeSubscribe,
    decode: (protocol, packet) => decodeSubscribe(packet, protocol),
  }),
  untyped({
    name: 'SUBACK',
    types: [9],
    any: anySuback,
    encode: encodeSuback,
    decode: (protocol, packet) => decodeSuback(packet, protocol),
  }),
  untyped({
    name: 'UNSUBSCRIBE',
    types: [10],
    any: anyUnsubscribe,
    encode: encodeUnsubscribe,
    decode: (protocol, packet) => decodeUnsubscribe(packet, protocol),
  }),
  untyped({
    name: 'UNSUBACK',
    types: [11],
    any: anyUnsuback,
    encode: encodeUnsuback,
    decode: (protocol, packet) => decodeUnsuback(packet, protocol),
  }),
  untyped({
    name: 'DISCONNECT',
    types: [14],
    any: anyClientDisconnect,
    encode: encodeClientDisconnect,
    // User properties and a reason string are read, but the gateway writes none.
    decode: (protocol, packet) => {
      const decoded = decodeDisconnect(packet, protocol);
      if (!decoded.ok) return decoded;
      const { properties: _, ...fields } = decoded.value;
      return { ok: true, value: fields };
    },
  }),
];

/** The table's rows differ in their value; what comes out of a row only goes into the same row. */
function untyped<T>(codec: Codec<T>): Codec<unknown> {
  return codec as unknown as Codec<unknown>;
}

function fieldsOf(packet: ConnectPacket): ConnectFields {
  const { protocol, bridge, clientId, cleanStart, keepAliveSeconds, will, username, password, properties } = packet;
  return {
    protocol,
    bridge,
    clientId,
    cleanStart,
    keepAliveSeconds,
    properties: properties?.list ?? [],
    ...(will === undefined ? {} : { will: willOf(will) }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function willOf({ topic, payload, qos, retain, properties }: ConnectWill): NonNullable<ConnectFields['will']> {
  return { topic, payload, qos, retain, properties };
}
