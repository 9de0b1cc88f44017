import { maxPacketBytes } from './control-packet.ts';

/** What is known of a kind of broker; only what the gateway applies today. */
export interface BrokerProfile {
  /** Bytes of the largest packet that the broker takes from a device, fixed header included. */
  readonly maxPacketBytes: number;
}

/** The one table of limits and quirks, by the configuration's `brokers.NAME.profile`. */
export const brokerProfiles = {
  mqtt: { maxPacketBytes },
  /**
   * Derived, not verified on the wire: AWS takes payloads of 128 KB, and its quota "Maximum MQTT5 packet size (variable
   * header and payload)" is 146 KB = 149 504 bytes. The fixed header of a packet of that size is four bytes more.
   */
  'aws-iot-core': { maxPacketBytes: 149_504 + 4 },
} as const satisfies Record<string, BrokerProfile>;

/** A packet limit of the listener, or the broker's own where that is smaller; an unknown profile has none of its own. */
export function packetLimit(listenerMaxPacketBytes: number, profile: string | undefined): number {
  const known: BrokerProfile | undefined = isKnown(profile) ? brokerProfiles[profile] : undefined;
  return Math.min(listenerMaxPacketBytes, known?.maxPacketBytes ?? maxPacketBytes);
}

function isKnown(profile: string | undefined): profile is keyof typeof brokerProfiles {
  return profile !== undefined && Object.hasOwn(brokerProfiles, profile);
}
