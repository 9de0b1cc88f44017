import type { DeliveryJudgement } from './delivery-judgement.ts';
import { reasonCode } from './reason-code.ts';
import { encodeSubscribe, type SubscribePacket, type SubscriptionRequest } from './subscribe-packet.ts';
import { type PlannedSubscription, SubscribePlan } from './subscribe-plan.ts';
import type { HeldSubscription, SubscriptionTable } from './subscription-table.ts';
import { type SubscriptionTerms, servedFilters } from './subscription-terms.ts';
import type { SubscriptionWork } from './subscription-work.ts';

export interface WorkPlace {
  readonly table: SubscriptionTable;
  readonly terms: SubscriptionTerms;
  /** Undefined: nothing is emulated for this pair of device and broker. */
  readonly judgement: DeliveryJudgement | undefined;
}

type Asked = Extract<PlannedSubscription, { kind: 'asked' }>;

export class SubscribeWork implements SubscriptionWork {
  readonly #packet: SubscribePacket;
  readonly #place: WorkPlace;
  readonly #plan: SubscribePlan;
  /** By upstream filter, as the broker gave them. */
  readonly #codes = new Map<string, number>();

  constructor(packet: SubscribePacket, place: WorkPlace) {
    this.#packet = packet;
    this.#place = place;
    this.#plan = new SubscribePlan(packet, place.table, place.terms);
  }

  get adaptations(): SubscribePlan['adaptations'] {
    return this.#plan.adaptations;
  }

  get obstructions(): SubscribePlan['obstructions'] {
    return this.#plan.obstructions;
  }

  get isUnchanged(): boolean {
    return this.#plan.isUnchanged;
  }

  get chunks(): number {
    return this.#plan.chunks.length;
  }

  filtersFrom(chunk: number): number {
    return this.#plan.chunks.slice(chunk).reduce((sum, { length }) => sum + length, 0);
  }

  begin(): void {
    for (const plan of this.#plan.planned.values()) {
      if (plan.kind === 'asked') this.#place.judgement?.expect(this.#subscriptionOf(plan.request), plan.retained);
    }
  }

  encodeChunk(chunk: number, packetId: number): Buffer {
    const { terms } = this.#place;
    const { subscriptionIdentifier, userProperties } = this.#packet;
    const isPassed = terms.takesIdentifiers && subscriptionIdentifier !== undefined;
    return encodeSubscribe(terms.upstream, {
      packetId,
      requests: this.#plan.chunks[chunk] ?? [],
      ...(isPassed ? { subscriptionIdentifier } : {}),
      userProperties,
    });
  }

  answered(chunk: number, codes: readonly number[]): void {
    this.#plan.chunks[chunk]?.forEach(({ filter }, at) => {
      const code = codes[at] ?? reasonCode.unspecifiedError;
      this.#codes.set(filter, code);
      if (code <= 2) this.#place.table.brokerTook(filter);
    });
  }

  finish(nowMs: number): readonly number[] {
    const results = new Map<string, number>();
    for (const [filter, plan] of this.#plan.planned) results.set(filter, this.#settle(filter, plan, nowMs));
    return this.#packet.requests.map(({ filter, qos }) =>
      subackCode(results.get(filter) ?? reasonCode.unspecifiedError, qos, this.#place.terms),
    );
  }

  leftovers(): readonly string[] {
    const { table, terms } = this.#place;
    // What an earlier connection may have left there is the device's.
    if (!terms.completesParents || terms.mayHoldEarlier) return [];
    const isHeld = (filter: string) => servedFilters(filter, terms).some((served) => table.held.has(served));
    return [...this.#codes.keys()].filter((filter) => table.brokerHolds(filter) && !isHeld(filter));
  }

  /** The QoS that the device is told, or why it has no subscription. */
  #settle(filter: string, plan: PlannedSubscription, nowMs: number): number {
    if (plan.kind === 'refused') return plan.code;
    if (plan.kind === 'held') return plan.held.granted;
    const { table, judgement } = this.#place;
    const result = this.#resultOf(plan);
    if (result > 2) {
      // An earlier subscription to that filter is left as it was.
      judgement?.settled(filter, table.held.get(filter));
      return result;
    }
    const held = { ...this.#subscriptionOf(plan.request), granted: result };
    table.hold(held);
    judgement?.granted(held, nowMs);
    return result;
  }

  #resultOf({ request, upstream }: Asked): number {
    const { maximumQos, grantsQos2 } = this.#place.terms;
    const codes = upstream.map((filter) => this.#codes.get(filter) ?? reasonCode.unspecifiedError);
    const refused = codes.find((code) => code > 2);
    if (refused !== undefined) return refused;
    const least = Math.min(...codes);
    // A subscription at QoS 2 may be served with QoS 1: the highest that there is (MQTT 5 §3.8.4).
    if (request.qos === 2 && grantsQos2 && maximumQos === 1 && least >= 1) return 2;
    return Math.min(least, request.qos);
  }

  #subscriptionOf(request: SubscriptionRequest): Omit<HeldSubscription, 'granted'> {
    const { subscriptionIdentifier } = this.#packet;
    return subscriptionIdentifier === undefined ? request : { ...request, subscriptionIdentifier };
  }
}

/** A SUBACK code in the device's version; `result` is a granted QoS or a reason code of MQTT 5 or 3.1.1. */
export function subackCode(result: number, requestedQos: number, { device }: SubscriptionTerms): number {
  if (result <= 2) return Math.min(result, requestedQos);
  if (device === '5') return result >= reasonCode.unspecifiedError ? result : reasonCode.unspecifiedError;
  // MQTT 3.1 has no code for a refusal (§3.9): its brokers grant and give nothing.
  return device === '3.1.1' ? reasonCode.unspecifiedError : requestedQos;
}
