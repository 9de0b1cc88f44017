import { type Delivery, DeliveryJudgement, type Judgement } from './delivery-judgement.ts';
import { withPacketIdentifier } from './packet-identifier.ts';
import type { RawProperty } from './properties.ts';
import type { SubackPacket } from './suback-packet.ts';
import type { SubscribePacket, UnsubscribePacket } from './subscribe-packet.ts';
import { SubscribeWork, type WorkPlace } from './subscribe-work.ts';
import {
  asItCame,
  encodeAnswer,
  hasSameCodes,
  joinedProperties,
  refusals,
  type SubscriptionOrder,
  turnedAway,
} from './subscription-answer.ts';
import { restoreHeld } from './subscription-knowledge.ts';
import type { SubscriptionDeskOptions, SubscriptionPort } from './subscription-port.ts';
import { SubscriptionRestoration } from './subscription-restoration.ts';
import { type HeldSubscription, SubscriptionTable } from './subscription-table.ts';
import { emulatesOptions, subscriptionTerms } from './subscription-terms.ts';
import type { SubscriptionWork } from './subscription-work.ts';
import { UnsubscribeWork } from './unsubscribe-work.ts';

export type { HeldSubscription } from './subscription-table.ts';

/** How long a broker may take to answer; AWS IoT Core leaves unanswered what passes its limits. */
export const answerMs = 10_000;
/** Packets of the device that wait for others to be answered. */
export const maxWaiting = 64;
/** Packets under way at the broker at once. */
export const maxUnderWay = 256;
/** Bytes of all of them. */
export const maxUnansweredBytes = 2_097_152;

type Order = SubscriptionOrder;

/** A packet at the broker. */
interface UnderWay {
  readonly order: Order;
  readonly work: SubscriptionWork;
  readonly chunk: number;
  /** Of the answers so far. */
  readonly properties: readonly RawProperty[];
  readonly deadlineMs: number;
}

/**
 * A session's SUBSCRIBE and UNSUBSCRIBE: as they came where the broker can take them so, else split, completed, and their
 * answers merged. What needs no change may be pipelined; what does goes alone, one packet after the other, because its
 * plan depends on what the broker granted before.
 */
export class SubscriptionDesk {
  readonly #port: SubscriptionPort;
  readonly #place: WorkPlace;
  /** In the order in which they came. */
  readonly #waiting: Order[] = [];
  /** By upstream identifier, oldest first. */
  readonly #underWay = new Map<number, UnderWay>();
  readonly #unanswered = new Set<number>();
  #unansweredBytes = 0;
  /** A packet of the gateway's own that the broker may not be asked for yet: whatever follows waits behind it. */
  #postponed: Omit<UnderWay, 'deadlineMs'> | undefined;
  /** True: what is under way goes alone, or what waits has to. */
  #isAlone = false;
  readonly #restoration = new SubscriptionRestoration();
  /** The device has asked for something on this connection. */
  hasSubscribed = false;

  constructor({ device, upstream, port, held = [] }: SubscriptionDeskOptions) {
    const terms = subscriptionTerms(device, upstream);
    this.#port = port;
    this.#place = {
      terms,
      table: new SubscriptionTable(terms.isBounded),
      judgement: emulatesOptions(terms) ? new DeliveryJudgement(terms) : undefined,
    };
    for (const subscription of held) restoreHeld(this.#place, subscription);
  }

  /** Packets of the device that have no answer yet. */
  get pending(): number {
    return this.#waiting.length + this.#underWay.size + (this.#postponed === undefined ? 0 : 1);
  }

  /** False: every PUBLISH of the broker may go to the device as it came. */
  get judgesDeliveries(): boolean {
    return this.#place.judgement?.isActive ?? false;
  }

  /** True while No Local is emulated: then `noteOwnPublish` wants every PUBLISH of the device. */
  get watchesOwnPublishes(): boolean {
    return this.#place.judgement?.watchesOwnPublishes ?? false;
  }

  /** `bytes`, and what was decoded from it, must stay as they are until the answer. */
  handleSubscribe(packet: SubscribePacket, bytes: Buffer, nowMs: number): void {
    this.hasSubscribed = true;
    this.#admit({ type: 'subscribe', packet, bytes }, nowMs);
  }

  /** Asks the broker for what the device holds already: no answer goes to the device, and no retained message is wanted. */
  restore(subscriptions: Iterable<HeldSubscription>, nowMs: number): void {
    for (const packet of this.#restoration.begin(subscriptions)) {
      this.#waiting.push({ type: 'subscribe', packet, bytes: noBytes });
    }
    this.#advance(nowMs);
  }

  /** Goes on with what was not to be asked for yet. */
  resume(nowMs: number): void {
    const postponed = this.#postponed;
    if (postponed === undefined) return;
    this.#postponed = undefined;
    this.#send(postponed, nowMs);
    this.#advance(nowMs);
  }

  /** Gives up what the broker holds for the device: it is another broker's now. */
  release(filters: readonly string[], nowMs: number): void {
    if (filters.length === 0) return;
    const packet = { packetId: 0, filters, userProperties: [] };
    this.#waiting.push({ type: 'unsubscribe', packet, bytes: noBytes });
    this.#advance(nowMs);
  }

