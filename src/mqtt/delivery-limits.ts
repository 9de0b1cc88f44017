import type { Obstacle } from './adaptation-kind.ts';
import { maxPacketBytes, type ProtocolVersion } from './control-packet.ts';
import { lengthBytes } from './publish-encoding.ts';
import type { PublishHead } from './publish-head.ts';
import type { UpstreamTerms } from './session-terms.ts';

/** Which of a device's messages the broker cannot take. */
export class DeliveryLimits {
  readonly #maxPacketBytes: number;
  readonly #maxPayloadBytes: number;
  readonly #maxTopicBytes: number;
  readonly #maxTopicSlashes: number;
  readonly #dollarTopics: readonly string[] | undefined;
  readonly #sameForm: boolean;
  /** The empty property list of a device before MQTT 5 at a broker of MQTT 5. */
  readonly #listBytes: number;
  /** False: the broker takes what MQTT allows, and nobody needs to ask. */
  readonly isBound: boolean;

  constructor({ profile, capabilities, protocol }: UpstreamTerms, device: ProtocolVersion) {
    this.#sameForm = (protocol === '5') === (device === '5');
    this.#listBytes = protocol === '5' ? 1 : 0;
    this.#maxPacketBytes = Math.min(profile.maxPacketBytes, capabilities.maximumPacketSize);
    this.#maxPayloadBytes = profile.maxPayloadBytes;
    this.#maxTopicBytes = profile.maxTopicBytes;
    this.#maxTopicSlashes = profile.maxTopicSlashes;
    this.#dollarTopics = profile.dollarTopics;
    this.isBound =
      this.#maxPacketBytes < maxPacketBytes || this.#maxTopicBytes < 65_535 || this.#dollarTopics !== undefined;
  }

  obstacleOf(head: PublishHead): Obstacle | undefined {
    if (this.#sentBytes(head) > this.#maxPacketBytes || head.payloadBytes > this.#maxPayloadBytes)
      return 'payload-size';
    if (head.topicBytes > this.#maxTopicBytes && !this.#isLongRule(head)) return 'topic-length';
    if (head.topicSlashes > this.#maxTopicSlashes && !this.#isDeepRule(head)) return 'topic-depth';
    return head.beginsWithDollar && this.#isReserved(head.topic()) ? 'reserved-topic' : undefined;
  }

  /** Bytes of the packet that the broker gets. */
  #sentBytes({ packetBytes, topicBytes, qos, payloadBytes }: PublishHead): number {
    if (this.#sameForm) return packetBytes;
    const remainingLength = 2 + topicBytes + (qos === 0 ? 0 : 2) + this.#listBytes + payloadBytes;
    return 1 + lengthBytes(remainingLength) + remainingLength;
  }

  /** Basic Ingest: `$aws/rules/RULE/` counts neither as bytes nor as levels (AWS quotas page). */
  #isDeepRule(head: PublishHead): boolean {
    return head.beginsWithDollar && withoutRule(head.topic()).split('/').length - 1 <= this.#maxTopicSlashes;
  }

  #isLongRule(head: PublishHead): boolean {
    return head.beginsWithDollar && Buffer.byteLength(withoutRule(head.topic())) <= this.#maxTopicBytes;
  }

  #isReserved(topic: string): boolean {
    return this.#dollarTopics !== undefined && !this.#dollarTopics.some((prefix) => topic.startsWith(prefix));
  }
}

/** The MQTT 5 reason code of PUBACK, PUBREC and DISCONNECT for a message that cannot be carried. */
export function reasonOfObstacle(obstacle: Obstacle): number {
  return obstacle === 'payload-size' ? quotaExceeded : topicNameInvalid;
}

function withoutRule(topic: string): string {
  return topic.replace(/^\$aws\/rules\/[^/]+\//, '');
}

const topicNameInvalid = 0x90;
const quotaExceeded = 0x97;
