import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';
import { type BrokerProfile, topicObstacle } from './broker-profiles.ts';
import type { ConnectFields } from './connect-encoding.ts';
import type { ConnectWill } from './connect-packet.ts';
import type { ProtocolVersion } from './control-packet.ts';
import { propertyId } from './properties.ts';
import { withoutProperties } from './property-edits.ts';

export interface WillAdaptation {
  readonly will: NonNullable<ConnectFields['will']>;
  /** Seconds that the gateway waits, in place of the broker, before it lets the loss of the device be seen. */
  readonly lossDelaySeconds: number;
  readonly adaptations: readonly AdaptationKind[];
}

/** The will as a broker of this version and profile takes it, sure that `willObstacle` found nothing. */
export function adaptWill(
  will: ConnectWill,
  broker: {
    readonly protocol: ProtocolVersion;
    readonly profile: BrokerProfile;
    /** The broker would publish the will when the session ends, if that is before the delay is over (MQTT 5 §3.1.3.2.2). */
    readonly expirySeconds: number;
  },
): WillAdaptation {
  const { protocol, profile } = broker;
  const { topic, payload, retain } = will;
  const qos = will.qos > profile.maximumQos ? profile.maximumQos : will.qos;
  const isDelayKept = protocol === '5' && profile.willDelay;
  const lossDelaySeconds = isDelayKept ? 0 : Math.min(will.delaySeconds, broker.expirySeconds);
  const others = withoutProperties(will.properties, [propertyId.willDelayInterval]);
  const kept = isDelayKept ? will.properties : others;
  return {
    will: { topic, payload, qos, retain, properties: protocol === '5' ? kept : [] },
    lossDelaySeconds,
    adaptations: [
      ...(qos < will.qos ? (['qos2-will'] as const) : []),
      ...(lossDelaySeconds > 0 ? (['will-delay'] as const) : []),
      ...(protocol !== '5' && others.length > 0 ? (['properties'] as const) : []),
    ],
  };
}

/** Why a broker of this profile could not take the will. The message shows the topic's measure, not its text. */
export function willObstacle(
  will: ConnectWill,
  profile: BrokerProfile,
): { readonly obstacle: Obstacle; readonly message: string } | undefined {
  const { maxPayloadBytes, maxTopicBytes, maxTopicSlashes } = profile;
  if (will.payloadBytes > maxPayloadBytes) {
    const message = `The will's payload has ${will.payloadBytes} bytes, the broker takes ${maxPayloadBytes}`;
    return { obstacle: 'will-size', message };
  }
  const obstacle = topicObstacle(will.topic, profile);
  if (obstacle === 'topic-length') {
    return { obstacle, message: `The will's topic is longer than the ${maxTopicBytes} bytes that the broker takes` };
  }
  if (obstacle === 'topic-depth') {
    return { obstacle, message: `The will's topic has more than the ${maxTopicSlashes} slashes that the broker takes` };
  }
  return obstacle === undefined ? undefined : { obstacle, message: "The will's topic is one that the broker reserves" };
}
