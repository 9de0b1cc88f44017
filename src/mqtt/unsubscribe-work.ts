import type { AdaptationKind } from './adaptation-kind.ts';
import { reasonCode } from './reason-code.ts';
import { encodeUnsubscribe, type UnsubscribePacket } from './subscribe-packet.ts';
import type { WorkPlace } from './subscribe-work.ts';
import { filterRefusal, servedFilters, upstreamFilters } from './subscription-terms.ts';
import { chunksOf, filterBytes, packetOverhead, type SubscriptionWork } from './subscription-work.ts';

export class UnsubscribeWork implements SubscriptionWork {
  readonly #packet: UnsubscribePacket;
  readonly #place: WorkPlace;
  readonly #leaving: ReadonlySet<string>;
  readonly #chunks: readonly (readonly string[])[];
  /** By upstream filter, as the broker gave them. */
  readonly #codes = new Map<string, number>();
  readonly adaptations = new Set<AdaptationKind>();
  readonly obstructions = [];
  readonly isUnchanged: boolean;

  constructor(packet: UnsubscribePacket, place: WorkPlace) {
    const { terms } = place;
    this.#packet = packet;
    this.#place = place;
    this.#leaving = new Set(packet.filters);
    const asked = [...new Set([...this.#leaving].flatMap((filter) => this.#askedFor(filter)))];
    const room = terms.maximumPacketSize - packetOverhead(packet.userProperties);
    this.#chunks = chunksOf(asked, { count: terms.filtersPerUnsubscribe, bytes: room }, (filter) => filter);
    const isSame = asked.length === packet.filters.length && asked.every((filter, at) => filter === packet.filters[at]);
    this.isUnchanged = this.#chunks.length === 1 && isSame && terms.sameForm;
    if (this.#chunks.length > 1) this.adaptations.add('split-unsubscribe');
    if (packet.userProperties.length > 0 && terms.upstream !== '5') this.adaptations.add('properties');
  }

  get chunks(): number {
    return this.#chunks.length;
  }

  filtersFrom(): number {
    return 0;
  }

  begin(): void {}

  encodeChunk(chunk: number, packetId: number): Buffer {
    const { userProperties } = this.#packet;
    return encodeUnsubscribe(this.#place.terms.upstream, {
      packetId,
      filters: this.#chunks[chunk] ?? [],
      userProperties,
    });
  }

  answered(chunk: number, codes: readonly number[]): void {
    const { table, terms } = this.#place;
    this.#chunks[chunk]?.forEach((filter, at) => {
      // An UNSUBACK before MQTT 5 has no codes: it is the success.
      const code = codes[at] ?? (terms.upstream === '5' ? reasonCode.unspecifiedError : this.#codeByTable(filter));
      this.#codes.set(filter, code);
      if (code < 0x80) table.brokerDropped(filter);
    });
  }

  finish(): readonly number[] {
    const results = new Map([...this.#leaving].map((filter) => [filter, this.#resultOf(filter)]));
    for (const [filter, code] of results) this.#settle(filter, code);
    const isTaken = new Set<string>();
    return this.#packet.filters.map((filter) => {
      const code = results.get(filter) ?? reasonCode.unspecifiedError;
      const isAgain = isTaken.has(filter) && code === reasonCode.success;
      isTaken.add(filter);
      return isAgain ? reasonCode.noSubscriptionExisted : code; // its first mention has ended it
    });
  }

  leftovers(): readonly string[] {
    return [];
  }

  /** The filters that the broker no longer has to hold when `filter` goes. */
  #askedFor(filter: string): readonly string[] {
    const { terms, table } = this.#place;
    // What the broker would not take it does not hold, and asking might end the connection.
    if (filterRefusal(filter, terms) !== undefined) return [];
    if (packetOverhead(this.#packet.userProperties) + filterBytes(filter) > terms.maximumPacketSize) return [];
    const isNeeded = (upstream: string) =>
      servedFilters(upstream, terms).some((served) => table.held.has(served) && !this.#leaving.has(served));
    const mayBeThere = (upstream: string) => table.brokerHolds(upstream) || terms.mayHoldEarlier;
    const asked = upstreamFilters(filter, terms).filter(
      (upstream) => !isNeeded(upstream) && (upstream === filter || mayBeThere(upstream)),
    );
    if (asked.length !== 1) this.adaptations.add('parent-level');
    return asked;
  }

  #resultOf(filter: string): number {
    const codes = upstreamFilters(filter, this.#place.terms).flatMap((upstream) => this.#codes.get(upstream) ?? []);
    return codes.find((code) => code >= 0x80) ?? this.#codes.get(filter) ?? this.#codeByTable(filter);
  }

  #codeByTable(filter: string): number {
    const { table, terms } = this.#place;
    const mayBeThere = table.held.has(filter) || table.brokerHolds(filter) || terms.mayHoldEarlier;
    return mayBeThere ? reasonCode.success : reasonCode.noSubscriptionExisted;
  }

  /** A device before MQTT 5 cannot be told of a failure: for it the subscription is gone. */
  #settle(filter: string, code: number): void {
    const { table, terms, judgement } = this.#place;
    if (code >= 0x80 && terms.device === '5') return;
    table.drop(filter);
    judgement?.settled(filter, undefined);
  }
}
