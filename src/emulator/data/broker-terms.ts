import { type BrokerProfile, brokerProfiles } from '../../mqtt/broker-profiles.ts';

/** Where AWS's answer is not verified, or was seen in two forms: which one the emulator gives. The first is the default. */
export interface BrokerVariants {
  /** MQTT 3.1: CONNACK 0x01 and close, or close. */
  readonly mqtt31: 'connack' | 'close';
  /** An empty client ID with Clean Session before MQTT 5: CONNACK 0x02 and close, close, or an ID is assigned. */
  readonly emptyClientId: 'connack' | 'close' | 'assign';
  /** A client ID that is too long or begins with `$`, before MQTT 5: CONNACK 0x02 and close, or close. */
  readonly invalidClientId: 'connack' | 'close';
  /** A certificate that is not known or not ACTIVE, in MQTT 5: close, or CONNACK 0x87 before. */
  readonly certificateRefused5: 'close' | 'connack';
  /** iot:Connect denied before MQTT 5: close, or CONNACK 0x05 before. */
  readonly connectDenied: 'close' | 'connack';
  /** The custom authorizer says no: CONNACK 0x05 (MQTT 5: 0x87) and close, or close. */
  readonly badCredentials: 'connack' | 'close';
  /** A CONNECT beyond a rate: close (MQTT 5: CONNACK 0x97), or before MQTT 5 CONNACK 0x03. */
  readonly connectThrottled: 'close' | 'connack';
  /** Packets that come before CONNACK was sent: close, or they are not read. */
  readonly pipelined: 'close' | 'ignore';
  /** QoS 2 in PUBLISH or SUBSCRIBE: no acknowledgement and close (MQTT 5: DISCONNECT 0x9B), or no acknowledgement. */
  readonly qos2: 'close' | 'ignore';
  /** iot:Publish denied at QoS 0 in MQTT 5: DISCONNECT 0x87, or nothing. */
  readonly publishDenied5: 'disconnect' | 'ignore';
  /** iot:Subscribe denied before MQTT 5: close, or SUBACK 0x80. */
  readonly subscribeDenied: 'close' | 'suback';
  /** A filter that is reserved, too long or too deep, in MQTT 5: DISCONNECT 0x8F, or SUBACK 0x8F. */
  readonly invalidFilter5: 'disconnect' | 'suback';
  /** A topic that is reserved, too long or too deep, at QoS 1 in MQTT 5: DISCONNECT 0x90, or PUBACK 0x90. */
  readonly invalidTopic5: 'disconnect' | 'puback';
  /** A payload that is too large, in MQTT 5: DISCONNECT 0x95 or 0x97. */
  readonly payloadTooLarge5: 'packet-too-large' | 'quota-exceeded';
  /** More than 8 filters in a SUBSCRIBE: close (MQTT 5: DISCONNECT 0x97), or no SUBACK. */
  readonly tooManyFilters: 'close' | 'ignore';
  /** More than 8 filters in an UNSUBSCRIBE: no UNSUBACK, or close. */
  readonly tooManyUnsubscribes: 'ignore' | 'close';
  /** Subscription 51: close (MQTT 5: DISCONNECT 0x97), or SUBACK 0x80 (0x97) for it. */
  readonly tooManySubscriptions: 'close' | 'suback';
}

export const defaultVariants: BrokerVariants = {
  mqtt31: 'connack',
  emptyClientId: 'connack',
  invalidClientId: 'connack',
  certificateRefused5: 'close',
  connectDenied: 'close',
  badCredentials: 'connack',
  connectThrottled: 'close',
  pipelined: 'close',
  qos2: 'close',
  publishDenied5: 'disconnect',
  subscribeDenied: 'close',
  invalidFilter5: 'disconnect',
  invalidTopic5: 'disconnect',
  payloadTooLarge5: 'packet-too-large',
  tooManyFilters: 'close',
  tooManyUnsubscribes: 'ignore',
  tooManySubscriptions: 'close',
};

