import type { Obstacle } from './adaptation-kind.ts';
import { maxPacketBytes, type ProtocolVersion } from './control-packet.ts';

/** What is known of a kind of broker. Adaptation, assessment and the emulator read the same table. */
export interface BrokerProfile {
  /** `version-choice.ts` says which of them a device gets; their order here says nothing. */
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
  /** Seconds that the broker leaves as they were asked for; outside it changes them, 0 included. Undefined: it takes any. */
  readonly keepAliveTaken: { readonly min: number; readonly max: number } | undefined;
  /** Whether `a/#` also matches `a` [MQTT-4.7.1-2]. */
  readonly multiLevelMatchesParent: boolean;
  readonly retainedOnWildcard: boolean;
  /** What begins with this and one more level is measured (bytes, slashes) from behind that level on. */
  readonly unmeasuredPrefix: string | undefined;
  /** Topic names and filters beginning with one of these may be used though others that begin with `$` may not; undefined: all may. */
  readonly dollarTopics: readonly string[] | undefined;
  readonly clientId: { readonly maxBytes: number; readonly mayBeginWithDollar: boolean; readonly mayBeEmpty: boolean };
  /** Whether bit 0x80 of the level byte means a bridge to it; else a CONNECT with the bit may be refused. */
  readonly bridges: boolean;
  /** Whether it answers Request Response Information (MQTT 5 §3.1.2.11.7). */
  readonly responseInformation: boolean;
  /** Topic Alias Maximum that MQTT 5 devices are told instead of the broker's: aliases end at the gateway. Undefined: the broker's. */
  readonly announcedTopicAliases: number | undefined;
  readonly subscriptionIdentifiers: boolean;
  readonly sharedSubscriptions: boolean;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: boolean;
  readonly willDelay: boolean;
  /** PUBLISH packets a second of one connection, both directions together. */
  readonly publishesPerSecond: number;
  /** Bytes a second of one connection, each direction. */
  readonly bytesPerSecond: number;
  /** Milliseconds between SUBACK and the moment from which nothing that matches is missed. */
  readonly subscriptionSettleMs: number;
  /** Milliseconds without a message, behind which nothing more of a stored queue is on its way. */
  readonly queueQuietMs: number;
  /**
   * Whether a session that it takes up has every subscription that it granted. A broker that writes its sessions down now
   * and then comes back from a crash with earlier ones.
   */
  readonly resumesWhole: boolean;
  /** CONNECTs a second with the same client ID, whatever became of the others. */
  readonly connectsPerSecondPerClientId: number;
  /** Topic filters a second that all SUBSCRIBEs to it may have together, where the configuration says nothing else. */
  readonly filtersPerSecond: number;
  /** Seconds a session may outlive its connection. */
  readonly maxSessionExpirySeconds: number;
  /** Whether packets may come before CONNACK was sent. */
  readonly takesPipelined: boolean;
}

/** Topic aliases that the gateway resolves for a device whose broker does not set their number. */
export const gatewayTopicAliases = 10;

const noLimit = Number.POSITIVE_INFINITY;

