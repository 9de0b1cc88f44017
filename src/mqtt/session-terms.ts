import type { BrokerProfile } from './broker-profiles.ts';
import type { ProtocolVersion } from './control-packet.ts';

/** What a broker does on one connection: its profile, narrowed by what it said at CONNACK. */
export interface BrokerCapabilities {
  readonly maximumQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptions: boolean;
  readonly subscriptionIdentifiers: boolean;
  readonly sharedSubscriptions: boolean;
  /** Unacknowledged QoS 1 and 2 PUBLISH packets that it takes. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that it takes. */
  readonly maximumPacketSize: number;
  /** Session expiry that it grants at most; seconds. */
  readonly maxSessionExpirySeconds: number;
}

/** What holds between device and gateway from CONNACK on; it never changes on a connection. */
export interface DeviceTerms {
  readonly protocol: ProtocolVersion;
  /** As the device sent it, or was given it. */
  readonly clientId: string;
  /** Seconds; 0: none. What the device asked for, or was told by Server Keep Alive. */
  readonly keepAliveSeconds: number;
  /** Unacknowledged PUBLISH packets that the device takes; 65 535 before MQTT 5. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that the device takes; `maxPacketBytes` where it said nothing. */
  readonly maximumPacketSize: number;
  /** What an MQTT 5 device was told; before MQTT 5 what MQTT allows. */
  readonly told: {
    readonly receiveMaximum: number;
    readonly maximumPacketSize: number;
    readonly maximumQos: 0 | 1 | 2;
    readonly retainAvailable: boolean;
    readonly topicAliasMaximum: number;
    readonly sharedSubscriptions: boolean;
    readonly wildcardSubscriptions: boolean;
    readonly subscriptionIdentifiers: boolean;
  };
}

/** What holds between gateway and broker on one upstream connection. */
export interface UpstreamTerms {
  readonly protocol: ProtocolVersion;
  readonly profile: BrokerProfile;
  readonly capabilities: BrokerCapabilities;
  /** Seconds; 0: none. What the gateway asked for, or was told by Server Keep Alive. */
  readonly keepAliveSeconds: number;
  /** True when the broker took up an earlier session: it may hold subscriptions that this connection never saw. */
  readonly sessionPresent: boolean;
  /** What becomes of a message that this broker cannot take. */
  readonly undeliverable: UndeliverablePolicy;
  /** Bytes of one packet of the device, header included; one that declares more ends the session while the leg is active. */
  readonly maxPacketBytes: number;
}

/**
 * What is done with a message that the broker cannot take (too large, too deep, a reserved topic) though the device is
 * attached to it: `refuse` answers with the code that the device's version has and ends the connection where it has none;
 * `acknowledge` tells the device that it went well, and a record of the message is written.
 */
export type UndeliverablePolicy = 'refuse' | 'acknowledge';

/** QoS 2 exchanges of a session that end at the gateway and were not finished when the connection ended. */
export interface UnfinishedExchanges {
  /** Packet identifiers whose message a broker has and whose PUBREL has not come. */
  readonly received: readonly number[];
}
