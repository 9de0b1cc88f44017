import { type BrokerProfile, brokerProfiles } from '../../../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../../../src/mqtt/control-packet.ts';
import type { DeviceTerms, UpstreamTerms } from '../../../../src/mqtt/session-terms.ts';

/** One of the two brokers of a schedule. */
export interface BrokerSetting {
  readonly protocol: ProtocolVersion;
  /** No QoS 2, PUBACK in any order, few filters a packet, no retained messages for wildcards. */
  readonly isAws: boolean;
  readonly upstream: Omit<UpstreamTerms, 'sessionPresent'>;
  /** What it keeps in flight to the device. */
  readonly window: number;
  /** How long after SUBACK it begins to deliver. */
  readonly settleMs: number;
  /** It refuses this filter, where its version has a word for that. */
  readonly denied: string | undefined;
}

/** What one schedule of a session with several legs is played under. */
export interface LegSetting {
  readonly device: DeviceTerms;
  readonly brokers: readonly [BrokerSetting, BrokerSetting];
  /** The session outlives its connection on either broker. */
  readonly isPersistent: boolean;
  /** What is published at one broker is published at the other one so much later; undefined: there is no mirror. */
  readonly mirrorMs: number | undefined;
  readonly overlapMs: number;
  readonly settleMs: number;
  readonly leaveMs: number;
  readonly promptMs: number;
  /** A copy tells by its payload at which broker it was, so that each is followed apart. */
  readonly isTagged: boolean;
  readonly countsDown: boolean;
  /** Brokers close, die and fall silent. */
  readonly hasFaults: boolean;
  /** The device says more in one go than is held for it while it has no broker. */
  readonly isBulky: boolean;
  /** In the end the device says DISCONNECT, wherever the session is. */
  readonly leaves: boolean;
}

/** What a mirror may take at most: the overlap of a cut is longer. */
const longestMirrorMs = 400;

/** Takes a setting apart from the bits of one number. */
export function legSettingOf(bits: number): LegSetting {
  let rest = bits >>> 0;
  const pick = <T>(choices: readonly T[]): T => {
    const choice = choices[rest % choices.length] as T;
    rest = Math.floor(rest / choices.length);
    return choice;
  };
  const versions: readonly ProtocolVersion[] = ['3.1', '3.1.1', '5'];
  const deviceProtocol = pick(versions);
  const broker = (): BrokerSetting => {
    const isAws = pick([false, true]);
    const protocol = isAws ? pick(['3.1.1', '5'] as const) : pick(versions);
    return brokerSetting({
      isAws,
      protocol,
      receiveMaximum: pick([2, 20]),
      window: pick([1, 20]),
      denies: pick([false, false, false, true]),
    });
  };
  const brokers = [broker(), broker()] as const;
  const deviceMaximum = deviceProtocol === '5' ? pick([2, 65_535]) : 65_535;
  const [first] = brokers;
  const isPersistent = pick([false, true]);
  return {
    device: deviceTerms(deviceProtocol, deviceMaximum, first.upstream.capabilities.receiveMaximum),
    brokers: [bounded(brokers[0], deviceMaximum), bounded(brokers[1], deviceMaximum)],
    isPersistent,
    mirrorMs: pick([undefined, 0, longestMirrorMs]),
    overlapMs: 1_500,
    settleMs: 300,
    leaveMs: isPersistent ? 300 : 0,
    promptMs: 250,
    isTagged: pick([true, false]),
    countsDown: pick([false, false, true]),
    hasFaults: pick([true, false]),
    leaves: pick([false, false, false, true]),
    isBulky: pick([false, false, false, true]),
  };
}

/** A broker of MQTT 5 knows the device's Receive Maximum. */
function bounded(broker: BrokerSetting, deviceMaximum: number): BrokerSetting {
  return broker.protocol === '5' ? { ...broker, window: Math.min(broker.window, deviceMaximum) } : broker;
}

function brokerSetting(of: {
  readonly isAws: boolean;
  readonly protocol: ProtocolVersion;
  readonly receiveMaximum: number;
  readonly window: number;
  readonly denies: boolean;
}): BrokerSetting {
  const { isAws, protocol, receiveMaximum, window, denies } = of;
  const profile = isAws ? awsProfile : brokerProfiles.mqtt;
  return {
    protocol,
    isAws,
    upstream: {
      protocol,
      profile,
      capabilities: {
        maximumQos: isAws ? 1 : 2,
        retainAvailable: true,
        wildcardSubscriptions: true,
        subscriptionIdentifiers: !isAws,
        sharedSubscriptions: true,
        receiveMaximum,
        maximumPacketSize: profile.maxPacketBytes,
        maxSessionExpirySeconds: 3_600,
      },
      keepAliveSeconds: 60,
      undeliverable: 'acknowledge',
      maxPacketBytes: 1_048_576,
    },
    window,
    settleMs: isAws ? 250 : 0,
    denied: denies && protocol !== '3.1' ? 'd/denied' : undefined,
  };
}

function deviceTerms(protocol: ProtocolVersion, deviceMaximum: number, receiveMaximum: number): DeviceTerms {
  const is5 = protocol === '5';
  return {
    protocol,
    clientId: 'meter-7',
    keepAliveSeconds: 0,
    receiveMaximum: deviceMaximum,
    maximumPacketSize: maxPacketBytes,
    told: {
      receiveMaximum: is5 ? receiveMaximum : 65_535,
      maximumPacketSize: maxPacketBytes,
      maximumQos: 2,
      retainAvailable: true,
      topicAliasMaximum: is5 ? 2 : 0,
      sharedSubscriptions: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: false,
    },
  };
}

const awsProfile: BrokerProfile = {
  ...brokerProfiles['aws-iot-core'],
  filtersPerSubscribe: 2,
  filtersPerUnsubscribe: 2,
  publishesPerSecond: Number.POSITIVE_INFINITY,
};
