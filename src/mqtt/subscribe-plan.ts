import type { AdaptationKind } from './adaptation-kind.ts';
import type { Retained } from './delivery-judgement.ts';
import { reasonCode } from './reason-code.ts';
import type { SubscribePacket, SubscriptionRequest } from './subscribe-packet.ts';
import type { HeldSubscription, SubscriptionTable } from './subscription-table.ts';
import { filterRefusal, type SubscriptionTerms, servedFilters, upstreamFilters } from './subscription-terms.ts';
import { chunksOf, filterBytes, type Obstruction, packetOverhead } from './subscription-work.ts';

/** What becomes of one filter of a SUBSCRIBE. */
export type PlannedSubscription =
  /** Asked for; `upstream` are the filters that the broker must grant. */
  | {
      readonly kind: 'asked';
      readonly request: SubscriptionRequest;
      readonly upstream: readonly string[];
      readonly retained: Retained;
    }
  /** Held already, and a Retain Handling that wants nothing sent for it. */
  | { readonly kind: 'held'; readonly held: HeldSubscription }
  /** MQTT 5 reason code. */
  | { readonly kind: 'refused'; readonly code: number };

/** A SUBSCRIBE as the broker gets it. Made from the table as it is at that moment, and used at once. */
export class SubscribePlan {
  readonly #packet: SubscribePacket;
  readonly #table: SubscriptionTable;
  readonly #terms: SubscriptionTerms;
  readonly #overhead: number;
  /** By filter: of several requests for one the last holds (MQTT 5 §3.8.4, [MQTT-3.8.4-3]). */
  readonly #planned = new Map<string, PlannedSubscription>();
  /** Upstream filters that are asked for and not held yet. */
  readonly #places = new Set<string>();
  readonly #added = { filters: 0, characters: 0 };
  readonly adaptations = new Set<AdaptationKind>();
  readonly obstructions: Obstruction[] = [];
  readonly chunks: readonly (readonly SubscriptionRequest[])[];
  readonly isUnchanged: boolean;