/** The one table of limits and quirks, by the configuration's `brokers.NAME.profile`. */
export const brokerProfiles = {
  /** What MQTT itself allows; what a broker of this kind limits further it says at CONNACK (MQTT 5) or by refusing. */
  mqtt: {
    versions: ['3.1.1', '5', '3.1'],
    maximumQos: 2,
    // Four bytes of Remaining Length (MQTT 5 §1.5.5); the payload is at most the rest of it.
    maxPacketBytes,
    maxPayloadBytes: maxPacketBytes,
    // Two bytes of length in front of UTF-8 text [MQTT-4.7.3-3].
    maxTopicBytes: 65_535,
    maxTopicSlashes: noLimit,
    filtersPerSubscribe: noLimit,
    filtersPerUnsubscribe: noLimit,
    subscriptionsPerConnection: noLimit,
    // Receive Maximum where it is absent (MQTT 5 §3.1.2.11.3, §3.2.2.3.3); before MQTT 5 as many as there are identifiers.
    inflightFromDevice: 65_535,
    inflightToDevice: 65_535,
    // The gateway's own choice: a lost broker is noticed within 1.5 times that, and idle devices cost a ping in five minutes.
    keepAliveSeconds: { min: 30, max: 300 },
    keepAliveTaken: undefined,
    // [MQTT-4.7.1-2]
    multiLevelMatchesParent: true,
    // [MQTT-3.3.1-6] of 3.1.1, MQTT 5 §3.3.1.3
    retainedOnWildcard: true,
    unmeasuredPrefix: undefined,
    // A server may reserve them (§4.7.2); which ones, it tells by refusing.
    dollarTopics: undefined,
    // Two bytes of length; 3.1's 23 characters are a rule that its brokers did not keep.
    clientId: { maxBytes: 65_535, mayBeginWithDollar: true, mayBeEmpty: true },
    // Mosquitto, EMQX and aedes read it for 3.1 and 3.1.1; it stands in no specification.
    bridges: true,
    responseInformation: true,
    announcedTopicAliases: undefined,
    // CONNACK of MQTT 5 says otherwise where they are missing (§3.2.2.3.12, §3.2.2.3.13); before MQTT 5 brokers differ.
    subscriptionIdentifiers: true,
    sharedSubscriptions: true,
    // MQTT 5 §3.8.3.1 and §3.1.3.2.2: no server of MQTT 5 may go without.
    noLocal: true,
    retainAsPublished: true,
    retainHandling: true,
    willDelay: true,
    publishesPerSecond: noLimit,
    bytesPerSecond: noLimit,
    // A broker of one process subscribes before it answers; a cluster needs a moment.
    subscriptionSettleMs: 50,
    // It sends what its window has room for; what is on its way comes ahead of PINGRESP.
    queueQuietMs: 50,
    // Mosquitto saves every half hour unless told otherwise (`autosave_interval`).
    resumesWhole: false,
    connectsPerSecondPerClientId: noLimit,
    filtersPerSecond: noLimit,
    // For ever (MQTT 5 §3.1.2.11.2).
    maxSessionExpirySeconds: 0xffff_ffff,
    // Clients may send on before CONNACK (§3.1.4 of 3.1.1 and 5).
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
    // AWS cuts at 1.5 times what it took; above 300 a dead connection stays unnoticed for too long.
    keepAliveSeconds: { min: 30, max: 300 },
    // AWS quota and developer guide: 0 and what is above 1200 become 1200, 1 to 29 become 30.
    keepAliveTaken: { min: 30, max: 1200 },
    // Archived developer guide, to be probed on an account: `sensor/#` does not match `sensor`.
    multiLevelMatchesParent: false,
    // "Exact-topic SUBSCRIBE only": wildcard and shared subscriptions get no retained messages.
    retainedOnWildcard: false,
    // AWS quotas: the Basic Ingest prefix `$aws/rules/RULE/` counts neither as bytes nor as slashes.
    unmeasuredPrefix: '$aws/rules/',
    // Other topics that begin with `$` end the connection; `$share/` is a filter's prefix and judged apart.
    dollarTopics: ['$aws/'],
    // AWS quota "Client ID": 128 bytes, not beginning with `$`. An empty one is only defined for MQTT 5: the gateway gives one.
    clientId: { maxBytes: 128, mayBeginWithDollar: false, mayBeEmpty: false },
    // AWS documents protocol levels 4 and 5 only; what it does with the bit is unverified.
    bridges: false,
    // Not in AWS's list of supported properties.
    responseInformation: false,
    // AWS takes 8 (developer guide; observed in aws-crt-java #618), but gets none: the gateway resolves them with a table of its own.
    announcedTopicAliases: gatewayTopicAliases,
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
    // AWS quota "Throughput per second per connection": 512 KiB; what is beyond is delayed.
    bytesPerSecond: 524_288,
    // "There might be a delay" between SUBACK and the first delivery (AWS developer guide); how long is unverified.
    subscriptionSettleMs: 1_000,
    // Stored messages come at up to 10 a second (AWS developer guide, persistent sessions): two and a half such pauses.
    queueQuietMs: 250,
    // A managed service; its sessions do not live in one process.
    resumesWhole: true,
    // AWS quota "CONNECT requests per second per client ID": 1, not adjustable; a further one is throttled.
    connectsPerSecondPerClientId: 1,
    // AWS quota "Subscriptions per second per account": 500, adjustable; a SUBSCRIBE counts as many times as it has filters.
    filtersPerSecond: 500,
    // One hour unless the account's quota was raised (up to seven days).
    maxSessionExpirySeconds: 3_600,
    // "Client must wait for CONNACK before sending anything else".
    takesPipelined: false,
  },
} as const satisfies Record<string, BrokerProfile>;

export type BrokerProfileName = keyof typeof brokerProfiles;

/** The profile of that name, or `mqtt`, which promises nothing and forbids nothing. */
export function profileNamed(name: string | undefined): BrokerProfile {
  return isKnown(name) ? brokerProfiles[name] : brokerProfiles.mqtt;
}

/**
 * Why the broker would not take a topic name, or a filter without `$share/name/`; undefined when it would. The order is
 * that of the table, so that the same topic gives the same answer everywhere.
 */
export function topicObstacle(topic: string, profile: BrokerProfile): Obstacle | undefined {
  const measured = measuredPart(topic, profile.unmeasuredPrefix);
  // A character is three bytes at the most: short ones need not be measured.
  const mayBeLong = measured.length * 3 > profile.maxTopicBytes;
  if (mayBeLong && Buffer.byteLength(measured) > profile.maxTopicBytes) return 'topic-length';
  if (hasMoreSlashes(measured, profile.maxTopicSlashes)) return 'topic-depth';
  const isReserved =
    topic.startsWith('$') && profile.dollarTopics?.some((allowed) => topic.startsWith(allowed)) === false;
  return isReserved ? 'reserved-topic' : undefined;
}

function hasMoreSlashes(topic: string, most: number): boolean {
  if (topic.length <= most) return false;
  let slashes = 0;
  for (let at = topic.indexOf('/'); at >= 0 && slashes <= most; at = topic.indexOf('/', at + 1)) slashes += 1;
  return slashes > most;
}

function measuredPart(topic: string, prefix: string | undefined): string {
  if (prefix === undefined || !topic.startsWith(prefix)) return topic;
  const levelEnd = topic.indexOf('/', prefix.length);
  return levelEnd < 0 ? topic : topic.slice(levelEnd + 1);
}

function isKnown(profile: string | undefined): profile is BrokerProfileName {
  return profile !== undefined && Object.hasOwn(brokerProfiles, profile);
}