  /** The device's packets that have no answer, in order; the broker that had them is gone, or they never went there. */
  unanswered(): readonly SubscriptionOrder[] {
    const orders = [...[...this.#underWay.values()].map(({ order }) => order), ...this.#waiting];
    return orders.filter(({ packet }) => packet.packetId !== 0);
  }

  /** A filter of those that the broker would not grant again. */
  get denied(): string | undefined {
    return this.#restoration.denied;
  }

  /** The broker has not answered all that the gateway asks for again. */
  get isRestoring(): boolean {
    return this.#restoration.isUnderWay;
  }

  /** What the device holds, with what is being asked for again: on this leg or on the next one. */
  known(): readonly HeldSubscription[] {
    const { held } = this.#place.table;
    return [...held.values(), ...this.#restoration.asked().filter(({ filter }) => !held.has(filter))];
  }

  /** For who knows more of the session than this connection shows. */
  get place(): WorkPlace {
    return this.#place;
  }

  /** The leg is lost: its identifiers are free for the session that goes on without these packets. */
  abandon(): void {
    for (const packetId of this.#underWay.keys()) this.#port.releaseIdentifier(packetId);
  }

  /** Takes over what another leg left unanswered. */
  adopt(orders: readonly SubscriptionOrder[], nowMs: number): void {
    for (const order of orders) this.#admit(order, nowMs);
  }

  /** Grows with every change of what the device holds. */
  get changes(): number {
    return this.#place.table.changes;
  }

  handleUnsubscribe(packet: UnsubscribePacket, bytes: Buffer, nowMs: number): void {
    this.#admit({ type: 'unsubscribe', packet, bytes }, nowMs);
  }

  /** False: the identifier is not that of a SUBSCRIBE. */
  handleSuback(packet: SubackPacket, bytes: Buffer, nowMs: number): boolean {
    return this.#handleAnswer('subscribe', packet, { bytes, nowMs });
  }

  /** False: the identifier is not that of an UNSUBSCRIBE. */
  handleUnsuback(packet: SubackPacket, bytes: Buffer, nowMs: number): boolean {
    return this.#handleAnswer('unsubscribe', packet, { bytes, nowMs });
  }

  /** When the broker has to have answered; infinity: nothing waits, or it has the time that it has without a gateway. */
  nextDeadlineMs(): number {
    // Asked after every event of the session.
    if (this.#underWay.size === 0) return noDeadline;
    for (const { deadlineMs } of this.#underWay.values()) if (deadlineMs !== noDeadline) return deadlineMs;
    return noDeadline;
  }

  /** `unanswered` from the deadline on: the broker cannot be relied on. */
  handleTick(nowMs: number): 'waiting' | 'unanswered' {
    return this.nextDeadlineMs() <= nowMs ? 'unanswered' : 'waiting';
  }

  /** The broker is not read at the moment: its answer may lie there. */
  excuse(nowMs: number): void {
    for (const [packetId, next] of this.#underWay) {
      if (next.deadlineMs !== noDeadline) this.#underWay.set(packetId, { ...next, deadlineMs: nowMs + answerMs });
    }
  }

  /** No further SUBSCRIBE or UNSUBSCRIBE is taken before some were answered: their sender is not read. */
  get isFull(): boolean {
    return this.#waiting.length >= maxWaiting || this.#unansweredBytes >= maxUnansweredBytes;
  }

  judgeDelivery(message: Delivery, nowMs: number): Judgement {
    return this.#place.judgement?.judge(message, nowMs) ?? { deliver: true, subscriptionIdentifiers: [] };
  }

  noteOwnPublish(topic: string, digest: number, nowMs: number): void {
    this.#place.judgement?.noteOwnPublish(topic, digest, nowMs);
  }

  /** What the device holds, as it asked for it, with what it was granted. */
  subscriptions(): ReadonlyMap<string, HeldSubscription> {
    return this.#place.table.held;
  }

  /** Whether that is something else than what was held when the session was taken up. */
  get hasChanged(): boolean {
    return this.#place.table.hasChanged;
  }

  #admit(order: Order, nowMs: number): void {
    const { packetId } = order.packet;
    // A device that sends it again with DUP before it has its answer gets one answer (MQTT 3.1 §4.1); later versions have no DUP here.
    const isRepeat = this.#place.terms.device === '3.1' && ((order.bytes[0] as number) & 0x08) !== 0;
    if (isRepeat && this.#unanswered.has(packetId)) return;
    const isCrowded = this.#unanswered.size > 0 && this.#unansweredBytes + order.bytes.length > maxUnansweredBytes;
    if (isCrowded || this.#waiting.length >= maxWaiting) {
      const answer = turnedAway(order, this.#place.terms);
      if (answer !== undefined) this.#port.sendToDevice(answer);
      return;
    }
    this.#unanswered.add(packetId);
    this.#unansweredBytes += order.bytes.length;
    this.#waiting.push(order);
    this.#advance(nowMs);
  }

  /** Begins what waits, in order, as far as it may. */
  #advance(nowMs: number): void {
    while (this.#waiting.length > 0 && this.#postponed === undefined) {
      if (this.#underWay.size > 0 && (this.#isAlone || this.#underWay.size >= maxUnderWay)) return;
      const [order] = this.#waiting as [Order];
      const work = this.#workFor(order);
      this.#isAlone = this.#place.terms.isBounded || !work.isUnchanged;
      if (this.#isAlone && this.#underWay.size > 0) return;
      this.#waiting.shift();
      this.#begin(order, work, nowMs);
    }
  }

  #workFor(order: Order): SubscriptionWork {
    if (order.type === 'subscribe') return new SubscribeWork(order.packet, this.#place);
    return new UnsubscribeWork(order.packet, this.#place);
  }

  #begin(order: Order, work: SubscriptionWork, nowMs: number): void {
    if (order.packet.packetId !== 0) for (const kind of work.adaptations) this.#port.adapted(kind);
    for (const { kind, filter } of work.obstructions) this.#port.obstructed(kind, filter.slice(0, exampleCharacters));
    work.begin();
    this.#send({ order, work, chunk: 0, properties: [] }, nowMs);
  }

  /** Sends the chunk, or answers the device when there is none. */
  #send(next: Omit<UnderWay, 'deadlineMs'>, nowMs: number): void {
    const { order, work } = next;
    const { packetId } = order.packet;
    for (let { chunk } = next; chunk < work.chunks; chunk += 1) {
      const remaining = work.filtersFrom(chunk);
      const filters = remaining - work.filtersFrom(chunk + 1);
      if (filters > 0 && !this.#port.maySubscribe({ filters, remaining, isOwn: packetId === 0 })) {
        this.#postponed = { ...next, chunk };
        return;
      }
      const wanted = chunk === 0 && packetId !== 0 ? packetId : undefined;
      const taken = this.#port.takeIdentifier(wanted);
      if (taken !== undefined) {
        const packet =
          work.isUnchanged && packetId !== 0 ? asItCame(order.bytes, taken) : work.encodeChunk(chunk, taken);
        const hasDeadline = this.#isAlone || packetId === 0;
        this.#underWay.set(taken, { ...next, chunk, deadlineMs: hasDeadline ? nowMs + answerMs : noDeadline });
        this.#port.sendToBroker(packet);
        return;
      }
      // 65 535 exchanges are under way, and the filters of this chunk are not asked for.
      work.answered(chunk, refusals(order));
    }
    this.#finish(next, { nowMs, answer: undefined });
  }

  #handleAnswer(
    type: Order['type'],
    answer: SubackPacket,
    { bytes, nowMs }: { readonly bytes: Buffer; readonly nowMs: number },
  ): boolean {
    const underWay = this.#underWay.get(answer.packetId);
    if (underWay === undefined || underWay.order.type !== type) return false;
    this.#underWay.delete(answer.packetId);
    this.#port.releaseIdentifier(answer.packetId);
    const { order, work, chunk } = underWay;
    work.answered(chunk, answer.codes);
    const properties = joinedProperties(underWay.properties, answer.properties);
    const next = { order, work, chunk: chunk + 1, properties };
    if (next.chunk < work.chunks) this.#send(next, nowMs);
    else this.#finish(next, { nowMs, answer: { bytes, codes: answer.codes } });
    this.#advance(nowMs);
    return true;
  }

  /** `answer`: the broker's last one, which may serve the device as it is. */
  #finish(
    { order, work, properties }: Omit<UnderWay, 'deadlineMs'>,
    last: { readonly nowMs: number; readonly answer: { bytes: Buffer; codes: readonly number[] } | undefined },
  ): void {
    const { packetId } = order.packet;
    const codes = work.finish(last.nowMs);
    const leftovers = work.leftovers();
    if (leftovers.length > 0) {
      const packet = { packetId: 0, filters: leftovers, userProperties: [] };
      this.#waiting.unshift({ type: 'unsubscribe', packet, bytes: Buffer.alloc(0) });
    }
    if (packetId === 0) {
      if (order.type !== 'subscribe') return;
      for (const held of this.#restoration.settle(order.packet, codes)) this.#place.table.carryOver(held);
      return;
    }
    this.#unanswered.delete(packetId);
    this.#unansweredBytes -= order.bytes.length;
    const { terms } = this.#place;
    const hasCodes = order.type === 'subscribe' || terms.device === '5';
    const { answer } = last;
    const isServing = work.isUnchanged && answer !== undefined && (!hasCodes || hasSameCodes(codes, answer.codes));
    const packet = isServing
      ? withPacketIdentifier(answer.bytes, packetId)
      : encodeAnswer(order, { codes, properties }, this.#place.terms, (kind) => this.#port.adapted(kind));
    this.#port.sendToDevice(packet);
  }
}

const noBytes = Buffer.alloc(0);
const exampleCharacters = 120;
const noDeadline = Number.POSITIVE_INFINITY;
