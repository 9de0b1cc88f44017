import { ByteReader } from './byte-reader.ts';
import { type ProtocolVersion, packetType } from './control-packet.ts';
import { decodeProperties, propertyId } from './properties.ts';

/** The MQTT 5 reasons that the gateway gives (§3.14.2.1). */
export const disconnectReason = {
  normal: 0x00,
  malformedPacket: 0x81,
  protocolError: 0x82,
  serverShuttingDown: 0x8b,
  sessionTakenOver: 0x8e,
  packetTooLarge: 0x95,
  administrativeAction: 0x98,
} as const;

/** A DISCONNECT as a client sends it (the broker then publishes no will). */
export function encodeClientDisconnect(): Buffer {
  return Buffer.from([packetType.disconnect << 4, 0x00]);
}

/** A DISCONNECT as a server sends it, which MQTT 3 does not know: there the connection is just closed. */
export function encodeServerDisconnect(protocol: ProtocolVersion, reason: number): Buffer | undefined {
  return protocol === '5' ? Buffer.from([packetType.disconnect << 4, 0x02, reason, 0x00]) : undefined;
}

const disconnectProperties: ReadonlySet<number> = new Set([
  propertyId.sessionExpiryInterval,
  propertyId.reasonString,
  propertyId.userProperty,
  propertyId.serverReference,
]);

export interface Disconnect {
  readonly reason: number;
  /** Seconds; present when the device changed it with its DISCONNECT. */
  readonly sessionExpiryInterval?: number;
}

/** Decodes the body (behind the fixed header) of an MQTT 5 DISCONNECT; undefined when it is malformed. */
export function decodeDisconnectBody(body: Buffer): Disconnect | undefined {
  if (body.length === 0) return { reason: disconnectReason.normal };
  const reader = new ByteReader(body);
  const reason = reader.uint8('reason');
  if (reader.bytesLeft === 0) return { reason };
  const properties = decodeProperties(reader, disconnectProperties, 'DISCONNECT properties');
  if (reader.problem !== undefined || reader.bytesLeft > 0 || properties.protocolError !== undefined) return undefined;
  const sessionExpiryInterval = properties.number(propertyId.sessionExpiryInterval);
  return sessionExpiryInterval === undefined ? { reason } : { reason, sessionExpiryInterval };
}
