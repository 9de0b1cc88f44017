import { type ProtocolVersion, packetType } from './control-packet.ts';
import { binaryField, encodePacket, uint8Field, uint16Field, utf8Field } from './packet-bytes.ts';
import { encodePropertyList, type RawProperty } from './properties.ts';
import type { Secret } from './secret.ts';

/** What `encodeConnect` writes down as it is told: no adaptation to the version, but for properties, which only MQTT 5 has. */
export interface ConnectFields {
  readonly protocol: ProtocolVersion;
  /** Bit 0x80 of the level byte. */
  readonly bridge: boolean;
  readonly clientId: string;
  /** Clean Session before MQTT 5. */
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly properties: readonly RawProperty[];
  readonly will?: {
    readonly topic: string;
    readonly payload: Secret;
    readonly qos: 0 | 1 | 2;
    readonly retain: boolean;
    readonly properties: readonly RawProperty[];
  };
  readonly username?: string;
  /** MQTT 3.1 and 3.1.1 want a username with it [MQTT-3.1.2-22 of 3.1.1]. */
  readonly password?: Secret;
}

const levelByProtocol = { '3.1': 3, '3.1.1': 4, '5': 5 } as const;

export function encodeConnect(fields: ConnectFields): Buffer {
  const { protocol, will } = fields;
  const lists = (list: readonly RawProperty[]) => (protocol === '5' ? [encodePropertyList(list)] : []);
  const willParts =
    will === undefined ? [] : [...lists(will.properties), utf8Field(will.topic), binaryField(will.payload.reveal())];
  return encodePacket(packetType.connect << 4, [
    utf8Field(protocol === '3.1' ? 'MQIsdp' : 'MQTT'),
    uint8Field(levelByProtocol[protocol] | (fields.bridge ? 0x80 : 0)),
    uint8Field(flagsOf(fields)),
    uint16Field(fields.keepAliveSeconds),
    ...lists(fields.properties),
    utf8Field(fields.clientId),
    ...willParts,
    ...(fields.username === undefined ? [] : [utf8Field(fields.username)]),
    ...(fields.password === undefined ? [] : [binaryField(fields.password.reveal())]),
  ]);
}

function flagsOf({ username, password, will, cleanStart }: ConnectFields): number {
  const willFlags = will === undefined ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
  return (
    (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40) | willFlags | (cleanStart ? 0x02 : 0)
  );
}
