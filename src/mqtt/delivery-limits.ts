import type { Obstacle } from './adaptation-kind.ts';
import { type BrokerProfile, topicObstacle } from './broker-profiles.ts';
import { maxPacketBytes, type ProtocolVersion } from './control-packet.ts';
import { variableByteInteger } from './packet-bytes.ts';
import type { PublishHead } from './publish-head.ts';
import { reasonCode } from './reason-code.ts';
import type { UpstreamTerms } from './session-terms.ts';

/** Which of a device's messages the broker cannot take. */
export class DeliveryLimits {
  readonly #profile: BrokerProfile;
  readonly #maxPacketBytes: number;
  readonly #sameForm: boolean;
  /** The empty property list of a device before MQTT 5 at a broker of MQTT 5. */
  readonly #listBytes: number;
  /** False: the broker takes what MQTT allows, and nobody needs to ask. */
  readonly isBound: boolean;

  constructor({ profile, capabilities, protocol }: UpstreamTerms, device: ProtocolVersion) {
    this.#profile = profile;
    this.#sameForm = (protocol === '5') === (device === '5');
    this.#listBytes = protocol === '5' ? 1 : 0;
    this.#maxPacketBytes = Math.min(profile.maxPacketBytes, capabilities.maximumPacketSize);
    this.isBound =
      this.#maxPacketBytes < maxPacketBytes || profile.maxTopicBytes < 65_535 || profile.dollarTopics !== undefined;
  }

  obstacleOf(head: PublishHead): Obstacle | undefined {
    const { maxPayloadBytes, maxTopicBytes, maxTopicSlashes } = this.#profile;
    if (this.#sentBytes(head) > this.#maxPacketBytes || head.payloadBytes > maxPayloadBytes) return 'payload-size';
    const isPlain = head.topicBytes <= maxTopicBytes && head.topicSlashes <= maxTopicSlashes && !head.beginsWithDollar;
    return isPlain ? undefined : topicObstacle(head.topic(), this.#profile);
  }

  /** Bytes of the packet that the broker gets. */
  #sentBytes({ packetBytes, topicBytes, qos, payloadBytes }: PublishHead): number {
    if (this.#sameForm) return packetBytes;
    const remainingLength = 2 + topicBytes + (qos === 0 ? 0 : 2) + this.#listBytes + payloadBytes;
    return 1 + variableByteInteger(remainingLength).length + remainingLength;
  }
}

/** The MQTT 5 reason code of PUBACK, PUBREC and DISCONNECT for a message that cannot be carried. */
export function reasonOfObstacle(obstacle: Obstacle): number {
  return obstacle === 'payload-size' ? reasonCode.quotaExceeded : reasonCode.topicNameInvalid;
}