/** What the message broker goes by: AWS's limits, what is chosen where AWS is not known, and the emulator's own bounds. */
export interface BrokerTerms {
  readonly profile: BrokerProfile;
  readonly variants: BrokerVariants;
  /** Topic Alias Maximum that clients are told; also the most that the broker uses towards one. */
  readonly topicAliases: number;
  /** Maximum Packet Size that MQTT 5 clients are told, in bytes. */
  readonly announcedPacketBytes: number;
  /** CONNECTs a second of the account. */
  readonly connectsPerSecond: number;
  readonly connectsPerSecondPerClientId: number;
  /** PUBLISH packets a second of the account, in each direction. */
  readonly publishesPerSecond: number;
  /** Messages a second that are queued for sessions without a connection, all of the account together. */
  readonly queuedPerSecond: number;
  /** Stored messages a second that a session gets which came back. */
  readonly replayPerSecond: number;
  /** Messages a second that each member of a shared subscription gets of what was queued for the group. */
  readonly sharedReplayPerSecond: number;
  /** Bytes a second that one connection may send; beyond it reading waits. */
  readonly bytesPerSecond: number;
  /** A connection whose messages have been discarded for so many seconds, with no pause of two, is ended. */
  readonly throttledSeconds: number;
  /** Milliseconds after which a QoS 1 message that was not acknowledged is sent again, under a new identifier. */
  readonly redeliverAfterMs: number;
  /** Milliseconds for which that is tried. */
  readonly redeliverForMs: number;
  readonly pubackOrder: 'shuffled' | 'in-order';
  /** Milliseconds that a PUBACK waits at most for others to be shuffled with. */
  readonly pubackWaitMs: number;
  /** PUBACKs that are shuffled together. */
  readonly pubackWindow: number;
  /** Milliseconds between SUBACK and the first message; AWS says only that there might be a delay. */
  readonly subscriptionSettleMs: number;
  /** Milliseconds from the handshake to a whole CONNECT. */
  readonly firstPacketMs: number;
  /** Milliseconds that the end of a connection is remembered for GetConnection, and a version number for a client ID. */
  readonly rememberMs: number;
  readonly bounds: BrokerBounds;
}

/** Bounds of the emulator itself: AWS's are larger, or not known. */
export interface BrokerBounds {
  readonly connections: number;
  readonly sessions: number;
  readonly retainedMessages: number;
  /** Messages that wait for one session. */
  readonly queuedMessages: number;
  /** Messages that wait for one group of a shared subscription. */
  readonly groupMessages: number;
  /** Bytes of all messages that wait, and of all retained ones. */
  readonly storedBytes: number;
  /** Bytes that wait to leave by one connection; beyond it QoS 0 messages are dropped, at four times as many it is cut. */
  readonly outputBytes: number;
  /** Refusals that are remembered one by one; all are counted. */
  readonly recordedRefusals: number;
}

export type BrokerOptions = Partial<Omit<BrokerTerms, 'profile' | 'variants' | 'bounds'>> & {
  readonly limits?: Partial<BrokerProfile>;
  readonly variants?: Partial<BrokerVariants>;
  readonly bounds?: Partial<BrokerBounds>;
};

const second = 1_000;
const hour = 3_600_000;

/** AWS's terms, with what the options say otherwise. */
export function brokerTerms(options: BrokerOptions = {}): BrokerTerms {
  const { limits, variants, bounds, ...rest } = options;
  const profile: BrokerProfile = { ...brokerProfiles['aws-iot-core'], ...limits };
  return {
    profile,
    variants: { ...defaultVariants, ...variants },
    // AWS developer guide; observed in aws-crt-java #618.
    topicAliases: 8,
    // AWS quota L-78413E12, 146 KB; derived, not seen on the wire.
    announcedPacketBytes: 149_504,
    // AWS quota "CONNECT requests per second per account": 500, adjustable.
    connectsPerSecond: 500,
    connectsPerSecondPerClientId: profile.connectsPerSecondPerClientId,
    // AWS quotas: 20,000 each way (2,000 in smaller Regions), 500 queued.
    publishesPerSecond: 20_000,
    queuedPerSecond: 500,
    // AWS developer guide, persistent sessions and shared subscriptions.
    replayPerSecond: 10,
    sharedReplayPerSecond: 20,
    // AWS quota "Throughput per second per connection": 512 KiB.
    bytesPerSecond: 524_288,
    // "Sustained abuse": for how long is not documented.
    throttledSeconds: 10,
    // AWS says "up to 1 hour"; how often is not documented.
    redeliverAfterMs: 30 * second,
    redeliverForMs: hour,
    pubackOrder: 'shuffled',
    pubackWaitMs: 5,
    pubackWindow: 8,
    subscriptionSettleMs: 0,
    firstPacketMs: 30 * second,
    rememberMs: hour,
    ...rest,
    bounds: { ...defaultBounds, ...bounds },
  };
}

const defaultBounds: BrokerBounds = {
  connections: 20_000,
  sessions: 50_000,
  retainedMessages: 50_000,
  queuedMessages: 1_000,
  groupMessages: 1_000,
  storedBytes: 268_435_456,
  outputBytes: 4_194_304,
  recordedRefusals: 1_000,
};