  constructor(packet: SubscribePacket, table: SubscriptionTable, terms: SubscriptionTerms) {
    this.#packet = packet;
    this.#table = table;
    this.#terms = terms;
    this.#overhead = packetOverhead(packet.userProperties);
    const last = new Map(packet.requests.map((request) => [request.filter, request]));
    for (const [filter, request] of last) this.#planned.set(filter, this.#plan(request));
    const asked = this.#asked();
    const limit = { count: terms.filtersPerSubscribe, bytes: terms.maximumPacketSize - this.#overhead };
    this.chunks = chunksOf(asked, limit, ({ filter }) => filter);
    this.isUnchanged = this.chunks.length === 1 && this.#isAsItCame(asked);
    this.#noteAdaptations();
  }

  get planned(): ReadonlyMap<string, PlannedSubscription> {
    return this.#planned;
  }

  #plan(request: SubscriptionRequest): PlannedSubscription {
    const { filter, retainHandling } = request;
    const refused = this.#refusal(filter);
    if (refused !== undefined) return { kind: 'refused', code: refused };
    const held = this.#table.held.get(filter);
    const emulates = retainHandling !== 0 && !this.#terms.takesRetainHandling;
    const isSure = held !== undefined && !this.#table.isRestored(filter);
    if (emulates && isSure && this.#hasSameOptions(held, request)) return { kind: 'held', held };
    const isUnwanted = emulates && (retainHandling === 2 || held !== undefined);
    const upstream = upstreamFilters(filter, this.#terms);
    return { kind: 'asked', request, upstream, retained: isUnwanted ? 'unwanted' : 'wanted' };
  }

  /** Retain Handling is no option of a subscription, but of the asking. */
  #hasSameOptions(held: HeldSubscription, request: SubscriptionRequest): boolean {
    return (
      held.qos === request.qos &&
      held.noLocal === request.noLocal &&
      held.retainAsPublished === request.retainAsPublished &&
      held.subscriptionIdentifier === this.#packet.subscriptionIdentifier
    );
  }

  #refusal(filter: string): number | undefined {
    const refusal = filterRefusal(filter, this.#terms);
    if (refusal !== undefined) {
      if (refusal.obstacle !== undefined) this.obstructions.push({ kind: refusal.obstacle, filter });
      return refusal.code;
    }
    if (this.#overhead + filterBytes(filter) > this.#terms.maximumPacketSize) {
      this.obstructions.push({ kind: 'topic-length', filter });
      return reasonCode.topicFilterInvalid;
    }
    return this.#hasRoom(filter) ? undefined : reasonCode.quotaExceeded;
  }

  #hasRoom(filter: string): boolean {
    const isNew = !this.#table.held.has(filter);
    const filters = this.#added.filters + (isNew ? 1 : 0);
    const characters = this.#added.characters + (isNew ? filter.length : 0);
    if (!this.#table.hasRoom(filters, characters)) return false;
    const upstream = upstreamFilters(filter, this.#terms);
    const places = upstream.filter((each) => !this.#table.brokerHolds(each) && !this.#places.has(each));
    const taken = this.#table.upstreamSize + this.#places.size + places.length;
    if (places.length > 0 && taken > this.#terms.subscriptionsPerConnection) {
      this.obstructions.push({ kind: 'subscriptions', filter });
      return false;
    }
    for (const place of places) this.#places.add(place);
    this.#added.filters = filters;
    this.#added.characters = characters;
    return true;
  }

  /** What the broker is asked for: each upstream filter once, at the highest QoS of those it serves. */
  #asked(): readonly SubscriptionRequest[] {
    const asked = new Map<string, SubscriptionRequest>();
    for (const plan of this.#planned.values()) {
      if (plan.kind !== 'asked') continue;
      for (const filter of plan.upstream) {
        // A filter's own options count before those of the one that it completes.
        if (filter !== plan.request.filter && asked.has(filter)) continue;
        asked.set(filter, this.#requestFor(filter, plan.request));
      }
    }
    return [...asked.values()];
  }

  #requestFor(filter: string, request: SubscriptionRequest): SubscriptionRequest {
    const { takesNoLocal, takesRetainAsPublished, takesRetainHandling, maximumQos } = this.#terms;
    let qos = request.qos;
    for (const served of servedFilters(filter, this.#terms)) {
      const other = this.#qosAfter(served) ?? 0;
      if (other > qos) qos = other;
    }
    return {
      filter,
      qos: qos > maximumQos ? maximumQos : qos,
      noLocal: takesNoLocal && request.noLocal,
      retainAsPublished: takesRetainAsPublished && request.retainAsPublished,
      retainHandling: takesRetainHandling ? request.retainHandling : 0,
    };
  }

  #qosAfter(filter: string): 0 | 1 | 2 | undefined {
    const plan = this.#planned.get(filter);
    return plan?.kind === 'asked' ? plan.request.qos : this.#table.held.get(filter)?.qos;
  }

  #isAsItCame(asked: readonly SubscriptionRequest[]): boolean {
    const { requests, subscriptionIdentifier } = this.#packet;
    if (!this.#terms.sameForm || asked.length !== requests.length) return false;
    if (subscriptionIdentifier !== undefined && !this.#terms.takesIdentifiers) return false;
    return requests.every((request, at) => isSameRequest(request, asked[at]));
  }

  #noteAdaptations(): void {
    const { adaptations } = this;
    const { requests, subscriptionIdentifier, userProperties } = this.#packet;
    const taken = requests.filter(({ filter }) => this.#planned.get(filter)?.kind !== 'refused');
    const unless = (isTaken: boolean, kind: AdaptationKind, isUsed: (request: SubscriptionRequest) => boolean) => {
      if (!isTaken && taken.some(isUsed)) adaptations.add(kind);
    };
    unless(this.#terms.maximumQos === 2, 'qos2-subscription', ({ qos }) => qos === 2);
    unless(this.#terms.takesIdentifiers, 'subscription-identifier', () => subscriptionIdentifier !== undefined);
    unless(this.#terms.takesNoLocal, 'no-local', ({ noLocal }) => noLocal);
    unless(this.#terms.takesRetainHandling, 'retain-handling', ({ retainHandling }) => retainHandling !== 0);
    unless(this.#terms.upstream === '5', 'properties', () => userProperties.length > 0);
    if (this.chunks.length > 1) adaptations.add('split-subscribe');
    for (const [filter, plan] of this.#planned) {
      if (plan.kind !== 'asked') continue;
      if (plan.upstream.length > 1) adaptations.add('parent-level');
      if (plan.request.retainAsPublished && !this.#terms.takesRetainAsPublished) {
        this.obstructions.push({ kind: 'retain-as-published', filter });
      }
    }
  }
}

function isSameRequest(one: SubscriptionRequest, other: SubscriptionRequest | undefined): boolean {
  return (
    one.filter === other?.filter &&
    one.qos === other.qos &&
    one.noLocal === other.noLocal &&
    one.retainAsPublished === other.retainAsPublished &&
    one.retainHandling === other.retainHandling
  );
}
