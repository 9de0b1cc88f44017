import { parseTopicFilter } from './topic.ts';
import { boundedPattern, firstLevelPattern, type TopicUse, topicPattern } from './topic-pattern.ts';

/** A PUBLISH of the device, read in place. */
export interface ObservedPublish {
  readonly bytes: Uint8Array;
  readonly topicAt: number;
  readonly topicEnd: number;
  readonly beginsWithDollar: boolean;
  readonly topic: () => string;
}

/** What the device is subscribed to; `changes` grows with every change. */
export interface ObservedSubscriptions {
  readonly changes: number;
  known(): readonly { readonly filter: string }[];
}

export interface TopicObserverOptions {
  /** What the device is called: levels of a topic that are one of them are not its own. */
  readonly names: readonly string[];
  /** `isWidened`: it stands for topics that are not known one by one. Once a day at least for what is still used. */
  readonly report: (use: TopicUse, pattern: string, isWidened: boolean) => void;
}

/** Topics, then first levels, that one session is known by. */
const topicsOfSession = 64;
const renewEveryMs = 86_400_000;
const slash = 0x2f;

/**
 * Tells once which topics a session uses. A topic that is known costs a hash of its bytes and one look into a small table;
 * one that shares its hash with another is not told, which happens once in some ten million devices.
 */
export class TopicObserver {
  readonly #options: TopicObserverOptions;
  #known = new Set<number>();
  /** How far the session's topics are told apart. */
  #detail: 'topics' | 'first-levels' | 'nothing' = 'topics';
  #desk: ObservedSubscriptions | undefined;
  #changes = 0;
  #renewedAtMs: number;

  constructor(options: TopicObserverOptions, nowMs: number) {
    this.#options = options;
    this.#renewedAtMs = nowMs;
  }

  notePublish(publish: ObservedPublish, nowMs: number): void {
    if (nowMs - this.#renewedAtMs >= renewEveryMs) this.renew(nowMs);
    if (this.#detail === 'nothing' || publish.beginsWithDollar) return;
    const isKnown = this.#known.has(hashOf(publish, this.#detail === 'first-levels'));
    if (!isKnown) this.#learn(publish);
  }

  /** What its will would publish. */
  noteWill(topic: string): void {
    if (!topic.startsWith('$')) this.#report('publish', topicPattern(topic, this.#options.names), false);
  }

  /** Costs two comparisons where nothing has changed. */
  noteHeld(desk: ObservedSubscriptions, nowMs: number): void {
    if (nowMs - this.#renewedAtMs >= renewEveryMs) this.renew(nowMs);
    if (desk === this.#desk && desk.changes === this.#changes) return;
    this.#desk = desk;
    this.#changes = desk.changes;
    for (const { filter: asked } of desk.known()) {
      const { filter } = parseTopicFilter(asked);
      if (!filter.startsWith('$')) this.#report('subscribe', topicPattern(filter, this.#options.names), false);
    }
  }

  /** All that is seen from now on is news, and what the device is subscribed to. */
  renew(nowMs: number): void {
    this.#renewedAtMs = nowMs;
    this.#known = new Set();
    this.#detail = 'topics';
    this.#desk = undefined;
  }

  #learn(publish: ObservedPublish): void {
    if (this.#known.size === topicsOfSession) {
      this.#known = new Set();
      this.#detail = this.#detail === 'topics' ? 'first-levels' : 'nothing';
    }
    if (this.#detail === 'nothing') {
      this.#report('publish', '#', true);
      return;
    }
    const isShortened = this.#detail === 'first-levels';
    this.#known.add(hashOf(publish, isShortened));
    const pattern = topicPattern(publish.topic(), this.#options.names);
    this.#report('publish', isShortened ? firstLevelPattern(pattern) : pattern, isShortened);
  }

  #report(use: TopicUse, pattern: string, isWidened: boolean): void {
    const bounded = boundedPattern(pattern);
    this.#options.report(use, bounded, isWidened || bounded !== pattern);
  }
}

/** FNV-1a of the topic, or of its first level. */
function hashOf({ bytes, topicAt, topicEnd }: ObservedPublish, isShortened: boolean): number {
  let hash = 0x811c_9dc5;
  for (let at = topicAt; at < topicEnd; at += 1) {
    const byte = bytes[at] as number;
    if (isShortened && byte === slash) break;
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  }
  return hash;
}
