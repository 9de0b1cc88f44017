import { hash } from 'node:crypto';

/** A message at the source, as it has to come out at the target. */
export interface SourceHearing {
  readonly topicAtTarget: string;
  readonly payload: Buffer;
  readonly atMs: number;
  readonly qos: 0 | 1 | 2;
  /** Messages with the same key keep their order; undefined: nobody promises one. */
  readonly key: string | undefined;
}

export interface WindowFigures {
  /** Messages that the source had in the window. */
  readonly source: number;
  /** Of those: came out at the target. */
  readonly target: number;
  /** Of those with QoS 1 or 2 at the source: did not. */
  readonly missing: number;
  /** Of those with QoS 0, which nobody promises: did not. */
  readonly missingQos0: number;
  /** Did not because instances at the source got them; 0 where none are left. */
  readonly elsewhere: number;
  /** Deliveries at the target beyond the first of each message. */
  readonly duplicates: number;
  /** Came more than a second behind; 0 where others get a share, for of equal messages nobody can say which came. */
  readonly late: number;
  /** Came behind a later one of their key. */
  readonly outOfOrder: number;
  /** Heard at the target, and not at the source: of others there, or from before the window. */
  readonly others: number;
  /** Some topics of those that are missing. */
  readonly missingTopics: readonly string[];
}

interface Heard {
  readonly topicAtTarget: string;
  readonly atMs: number;
  readonly qos: 0 | 1 | 2;
  readonly key: string | undefined;
  readonly isInWindow: boolean;
  /** The number of the delivery at the target. */
  delivery: number | undefined;
}

/** Messages of the same topic and content: which of them is which nobody can say, so the first is the first. */
interface Alike {
  /** In the order of the source; those before `firstWaiting` have come out. */
  readonly waiting: Heard[];
  firstWaiting: number;
  /** Deliveries that nothing at the source stands for yet: its subscription may hear of it later. */
  readonly unclaimed: number[];
  heardAtSource: boolean;
}

const lateMs = 1_000;
const shownTopics = 5;

/**
 * Two plain subscriptions held against each other: a multiset of fingerprints, and the order of each key. Either may hear
 * a message first.
 */
export class WindowTally {
  readonly #heard: Heard[] = [];
  readonly #alike = new Map<string, Alike>();
  readonly #deliveredAtMs: number[] = [];
  #isOpen = true;
  #open = 0;

  /** Messages that are remembered. */
  get size(): number {
    return this.#heard.length + this.#deliveredAtMs.length;
  }

  /** Messages of the window that have not come out at the target. */
  get waiting(): number {
    return this.#open;
  }

  /** What the source has from now on belongs to no window, and says only what a delivery stands for. */
  close(): void {
    this.#isOpen = false;
  }

  hearSource({ topicAtTarget, payload, ...rest }: SourceHearing): void {
    const heard: Heard = { ...rest, topicAtTarget, isInWindow: this.#isOpen, delivery: undefined };
    this.#heard.push(heard);
    const alike = this.#alikeOf(topicAtTarget, payload);
    alike.heardAtSource = true;
    heard.delivery = alike.unclaimed.shift();
    if (heard.delivery !== undefined) return;
    alike.waiting.push(heard);
    if (heard.isInWindow) this.#open += 1;
  }

  hearTarget(topic: string, payload: Buffer, atMs: number): void {
    const delivery = this.#deliveredAtMs.push(atMs) - 1;
    const alike = this.#alikeOf(topic, payload);
    const heard = alike.waiting[alike.firstWaiting];
    if (heard === undefined) {
      alike.unclaimed.push(delivery);
      return;
    }
    alike.firstWaiting += 1;
    heard.delivery = delivery;
    if (heard.isInWindow) this.#open -= 1;
  }

  /** Deliveries of messages that the source had, between two moments. */
  deliveredBetween(fromMs: number, toMs: number): number {
    let count = 0;
    for (const { delivery } of this.#heard) {
      const atMs = delivery === undefined ? undefined : this.#deliveredAtMs[delivery];
      if (atMs !== undefined && atMs > fromMs && atMs <= toMs) count += 1;
    }
    return count;
  }

  /** `isWhole`: everything must come out, for nobody at the source gets a share. */
  figures(isWhole: boolean): WindowFigures {
    const window = this.#heard.filter(({ isInWindow }) => isInWindow);
    const missing = window.filter(({ delivery }) => delivery === undefined);
    const unclaimed = [...this.#alike.values()].filter((alike) => alike.unclaimed.length > 0);
    const extra = (list: readonly Alike[]) => list.reduce((sum, alike) => sum + alike.unclaimed.length, 0);
    const lost = isWhole ? missing : [];
    const promised = lost.filter(({ qos }) => qos > 0);
    return {
      source: window.length,
      target: window.length - missing.length,
      missing: promised.length,
      missingQos0: lost.length - promised.length,
      elsewhere: missing.length - lost.length,
      duplicates: extra(unclaimed.filter((alike) => alike.heardAtSource)),
      late: isWhole ? window.filter((heard) => this.#lagMs(heard) > lateMs).length : 0,
      outOfOrder: outOfOrder(window),
      others: extra(unclaimed.filter((alike) => !alike.heardAtSource)),
      missingTopics: [...new Set(lost.map(({ topicAtTarget }) => topicAtTarget))].slice(0, shownTopics),
    };
  }

  #lagMs({ delivery, atMs }: Heard): number {
    return delivery === undefined ? 0 : (this.#deliveredAtMs[delivery] ?? atMs) - atMs;
  }

  #alikeOf(topic: string, payload: Buffer): Alike {
    const digest = fingerprint(topic, payload);
    const known = this.#alike.get(digest);
    if (known !== undefined) return known;
    const alike: Alike = { waiting: [], firstWaiting: 0, unclaimed: [], heardAtSource: false };
    this.#alike.set(digest, alike);
    return alike;
  }
}

/** Messages that came behind a later one of their key. */
function outOfOrder(window: readonly Heard[]): number {
  const latest = new Map<string, number>();
  let count = 0;
  for (const { key, delivery } of window) {
    if (key === undefined || delivery === undefined) continue;
    const before = latest.get(key) ?? -1;
    if (delivery < before) count += 1;
    else latest.set(key, delivery);
  }
  return count;
}

/** Not a defence against anybody: two messages that are not equal must not be taken for equal by chance. */
function fingerprint(topic: string, payload: Buffer): string {
  const topicBytes = Buffer.from(`${topic}\0`);
  return hash('sha1', Buffer.concat([topicBytes, payload]), 'base64');
}
