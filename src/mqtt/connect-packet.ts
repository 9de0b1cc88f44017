import { ByteReader } from './byte-reader.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { allowedProperties, decodeProperties, type Properties, propertyId, type RawProperty } from './properties.ts';
import { reasonCode } from './reason-code.ts';
import { Secret } from './secret.ts';
import { topicNameFault } from './topic.ts';

export interface ConnectWill {
  readonly topic: string;
  readonly payload: Secret;
  readonly payloadBytes: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Seconds the broker waits before it publishes; 0 before MQTT 5. */
  readonly delaySeconds: number;
  /** Empty before MQTT 5. */
  readonly properties: readonly RawProperty[];
}

/** What a CONNECT says. Its secrets show themselves to nobody who does not ask for them by `reveal`. */
export interface ConnectPacket {
  readonly protocol: ProtocolVersion;
  /** The level byte without the bridge bit: 3, 4 or 5. */
  readonly level: 3 | 4 | 5;
  /** Bit 0x80 of the level byte: a broker's bridge, by the convention of Mosquitto, EMQX and aedes. */
  readonly bridge: boolean;
  readonly clientId: string;
  readonly username?: string;
  readonly hasPassword: boolean;
  readonly password?: Secret;
  /** Clean Start of MQTT 5, Clean Session before. */
  readonly cleanStart: boolean;
  /** Seconds; 0xFFFFFFFF is for ever. Before MQTT 5: 0 with Clean Session, else 0xFFFFFFFF. */
  readonly sessionExpiryInterval: number;
  readonly keepAliveSeconds: number;
  readonly will?: ConnectWill;
  readonly authenticationMethod?: string;
  /** Undefined before MQTT 5. */
  readonly properties: Properties | undefined;
}

/** Why a CONNECT is refused before a broker is asked; `level` is 0 when it could not be read. */
export interface ConnectRefusal {
  readonly kind: 'unsupported-version' | 'malformed' | 'protocol-error' | 'client-id';
  readonly level: number;
  readonly message: string;
}

export type ConnectDecoding =
  | { readonly ok: true; readonly value: ConnectPacket }
  | { readonly ok: false; readonly error: ConnectRefusal };

/** Decodes one exact CONNECT packet, fixed header included. */
export function decodeConnect(packet: Buffer): ConnectDecoding {
  const reader = new ByteReader(packet);
  if (reader.uint8('first byte') !== 0x10) reader.fail('the flags of CONNECT must be 0'); // [MQTT-2.1.3-1]
  const remainingLength = reader.variableByteInteger('remaining length');
  if (reader.bytesLeft !== remainingLength) reader.fail('the remaining length is not the length of the packet');
  const name = reader.utf8('protocol name');
  const levelByte = reader.uint8('protocol level');
  const level = levelByte & 0x7f;
  if (reader.problem !== undefined) return refuse('malformed', 0, reader.problem);
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    return refuse(
      'malformed',
      0,
      `expected the protocol name MQTT or MQIsdp, got ${name.slice(0, 16).replaceAll(/[^ -~]/g, '?')}`,
    );
  }
  const known = knownLevel(name, level);
  if (known === undefined) return refuse('unsupported-version', level, `${name} level ${level} is not supported`);
  return decodeBody(reader, known, levelByte > 0x7f);
}

interface ConnectFlags {
  readonly username: boolean;
  readonly password: boolean;
  readonly willRetain: boolean;
  readonly willQos: number;
  readonly will: boolean;
  readonly cleanStart: boolean;
}

interface Payload {
  readonly clientId: string;
  readonly will: ConnectWill | undefined;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
}

const versionByLevel = { 3: '3.1', 4: '3.1.1', 5: '5' } as const;

function knownLevel(name: string, level: number): 3 | 4 | 5 | undefined {
  if (name === 'MQIsdp') return level === 3 ? 3 : undefined;
  return level === 4 || level === 5 ? level : undefined;
}

function decodeBody(reader: ByteReader, level: 3 | 4 | 5, bridge: boolean): ConnectDecoding {
  const flags = decodeFlags(reader, level);
  const keepAliveSeconds = reader.uint16('keep alive');
  const properties =
    level === 5 ? decodeProperties(reader, allowedProperties.connect, 'CONNECT properties') : undefined;
  const payload = decodePayload(reader, level, flags);
  if (reader.bytesLeft > 0) reader.fail(`${reader.bytesLeft} bytes stand behind the last field`);
  if (properties?.has(propertyId.authenticationData) && !properties.has(propertyId.authenticationMethod)) {
    reader.fail('authentication data come without an authentication method', reasonCode.protocolError); // §3.1.2.11.10
  }
  if (reader.problem !== undefined) {
    return refuse(reader.reason === reasonCode.malformedPacket ? 'malformed' : 'protocol-error', level, reader.problem);
  }
  if (payload.clientId === '' && (level === 3 || (level === 4 && !flags.cleanStart))) {
    return refuse('client-id', level, 'the client ID is empty'); // [MQTT-3.1.3-8] of 3.1.1
  }
  return { ok: true, value: connectPacket({ level, bridge, flags, keepAliveSeconds, properties, payload }) };
}

