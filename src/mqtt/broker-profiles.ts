import { maxPacketBytes, type ProtocolVersion } from './control-packet.ts';

/** What is known of a kind of broker. Adaptation, assessment and the emulator read the same table. */
export interface BrokerProfile {
  /** In the order in which a gateway prefers them for a device of another version. */
  readonly versions: readonly ProtocolVersion[];
  readonly maximumQos: 0 | 1 | 2;
  /** Bytes of the largest packet that the broker takes from a device, fixed header included. */
  readonly maxPacketBytes: number;
  readonly maxPayloadBytes: number;
  /** Bytes of UTF-8, of a topic name and of a filter (without `$share/name/`). */
  readonly maxTopicBytes: number;
  /** Slashes in a topic name and in a filter (without `$share/name/`). */
  readonly maxTopicSlashes: number;
  readonly filtersPerSubscribe: number;
  readonly filtersPerUnsubscribe: number;
  readonly subscriptionsPerConnection: number;
  /** Unacknowledged QoS 1 and 2 PUBLISH packets, each way. */
  readonly inflightFromDevice: number;
  readonly inflightToDevice: number;
  /** Seconds that the gateway may ask for. */
  readonly keepAliveSeconds: { readonly min: number; readonly max: number };
  /** Whether `a/#` also matches `a` [MQTT-4.7.1-2]. */
  readonly multiLevelMatchesParent: boolean;
  readonly retainedOnWildcard: boolean;
  /** Topic names and filters beginning with one of these may be used though others that begin with `$` may not; undefined: all may. */
  readonly dollarTopics: readonly string[] | undefined;
  readonly clientId: { readonly maxBytes: number; readonly mayBeginWithDollar: boolean; readonly mayBeEmpty: boolean };
  readonly subscriptionIdentifiers: boolean;
  readonly sharedSubscriptions: boolean;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: boolean;
  readonly willDelay: boolean;
  /** PUBLISH packets a second of one connection, both directions together. */
  readonly publishesPerSecond: number;
  /** Seconds a session may outlive its connection. */
  readonly maxSessionExpirySeconds: number;
  /** Whether packets may come before CONNACK was sent. */
  readonly takesPipelined: boolean;
}

const noLimit = Number.POSITIVE_INFINITY;

/** The one table of limits and quirks, by the configuration's `brokers.NAME.profile`. */
export const brokerProfiles = {
  /** What MQTT itself allows; what a broker of this kind limits further it says at CONNACK (MQTT 5) or by refusing. */
  mqtt: {
    versions: ['3.1.1', '5', '3.1'],
    maximumQos: 2,
    maxPacketBytes,
    maxPayloadBytes: maxPacketBytes,
    maxTopicBytes: 65_535,
    maxTopicSlashes: noLimit,
    filtersPerSubscribe: noLimit,
    filtersPerUnsubscribe: noLimit,
    subscriptionsPerConnection: noLimit,
    inflightFromDevice: 65_535,
    inflightToDevice: 65_535,
    keepAliveSeconds: { min: 30, max: 300 },
    multiLevelMatchesParent: true,
    retainedOnWildcard: true,
    dollarTopics: undefined,
    clientId: { maxBytes: 65_535, mayBeginWithDollar: true, mayBeEmpty: true },
    subscriptionIdentifiers: true,
    sharedSubscriptions: true,
    noLocal: true,
    retainAsPublished: true,
    retainHandling: true,
    willDelay: true,
    publishesPerSecond: noLimit,
    maxSessionExpirySeconds: 0xffff_ffff,
    takesPipelined: true,
  },
  'aws-iot-core': {
    // AWS documents 3.1.1 and 5; 3.1 is not in its list.
    versions: ['3.1.1', '5'],
    // PUBREC, PUBREL and PUBCOMP are not supported; CONNACK says Maximum QoS 1.
    maximumQos: 1,
    /**
     * Derived, not verified on the wire: AWS takes payloads of 128 KB, and its quota "Maximum MQTT5 packet size (variable
     * header and payload)" is 146 KB = 149 504 bytes. The fixed header of a packet of that size is four bytes more.
     */
    maxPacketBytes: 149_504 + 4,
    // AWS quota "Publish payload": 128 KB, taken as 131 072 bytes.
    maxPayloadBytes: 131_072,
    // AWS quota "Topic length": 256 bytes of UTF-8.
    maxTopicBytes: 256,
    // AWS quota L-AD5A8D4F: 7 slashes.
    maxTopicSlashes: 7,
    // AWS quota "Filters per SUBSCRIBE": 8.
    filtersPerSubscribe: 8,
    // Nine were silently not acknowledged in 2021 (aws-iot-device-sdk-js #361); the quota itself is not documented.
    filtersPerUnsubscribe: 8,
    // AWS quota "Subscriptions per connection": 50.
    subscriptionsPerConnection: 50,
    // AWS quota "Unacknowledged QoS 1 publishes per client": 100 each way (L-0DD80F19 outbound).
    inflightFromDevice: 100,
    inflightToDevice: 100,
    // AWS clamps to 30–1200 and cuts at 1.5 times that; above 300 a dead connection stays unnoticed for too long.
    keepAliveSeconds: { min: 30, max: 300 },
    // Archived developer guide, to be probed on an account: `sensor/#` does not match `sensor`.
    multiLevelMatchesParent: false,
    // "Exact-topic SUBSCRIBE only": wildcard and shared subscriptions get no retained messages.
    retainedOnWildcard: false,
    // Other topics that begin with `$` end the connection; `$share/` is a filter's prefix and judged apart.
    dollarTopics: ['$aws/'],
    // AWS quota "Client ID": 128 bytes, not beginning with `$`. An empty one is only defined for MQTT 5: the gateway gives one.
    clientId: { maxBytes: 128, mayBeginWithDollar: false, mayBeEmpty: false },
    // CONNACK says Subscription Identifier Available 0; their use is answered with DISCONNECT 0xA1.
    subscriptionIdentifiers: false,
    // For 3.1.1 and 5 (AWS developer guide).
    sharedSubscriptions: true,
    // These four are not in AWS's list of supported properties and options: taken as unsupported, unverified.
    noLocal: false,
    retainAsPublished: false,
    retainHandling: false,
    willDelay: false,
    // AWS quota "Publish requests per second per connection": 100, both directions; what is beyond is discarded.
    publishesPerSecond: 100,
    // One hour unless the account's quota was raised (up to seven days).
    maxSessionExpirySeconds: 3_600,
    // "Client must wait for CONNACK before sending anything else".
    takesPipelined: false,
  },
} as const satisfies Record<string, BrokerProfile>;

export type BrokerProfileName = keyof typeof brokerProfiles;

/** A packet limit of the listener, or the broker's own where that is smaller; an unknown profile has none of its own. */
export function packetLimit(listenerMaxPacketBytes: number, profile: string | undefined): number {
  const known: BrokerProfile | undefined = isKnown(profile) ? brokerProfiles[profile] : undefined;
  return Math.min(listenerMaxPacketBytes, known?.maxPacketBytes ?? maxPacketBytes);
}

/** The profile of that name, or `mqtt`, which promises nothing and forbids nothing. */
export function profileNamed(name: string | undefined): BrokerProfile {
  return isKnown(name) ? brokerProfiles[name] : brokerProfiles.mqtt;
}

function isKnown(profile: string | undefined): profile is BrokerProfileName {
  return profile !== undefined && Object.hasOwn(brokerProfiles, profile);
}
