import { type ProtocolVersion, packetType } from './control-packet.ts';
import { encodePacket, openPacket } from './packet-bytes.ts';
import { decodingOf, type PacketDecoding } from './packet-fault.ts';
import {
  allowedProperties,
  decodeProperties,
  encodePropertyList,
  type Properties,
  propertyId,
  type RawProperty,
} from './properties.ts';
import { knownReasons, reasonCode } from './reason-code.ts';

/** Why the gateway itself answers a CONNECT, in words; the table below says it in each version's codes. */
export type ConnackRefusal =
  | 'unsupported-version'
  | 'malformed'
  | 'protocol-error'
  | 'client-id'
  | 'unavailable'
  | 'bad-credentials'
  | 'bad-authentication-method'
  | 'not-authorized';

interface ConnackCodes {
  /** Absent: MQTT 3 knows no code, the connection is closed without one. */
  readonly v3?: number;
  readonly v5: number;
}

const codesByRefusal: Readonly<Record<ConnackRefusal, ConnackCodes>> = {
  'unsupported-version': { v3: 0x01, v5: 0x84 },
  malformed: { v5: 0x81 },
  'protocol-error': { v5: 0x82 },
  'client-id': { v3: 0x02, v5: 0x85 },
  unavailable: { v3: 0x03, v5: 0x88 },
  'bad-credentials': { v3: 0x04, v5: 0x86 },
  'bad-authentication-method': { v5: 0x8c },
  'not-authorized': { v3: 0x05, v5: 0x87 },
};

/** The CONNACK that refuses, in the device's version; undefined where MQTT 3 only lets one close. */
export function encodeConnackRefusal(protocol: ProtocolVersion, refusal: ConnackRefusal): Buffer | undefined {
  const codes = codesByRefusal[refusal];
  if (protocol === '5') return Buffer.from([0x20, 0x03, 0x00, codes.v5, 0x00]);
  return codes.v3 === undefined ? undefined : Buffer.from([0x20, 0x02, 0x00, codes.v3]);
}

/** The MQTT 3 return code for a broker's MQTT 5 reason code. */
export function connackCodeOfReason(reason: number): number {
  switch (reason) {
    case 0x00:
      return 0x00;
    case 0x84:
      return 0x01;
    case 0x85:
      return 0x02;
    case 0x86:
    case 0x8c:
      return 0x04;
    case 0x87:
    case 0x8a:
      return 0x05;
    default:
      return 0x03;
  }
}

/** The MQTT 5 reason code for a broker's MQTT 3 return code. */
export function connackReasonOfCode(code: number): number {
  return [0x00, 0x84, 0x85, 0x88, 0x86, 0x87][code] ?? 0x80;
}

export interface Connack {
  /** The return code before MQTT 5, the reason code in it; 0 is accepted. */
  readonly code: number;
  readonly sessionPresent: boolean;
  /** What the broker said instead of the device's wish (MQTT 5 §3.2.2.3.2); seconds. */
  readonly sessionExpiryInterval?: number;
  readonly assignedClientId?: string;
  /** Undefined before MQTT 5. */
  readonly properties: Properties | undefined;
}

/** Decodes one exact CONNACK packet, fixed header included; undefined when it is none. */
export function decodeConnack(packet: Buffer, protocol: ProtocolVersion): Connack | undefined {
  const decoding = judgeConnack(packet, protocol);
  return decoding.ok ? decoding.value : undefined;
}

/** As `decodeConnack`, with what is wrong. */
export function judgeConnack(packet: Buffer, protocol: ProtocolVersion): PacketDecoding<Connack> {
  const reader = openPacket(packet, packetType.connack, protocol);
  const flags = reader.uint8('acknowledge flags');
  const code = reader.uint8('code');
  // [MQTT-3.2.2-1]; MQTT 3.1 calls the byte reserved and says nothing of its value.
  if (protocol !== '3.1' && flags > 1) reader.fail('reserved acknowledge flags are set');
  // A broker that refuses has no session to tell of, whatever the flag says [MQTT-3.2.2-4].
  const sessionPresent = (flags & 0x01) === 1 && code === 0;
  if (protocol !== '5') return decodingOf(reader, { code, sessionPresent, properties: undefined });
  // A broker without MQTT 5 answers in its own form, with its own codes [MQTT-3.1.2-2 of 3.1.1].
  const isOlder = reader.bytesLeft === 0;
  const reason = isOlder && code > 0 && code <= 5 ? connackReasonOfCode(code) : code;
  if (!knownReasons.connack.has(reason)) {
    reader.fail(`reason 0x${code.toString(16)} does not belong there`, reasonCode.protocolError); // [MQTT-3.2.2-8]
  }
  if (isOlder) return decodingOf(reader, { code: reason, sessionPresent, properties: undefined });
  const properties = decodeProperties(reader, allowedProperties.connack, 'CONNACK properties');
  const sessionExpiryInterval = properties.number(propertyId.sessionExpiryInterval);
  const assignedClientId = properties.text(propertyId.assignedClientIdentifier);
  return decodingOf(reader, {
    code,
    sessionPresent,
    ...(sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval }),
    ...(assignedClientId === undefined ? {} : { assignedClientId }),
    properties,
  });
}

/**
 * `code` is in the device's version. MQTT 3.1 has no session present and reserves its byte; no version has it in a
 * refusal [MQTT-3.2.2-4].
 */
export function encodeConnack(
  protocol: ProtocolVersion,
  connack: { readonly code: number; readonly sessionPresent: boolean; readonly properties: readonly RawProperty[] },
): Buffer {
  const { code, sessionPresent, properties } = connack;
  const flags = sessionPresent && code === 0 && protocol !== '3.1' ? 1 : 0;
  const head = Buffer.from([flags, code]);
  return encodePacket(packetType.connack << 4, protocol === '5' ? [head, encodePropertyList(properties)] : [head]);
}
