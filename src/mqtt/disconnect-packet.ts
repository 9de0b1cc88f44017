import { type ProtocolVersion, packetType } from './control-packet.ts';
import { encodePacket, openPacket, uint8Field } from './packet-bytes.ts';
import { decodingOf, type PacketDecoding } from './packet-fault.ts';
import {
  allowedProperties,
  decodeProperties,
  encodePropertyList,
  propertyId,
  type RawProperty,
  uint32Property,
} from './properties.ts';
import { knownReasons, reasonCode } from './reason-code.ts';

/** The MQTT 5 reasons that the gateway gives (§3.14.2.1). */
export const disconnectReason = {
  normal: reasonCode.success,
  malformedPacket: reasonCode.malformedPacket,
  protocolError: reasonCode.protocolError,
  serverShuttingDown: reasonCode.serverShuttingDown,
  sessionTakenOver: reasonCode.sessionTakenOver,
  packetTooLarge: reasonCode.packetTooLarge,
  administrativeAction: reasonCode.administrativeAction,
} as const;

const firstByte = packetType.disconnect << 4;

/**
 * A DISCONNECT as a client sends it: the broker then publishes no will, unless the reason is 0x04. Before MQTT 5 it says
 * nothing else. The shortest legal form.
 */
export function encodeClientDisconnect(
  protocol: ProtocolVersion = '3.1.1',
  options: { readonly reason?: number /** Seconds. */; readonly sessionExpiryInterval?: number } = {},
): Buffer {
  const { reason = reasonCode.success, sessionExpiryInterval } = options;
  if (protocol !== '5') return encodePacket(firstByte, []);
  if (sessionExpiryInterval === undefined) {
    return encodePacket(firstByte, reason === reasonCode.success ? [] : [uint8Field(reason)]); // §3.14.2.1
  }
  const properties = [uint32Property(propertyId.sessionExpiryInterval, sessionExpiryInterval)];
  return encodePacket(firstByte, [uint8Field(reason), encodePropertyList(properties)]);
}

/**
 * A DISCONNECT as a server sends it, which MQTT 3 does not know: there the connection is just closed. The shortest legal
 * form (MQTT 5 §3.14.2.2.1), which is Mosquitto's too.
 */
export function encodeServerDisconnect(protocol: ProtocolVersion, reason: number): Buffer | undefined {
  return protocol === '5' ? Buffer.from([firstByte, 0x01, reason]) : undefined;
}

export interface Disconnect {
  readonly reason: number;
  /** Seconds; present when the device changed it with its DISCONNECT. */
  readonly sessionExpiryInterval?: number;
}

export interface DisconnectPacket extends Disconnect {
  readonly properties: readonly RawProperty[];
}

const termsBySender = {
  client: { reasons: knownReasons.disconnectOfClient, properties: allowedProperties.disconnectOfClient },
  // Without Session Expiry Interval [MQTT-3.14.2-2].
  server: { reasons: knownReasons.disconnectOfServer, properties: allowedProperties.disconnectOfServer },
} as const;

/** Decodes one exact DISCONNECT, fixed header included. A server sends one only in MQTT 5. */
export function decodeDisconnect(
  packet: Buffer,
  protocol: ProtocolVersion,
  sender: 'client' | 'server' = 'client',
): PacketDecoding<DisconnectPacket> {
  const terms = termsBySender[sender];
  const reader = openPacket(packet, packetType.disconnect, protocol);
  if (protocol !== '5' || reader.bytesLeft === 0) {
    return decodingOf(reader, { reason: reasonCode.success, properties: [] });
  }
  const reason = reader.uint8('reason');
  if (!terms.reasons.has(reason)) {
    reader.fail(`reason 0x${reason.toString(16)} does not belong there`, reasonCode.protocolError); // [MQTT-3.14.2-1]
  }
  const properties = reader.bytesLeft > 0 ? decodeProperties(reader, terms.properties, 'properties') : undefined;
  const sessionExpiryInterval = properties?.number(propertyId.sessionExpiryInterval);
  return decodingOf(reader, {
    reason,
    ...(sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval }),
    properties: properties?.list ?? [],
  });
}