function connectPacket(parts: {
  readonly level: 3 | 4 | 5;
  readonly bridge: boolean;
  readonly flags: ConnectFlags;
  readonly keepAliveSeconds: number;
  readonly properties: Properties | undefined;
  readonly payload: Payload;
}): ConnectPacket {
  const { level, flags, payload, properties } = parts;
  const authenticationMethod = properties?.text(propertyId.authenticationMethod);
  const expiryBefore5 = flags.cleanStart ? 0 : 0xffff_ffff;
  return {
    protocol: versionByLevel[level],
    level,
    bridge: parts.bridge,
    clientId: payload.clientId,
    ...(payload.username === undefined ? {} : { username: payload.username }),
    hasPassword: payload.password !== undefined,
    ...(payload.password === undefined ? {} : { password: payload.password }),
    cleanStart: flags.cleanStart,
    sessionExpiryInterval: level === 5 ? (properties?.number(propertyId.sessionExpiryInterval) ?? 0) : expiryBefore5,
    keepAliveSeconds: parts.keepAliveSeconds,
    ...(payload.will === undefined ? {} : { will: payload.will }),
    ...(authenticationMethod === undefined ? {} : { authenticationMethod }),
    properties,
  };
}

function decodeFlags(reader: ByteReader, level: 3 | 4 | 5): ConnectFlags {
  const bits = reader.uint8('connect flags');
  const flags: ConnectFlags = {
    username: (bits & 0x80) !== 0,
    password: (bits & 0x40) !== 0,
    willRetain: (bits & 0x20) !== 0,
    willQos: (bits >> 3) & 0x03,
    will: (bits & 0x04) !== 0,
    cleanStart: (bits & 0x02) !== 0,
  };
  if (flags.willQos === 3) reader.fail('the will QoS is 3'); // [MQTT-3.1.2-12]
  if (level !== 5 && flags.password && !flags.username) {
    reader.fail('a password comes without a username'); // [MQTT-3.1.2-22] of 3.1.1; MQTT 3.1 §3.1
  }
  // 3.1 calls the reserved bit unused and says nothing of will flags without a will; its devices are let be.
  if (level === 3) return flags;
  if ((bits & 0x01) !== 0) reader.fail('the reserved connect flag is set'); // [MQTT-3.1.2-3]
  if (!flags.will && (flags.willRetain || flags.willQos > 0)) {
    reader.fail('will QoS or will retain is set without a will'); // [MQTT-3.1.2-11, -13]
  }
  return flags;
}

function decodePayload(reader: ByteReader, level: 3 | 4 | 5, flags: ConnectFlags): Payload {
  const clientId = reader.utf8('client ID');
  const will = flags.will ? decodeWill(reader, level, flags) : undefined;
  // MQTT 3.1 §3.1: the remaining length takes precedence over the user name and password flags.
  const isThere = (flag: boolean) => flag && (level !== 3 || reader.bytesLeft > 0);
  const username = isThere(flags.username) ? reader.utf8('username') : undefined;
  const password = isThere(flags.password) ? new Secret(reader.binary('password')) : undefined;
  return { clientId, will, username, password };
}

function decodeWill(reader: ByteReader, level: 3 | 4 | 5, flags: ConnectFlags): ConnectWill {
  const properties = level === 5 ? decodeProperties(reader, allowedProperties.will, 'will properties') : undefined;
  const topic = reader.utf8('will topic');
  const fault = reader.problem === undefined ? topicNameFault(topic) : undefined;
  if (fault !== undefined) reader.fail(`${fault} of the will`);
  const payload = new Secret(reader.binary('will payload'));
  return {
    topic,
    payload,
    payloadBytes: payload.length,
    qos: flags.willQos === 2 ? 2 : flags.willQos === 1 ? 1 : 0,
    retain: flags.willRetain,
    delaySeconds: properties?.number(propertyId.willDelayInterval) ?? 0,
    // Made when asked for: see Properties.
    get properties() {
      return properties?.list ?? [];
    },
  };
}

function refuse(kind: ConnectRefusal['kind'], level: number, message: string): ConnectDecoding {
  return { ok: false, error: { kind, level, message } };
}
