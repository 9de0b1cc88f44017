/** MQTT control packet types, the upper four bits of a packet's first byte (MQTT 5 §2.1.2). */
export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

export type ProtocolVersion = '3.1' | '3.1.1' | '5';

/** What the four bytes of a Remaining Length can say at most (MQTT 5 §1.5.5). */
export const maxRemainingLength = 268_435_455;

/** The largest packet there can be: first byte, four length bytes, the body. */
export const maxPacketBytes = maxRemainingLength + 5;
