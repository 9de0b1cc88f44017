import { OwnPublishes } from './own-publishes.ts';
import type { HeldSubscription } from './subscription-table.ts';
import type { SubscriptionTerms } from './subscription-terms.ts';
import { matchesTopicFilter, parseTopicFilter } from './topic.ts';

/** How long after its SUBACK a subscription's retained messages are taken to be on their way. */
export const retainedMs = 10_000;

/** Whether the retained messages that a SUBSCRIBE brings are for the device (Retain Handling, MQTT 5 §3.8.3.1). */
export type Retained = 'wanted' | 'unwanted';

export interface Delivery {
  readonly topic: string;
  readonly retain: boolean;
  /** Of the payload; asked for only where it decides. */
  digest(): number;
}

export interface Judgement {
  readonly deliver: boolean;
  /** Those that the broker could not give. */
  readonly subscriptionIdentifiers: readonly number[];
}

type TakenOptions = Pick<SubscriptionTerms, 'takesIdentifiers' | 'takesNoLocal' | 'takesRetainHandling'>;
type AskedSubscription = Omit<HeldSubscription, 'granted'>;

interface Windows {
  /** Infinite while the SUBSCRIBE is not answered: retained messages may come before SUBACK (MQTT 5 §3.8.4). */
  readonly wantedUntilMs: number;
  readonly unwantedUntilMs: number;
}

interface JudgedFilter extends Windows {
  /** Without `$share/name/`. */
  readonly filter: string;
  readonly identifier: number | undefined;
  readonly noLocal: boolean;
}

/**
 * The options of MQTT 5 that the broker lacks, kept at delivery: Subscription Identifiers given, retained messages that
 * were not asked for and the device's own messages left out. In doubt a message is delivered.
 */
export class DeliveryJudgement {
  readonly #takes: TakenOptions;
  readonly #byFilter = new Map<string, JudgedFilter>();
  /** Those of `#byFilter` that a lookup by topic does not find. */
  readonly #scanned = new Map<string, JudgedFilter>();
  readonly #own = new OwnPublishes();
  #identified = 0;
  #noLocal = 0;
  #unanswered = 0;
  /** When the last window of unwanted retained messages closes; 0: none is open. */
  #unwantedUntilMs = 0;

  constructor(takes: TakenOptions) {
    this.#takes = takes;
  }

  /** False: every delivery is for the device, as it is. */
  get isActive(): boolean {
    return this.#identified + this.#noLocal + this.#unanswered > 0 || this.#unwantedUntilMs > 0;
  }

  get watchesOwnPublishes(): boolean {
    return this.#noLocal > 0;
  }

  /** A SUBSCRIBE goes to the broker; its options hold from here on. */
  expect(subscription: AskedSubscription, retained: Retained): void {
    const isWanted = retained === 'wanted' || this.#takes.takesRetainHandling;
    const open = Number.POSITIVE_INFINITY;
    this.#put(subscription, { wantedUntilMs: isWanted ? open : 0, unwantedUntilMs: isWanted ? 0 : open });
  }

  /** The broker granted what was expected. */
  granted(subscription: HeldSubscription, nowMs: number): void {
    const expected = this.#byFilter.get(subscription.filter);
    const end = (untilMs = 0) => (untilMs === Number.POSITIVE_INFINITY ? nowMs + retainedMs : 0);
    const unwantedUntilMs = end(expected?.unwantedUntilMs);
    this.#unwantedUntilMs = Math.max(this.#unwantedUntilMs, unwantedUntilMs);
    this.#put(subscription, { wantedUntilMs: end(expected?.wantedUntilMs), unwantedUntilMs });
  }

  /** The broker refused, or the device unsubscribed: what is held under that filter now, with no message on its way. */
  settled(filter: string, held: HeldSubscription | undefined): void {
    if (held === undefined) this.#replace(filter, undefined);
    else this.#put(held, { wantedUntilMs: 0, unwantedUntilMs: 0 });
  }

  noteOwnPublish(topic: string, digest: number, nowMs: number): void {
    // Only what No Local could leave out: a device that publishes much elsewhere must not push it out of the memory.
    if (this.#matching(topic).some(({ noLocal }) => noLocal)) this.#own.note(topic, digest, nowMs);
  }

  judge(delivery: Delivery, nowMs: number): Judgement {
    const { topic, retain } = delivery;
    if (this.#unwantedUntilMs <= nowMs) this.#unwantedUntilMs = 0;
    if (!this.isActive) return delivered;
    const matching = this.#matching(topic);
    if (retain && isUnwanted(matching, nowMs)) return left;
    // A retained message is not the echo of one that was just published.
    const mayBeEcho = !retain && matching.length > 0 && matching.every(({ noLocal }) => noLocal);
    if (mayBeEcho && this.#own.consume(topic, () => delivery.digest(), nowMs)) return left;
    if (this.#identified === 0) return delivered;
    // Several subscriptions may have the same one: it is given as often (MQTT 5 §3.3.4).
    return { deliver: true, subscriptionIdentifiers: matching.flatMap(({ identifier }) => identifier ?? []) };
  }

  #matching(topic: string): readonly JudgedFilter[] {
    const matching: JudgedFilter[] = [];
    const exact = this.#byFilter.get(topic);
    if (exact !== undefined) matching.push(exact);
    for (const judged of this.#scanned.values()) {
      if (matchesTopicFilter(judged.filter, topic)) matching.push(judged);
    }
    return matching;
  }

  #put({ filter, noLocal, subscriptionIdentifier }: AskedSubscription, windows: Windows): void {
    this.#replace(filter, {
      filter: parseTopicFilter(filter).filter,
      identifier: this.#takes.takesIdentifiers ? undefined : subscriptionIdentifier,
      noLocal: noLocal && !this.#takes.takesNoLocal,
      ...windows,
    });
  }

  #replace(filter: string, judged: JudgedFilter | undefined): void {
    const former = this.#byFilter.get(filter);
    if (former !== undefined) this.#count(former, -1);
    if (judged === undefined) {
      this.#byFilter.delete(filter);
      this.#scanned.delete(filter);
      return;
    }
    this.#count(judged, 1);
    this.#byFilter.set(filter, judged);
    const { hasWildcard, shareName } = parseTopicFilter(filter);
    if (hasWildcard || shareName !== undefined) this.#scanned.set(filter, judged);
  }

  #count({ identifier, noLocal, unwantedUntilMs }: JudgedFilter, step: 1 | -1): void {
    if (identifier !== undefined) this.#identified += step;
    if (noLocal) this.#noLocal += step;
    if (unwantedUntilMs === Number.POSITIVE_INFINITY) this.#unanswered += step;
  }
}

/** A broker without Retain Handling sends RETAIN 1 only for a new SUBSCRIBE: what an older one matches says nothing. */
function isUnwanted(matching: readonly JudgedFilter[], nowMs: number): boolean {
  const isWanted = matching.some(({ wantedUntilMs }) => wantedUntilMs > nowMs);
  return !isWanted && matching.some(({ unwantedUntilMs }) => unwantedUntilMs > nowMs);
}

const delivered: Judgement = { deliver: true, subscriptionIdentifiers: [] };
const left: Judgement = { deliver: false, subscriptionIdentifiers: [] };
