import { type BrokerProfile, brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import type { DeviceTerms, UpstreamTerms } from '../../../src/mqtt/session-terms.ts';

/** What one schedule is played under. Windows and limits are small, so that a few steps reach them. */
export interface Setting {
  readonly device: DeviceTerms;
  readonly upstream: UpstreamTerms;
  /** The broker is one of AWS: no QoS 2, acknowledgements in any order, narrow limits. */
  readonly isAws: boolean;
  /** The broker refuses some messages with a reason (MQTT 5). */
  readonly brokerRefuses: boolean;
  readonly deviceRefuses: boolean;
  /** The device counts its identifiers down from 65 535, where the gateway's own are. */
  readonly countsDown: boolean;
  /** What the broker keeps in flight to the device. */
  readonly brokerWindow: number;
}

export const versions: readonly ProtocolVersion[] = ['3.1', '3.1.1', '5'];

/** Takes a setting apart from the bits of one number. */
export function settingOf(bits: number): Setting {
  let rest = bits >>> 0;
  const pick = <T>(choices: readonly T[]): T => {
    const choice = choices[rest % choices.length] as T;
    rest = Math.floor(rest / choices.length);
    return choice;
  };
  const deviceProtocol = pick(versions);
  const isAws = pick([true, false]);
  const upstreamProtocol = isAws ? pick(['3.1.1', '5'] as const) : pick(versions);
  const receiveMaximum = pick([1, 2, 3, 10, 100]);
  const deviceMaximum = deviceProtocol === '5' ? pick([1, 2, 5, 65_535]) : 65_535;
  const isPaced = isAws && pick([true, false]);
  const isNarrow = pick([false, true]);
  const maximumQos = isAws || pick([false, false, true]) ? 1 : 2;
  const profile = isAws ? awsProfile(isPaced) : brokerProfiles.mqtt;
  const maximumPacketSize = upstreamProtocol === '5' && isNarrow ? 40 : profile.maxPacketBytes;
  return {
    device: deviceTerms({ protocol: deviceProtocol, deviceMaximum, receiveMaximum, isNarrow, maximumPacketSize }),
    upstream: {
      protocol: upstreamProtocol,
      profile,
      capabilities: {
        maximumQos: maximumQos === 1 && (isAws || upstreamProtocol === '5') ? 1 : 2,
        retainAvailable: true,
        wildcardSubscriptions: true,
        subscriptionIdentifiers: !isAws,
        sharedSubscriptions: true,
        receiveMaximum,
        maximumPacketSize,
        maxSessionExpirySeconds: 3_600,
      },
      keepAliveSeconds: pick([0, 60]),
      sessionPresent: false,
      undeliverable: pick(['acknowledge', 'refuse'] as const),
      maxPacketBytes: 1_048_576,
    },
    isAws,
    brokerRefuses: upstreamProtocol === '5' && pick([false, false, true]),
    deviceRefuses: deviceProtocol === '5' && pick([false, false, true]),
    countsDown: pick([false, false, false, true]),
    // An MQTT 5 broker is told the device's Receive Maximum in CONNECT; before, it does not know of any.
    brokerWindow: Math.min(pick([1, 3, 20]), upstreamProtocol === '5' ? deviceMaximum : 20),
  };
}

function deviceTerms(of: {
  readonly protocol: ProtocolVersion;
  readonly deviceMaximum: number;
  readonly receiveMaximum: number;
  readonly isNarrow: boolean;
  readonly maximumPacketSize: number;
}): DeviceTerms {
  const is5 = of.protocol === '5';
  return {
    protocol: of.protocol,
    clientId: 'meter-7',
    keepAliveSeconds: 0,
    receiveMaximum: of.deviceMaximum,
    maximumPacketSize: is5 && of.isNarrow ? 38 : maxPacketBytes,
    told: {
      receiveMaximum: is5 ? of.receiveMaximum : 65_535,
      maximumPacketSize: is5 ? of.maximumPacketSize : maxPacketBytes,
      maximumQos: 2,
      retainAvailable: true,
      topicAliasMaximum: is5 ? 2 : 0,
      sharedSubscriptions: true,
      wildcardSubscriptions: true,
      subscriptionIdentifiers: is5,
    },
  };
}

function awsProfile(isPaced: boolean): BrokerProfile {
  return {
    ...brokerProfiles['aws-iot-core'],
    maxTopicSlashes: 1,
    maxPayloadBytes: 60,
    filtersPerSubscribe: 2,
    filtersPerUnsubscribe: 2,
    publishesPerSecond: isPaced ? 6 : Number.POSITIVE_INFINITY,
  };
}
