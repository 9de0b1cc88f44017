import type { AdaptationKind } from './adaptation-kind.ts';
import { withPacketIdentifier } from './packet-identifier.ts';
import { propertyId, type RawProperty } from './properties.ts';
import { reasonCode } from './reason-code.ts';
import { encodeSuback, encodeUnsuback } from './suback-packet.ts';
import type { SubscribePacket, UnsubscribePacket } from './subscribe-packet.ts';
import { subackCode } from './subscribe-work.ts';
import type { SubscriptionTerms } from './subscription-terms.ts';

/** A packet of the device that has no answer yet; `packetId` 0: the gateway's own. */
export type SubscriptionOrder =
  | { readonly type: 'subscribe'; readonly packet: SubscribePacket; readonly bytes: Buffer }
  | { readonly type: 'unsubscribe'; readonly packet: UnsubscribePacket; readonly bytes: Buffer };

/** SUBACK or UNSUBACK in the device's version. */
export function encodeAnswer(
  { type, packet: { packetId } }: SubscriptionOrder,
  { codes, properties }: { readonly codes: readonly number[]; readonly properties: readonly RawProperty[] },
  { device, deviceMaximumPacketSize }: SubscriptionTerms,
  adapted: (kind: AdaptationKind) => void,
): Buffer {
  const encode = type === 'subscribe' ? encodeSuback : encodeUnsuback;
  if (device !== '5' && properties.length > 0) adapted('properties');
  const packet = encode(device, { packetId, codes, properties });
  // [MQTT-3.9.2-1], [MQTT-3.9.2-2]: properties that make it too large for the device are left out.
  const isLarge = properties.length > 0 && packet.length > deviceMaximumPacketSize;
  return isLarge ? encode(device, { packetId, codes, properties: [] }) : packet;
}

/** The answer to an order that finds no room; undefined: none, so that the device asks again. */
export function turnedAway({ type, packet }: SubscriptionOrder, terms: SubscriptionTerms): Buffer | undefined {
  const { packetId } = packet;
  if (type === 'subscribe') {
    const codes = packet.requests.map(({ qos }) => subackCode(reasonCode.quotaExceeded, qos, terms));
    return encodeSuback(terms.device, { packetId, codes, properties: [] });
  }
  // Before MQTT 5 there is no word for it, and UNSUBACK would say that it was done.
  if (terms.device !== '5') return undefined;
  const codes = packet.filters.map(() => reasonCode.implementationSpecificError);
  return encodeUnsuback('5', { packetId, codes, properties: [] });
}

/** Without the DUP flag that MQTT 3.1 has there, and under that identifier. */
export function asItCame(bytes: Buffer, packetId: number): Buffer {
  const packet = withPacketIdentifier(bytes, packetId);
  if (((packet[0] as number) & dupFlag) === 0) return packet;
  const copy = Buffer.from(packet);
  copy[0] = (copy[0] as number) & ~dupFlag;
  return copy;
}

/** Codes for an order that cannot be sent. */
export function refusals({ type, packet }: SubscriptionOrder): readonly number[] {
  if (type === 'subscribe') return packet.requests.map(() => reasonCode.quotaExceeded);
  return packet.filters.map(() => reasonCode.implementationSpecificError);
}

/** One Reason String may stand in a packet (MQTT 5 §3.9.2.1.2): the first. */
export function joinedProperties(
  former: readonly RawProperty[],
  latter: readonly RawProperty[],
): readonly RawProperty[] {
  const hasReason = former.some(({ id }) => id === propertyId.reasonString);
  return [...former, ...latter.filter(({ id }) => !hasReason || id !== propertyId.reasonString)];
}

export function hasSameCodes(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((code, at) => code === other[at]);
}

const dupFlag = 0x08;
