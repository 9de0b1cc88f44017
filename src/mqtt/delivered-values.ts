import { payloadDigest } from './payload-digest.ts';
import type { PublishHead } from './publish-head.ts';

/** Topics of which the last value is known by its digest; of the others a retained message is taken for news. */
export const maxKnownTopics = 128;
/** Bytes at each end of a payload that its digest looks at, and its length with them. */
const digestedBytes = 256;

/** The last value that a device was given for each topic, as a digest: a retained message that says it again is no news. */
export class DeliveredValues {
  /** By digest of the topic, the one that was delivered last at the end. */
  #valueByTopic: Map<number, number> | undefined;

  note(head: PublishHead): void {
    this.#valueByTopic ??= new Map();
    const topic = payloadDigest(head.bytes, head.topicAt, head.topicEnd);
    if (this.#valueByTopic.size >= maxKnownTopics && !this.#valueByTopic.has(topic)) {
      const [oldest] = this.#valueByTopic.keys();
      if (oldest !== undefined) this.#valueByTopic.delete(oldest);
    }
    this.#valueByTopic.set(topic, valueDigest(head));
  }

  /** Whether the device was given exactly that last for its topic. */
  isLast(head: PublishHead): boolean {
    if (this.#valueByTopic === undefined) return false;
    const topic = payloadDigest(head.bytes, head.topicAt, head.topicEnd);
    return this.#valueByTopic.get(topic) === valueDigest(head);
  }
}

/** Digest of a message's topic and value: counts what two brokers deliver both. */
export function messageDigest(head: PublishHead): number {
  return payloadDigest(head.bytes, head.topicAt, head.topicEnd) * 0x1_0000 + (valueDigest(head) & 0xffff);
}

function valueDigest({ bytes, payloadAt, end, payloadBytes }: PublishHead): number {
  const atHand = end - payloadAt;
  if (atHand <= 2 * digestedBytes) return payloadDigest(bytes, payloadAt, end) ^ payloadBytes;
  const front = payloadDigest(bytes, payloadAt, payloadAt + digestedBytes);
  return (front * 31 + payloadDigest(bytes, end - digestedBytes, end)) ^ payloadBytes;
}
