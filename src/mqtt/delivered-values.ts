import { payloadDigest } from './payload-digest.ts';
import type { PublishHead } from './publish-head.ts';
import { matchesTopicFilter, parseTopicFilter } from './topic.ts';

/** Topics of which the last value is known by its digest; of the others a retained message is taken for news. */
export const maxKnownTopics = 128;
/** Topics that a retained message came for, which are known apart: live ones come and go. */
export const maxRetainedTopics = 256;
/** Values known of each of those. */
const valuesKept = 4;

/** The last value that a device was given for each topic, as a digest: a retained message that says it again is no news. */
export class DeliveredValues {
  /** By digest of the topic, the one that came first at the front. */
  #liveByTopic: Map<number, number> | undefined;
  /** The last few: a broker that lags behind the other one retains an earlier value. */
  #retainedByTopic: Map<number, readonly number[]> | undefined;
  #earlierFilters: readonly string[];

  /** `earlierFilters`: what the device subscribed to on an earlier connection of the session. */
  constructor(earlierFilters: readonly string[]) {
    this.#earlierFilters = earlierFilters;
  }

  /** It turns out that the device had subscribed to these on an earlier connection. */
  noteEarlier(filters: readonly string[]): void {
    this.#earlierFilters = [...new Set([...this.#earlierFilters, ...filters])];
  }

  note(head: PublishHead): void {
    const topic = topicDigest(head);
    if (head.retain || this.#retainedByTopic?.has(topic) === true) {
      this.#retainedByTopic ??= new Map();
      const former = this.#retainedByTopic.get(topic) ?? [];
      const values = [valueDigest(head), ...former].slice(0, valuesKept);
      remember(this.#retainedByTopic, topic, { value: values, max: maxRetainedTopics });
      return;
    }
    this.#liveByTopic ??= new Map();
    remember(this.#liveByTopic, topic, { value: valueDigest(head), max: maxKnownTopics });
  }

  /** Whether that is what the device was given last for its topic. */
  isLast(head: PublishHead): boolean {
    const topic = topicDigest(head);
    const value = this.#retainedByTopic?.get(topic)?.[0] ?? this.#liveByTopic?.get(topic);
    return value === valueDigest(head);
  }

  /**
   * Whether the device was given exactly that lately for its topic: no news where another broker has delivered all the time.
   * A topic that nothing came for on this connection is the affair of the connection on which it was subscribed to: what the
   * broker retained then was given there.
   */
  isRecent(head: PublishHead): boolean {
    const topic = topicDigest(head);
    const retained = this.#retainedByTopic?.get(topic);
    if (retained !== undefined) return retained.includes(valueDigest(head));
    const live = this.#liveByTopic?.get(topic);
    return live === undefined ? this.isEarlier(head) : live === valueDigest(head);
  }

  /** Whether nothing came for its topic on this connection, and an earlier one had subscribed to it. */
  isEarlier(head: PublishHead): boolean {
    const digest = topicDigest(head);
    if (this.#retainedByTopic?.has(digest) === true || this.#liveByTopic?.has(digest) === true) return false;
    const topic = head.topic();
    return this.#earlierFilters.some((filter) => matchesTopicFilter(parseTopicFilter(filter).filter, topic));
  }
}

function remember<Value>(
  values: Map<number, Value>,
  topic: number,
  { value, max }: { readonly value: Value; readonly max: number },
): void {
  if (values.size >= max && !values.has(topic)) {
    const [oldest] = values.keys();
    if (oldest !== undefined) values.delete(oldest);
  }
  values.set(topic, value);
}

function topicDigest({ bytes, topicAt, topicEnd }: PublishHead): number {
  return payloadDigest(bytes, topicAt, topicEnd);
}

/** Digest of a message's topic and value: counts what two brokers deliver both. */
export function messageDigest(head: PublishHead): number {
  return topicDigest(head) * 0x1_0000 + (valueDigest(head) & 0xffff);
}

/** Of what is at hand: of a PUBLISH that passes by its beginning, and its length. */
function valueDigest({ bytes, payloadAt, end, payloadBytes }: PublishHead): number {
  return payloadDigest(bytes, payloadAt, end) ^ payloadBytes;
}
