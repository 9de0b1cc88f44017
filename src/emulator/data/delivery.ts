import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import type { Agenda, Cancel } from './agenda.ts';
import { type ApplicationMessage, encodePublish } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import type { ClientSession, SessionOutlet } from './client-session.ts';
import type { ConnectTerms } from './connect-judgement.ts';
import { MessageQueue, type QueuedMessage, type StoredBytes } from './message-queue.ts';
import type { PublishRate } from './publish-rate.ts';
import type { RefusalReason } from './refusal.ts';

export interface DeliveryOptions {
  readonly protocol: ProtocolVersion;
  readonly session: ClientSession;
  readonly agreed: ConnectTerms;
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly stored: StoredBytes;
  readonly rate: PublishRate;
  /** iot:Receive. */
  readonly allows: (topic: string) => boolean;
  readonly send: (bytes: Buffer) => void;
  /** Bytes that wait to leave. */
  readonly waitingBytes: () => number;
  readonly refuse: (reason: RefusalReason, nowMs: number) => void;
}

interface Inflight {
  readonly queued: QueuedMessage;
  readonly cancel: Cancel;
  readonly handleAcknowledged: (() => void) | undefined;
}

/** Messages on their way to one connected client: the window of QoS 1, the publish rate, replay and redelivery. */
export class Delivery implements SessionOutlet {
  readonly #options: DeliveryOptions;
  readonly #inflight = new Map<number, Inflight>();
  /** QoS 1 messages for which window or rate have no room. */
  readonly #waiting: MessageQueue;
  readonly #aliasByTopic = new Map<string, number>();
  #cancelPump: Cancel | undefined;
  #cancelReplay: Cancel | undefined;
  #isStopped = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#waiting = new MessageQueue(options.stored, options.terms.bounds.queuedMessages);
  }

  hasRoom(nowMs: number): boolean {
    return this.#hasWindow() && this.#waiting.size === 0 && this.#options.rate.hasRoom(nowMs);
  }

  /** A message that matched a subscription; a copy of a retained one keeps the flag. */
  deliver(message: ApplicationMessage, qos: 0 | 1, nowMs: number, isRetained = false): void {
    const { allows, refuse, session, rate } = this.#options;
    if (this.#isStopped || message.expiresAtMs <= nowMs) return;
    if (!allows(message.topic)) return void refuse('receive-denied', nowMs);
    if (qos === 0) return void this.#sendOnce(message, nowMs, isRetained);
    const queued = { message: { ...message, qos }, sinceMs: nowMs, isRetained };
    if (this.hasRoom(nowMs)) return void this.#send(queued, nowMs);
    // Beyond the rate messages are discarded; a session that lasts keeps them.
    if (!session.isPersistent && !rate.hasRoom(nowMs)) return void refuse('delivery-rate', nowMs);
    if (!this.#waiting.push(queued)) return void refuse('queue-full', nowMs);
    this.#pump(nowMs);
  }

  acknowledge(packetId: number, nowMs: number): void {
    const inflight = this.#inflight.get(packetId);
    if (inflight === undefined) return;
    inflight.cancel();
    this.#inflight.delete(packetId);
    inflight.handleAcknowledged?.();
    this.#pump(nowMs);
  }

  /** A message that no subscription asked for; it is sent at once or, false, not at all. */
  deliverDirectly(message: ApplicationMessage, nowMs: number, handleAcknowledged?: () => void): boolean {
    if (this.#isStopped || !this.hasRoom(nowMs)) return false;
    if (message.qos === 0) this.#sendOnce(message, nowMs, false);
    else this.#send({ message, sinceMs: nowMs }, nowMs, handleAcknowledged);
    return true;
  }

  /** Sends what was stored for the session, at the rate that AWS documents. */
  replay(nowMs: number): void {
    const { session, terms, agenda, allows, rate, refuse } = this.#options;
    if (this.#isStopped || session.stored.size === 0) return;
    if (this.#hasWindow() && rate.hasRoom(nowMs)) {
      const queued = session.stored.shift(nowMs);
      if (queued !== undefined && !allows(queued.message.topic)) refuse('receive-denied', nowMs);
      else if (queued !== undefined) this.#send({ ...queued, sinceMs: nowMs }, nowMs);
    }
    this.#cancelReplay = agenda.at(nowMs + 1_000 / terms.replayPerSecond, (dueMs) => this.replay(dueMs));
  }

  /** Ends it. Gives what was not acknowledged, in the order in which it was first sent. */
  stop(): QueuedMessage[] {
    this.#isStopped = true;
    this.#cancelPump?.();
    this.#cancelReplay?.();
    for (const { cancel } of this.#inflight.values()) cancel();
    const left = [...this.#inflight.values()].map(({ queued }) => queued);
    for (let next = this.#waiting.shift(0); next !== undefined; next = this.#waiting.shift(0)) left.push(next);
    this.#inflight.clear();
    return left;
  }

  #hasWindow(): boolean {
    return this.#inflight.size < this.#options.agreed.receiveMaximum;
  }

  #pump(nowMs: number): void {
    const { rate, agenda } = this.#options;
    while (!this.#isStopped && this.#waiting.size > 0 && this.#hasWindow() && rate.hasRoom(nowMs)) {
      const next = this.#waiting.shift(nowMs);
      if (next !== undefined) this.#send(next, nowMs);
    }
    this.#cancelPump?.();
    this.#cancelPump = undefined;
    if (this.#isStopped || this.#waiting.size === 0 || !this.#hasWindow()) return;
    this.#cancelPump = agenda.at(rate.roomAtMs(nowMs), (dueMs) => this.#pump(dueMs));
  }

  #sendOnce(message: ApplicationMessage, nowMs: number, retain: boolean): void {
    const { rate, refuse, waitingBytes, terms } = this.#options;
    if (!rate.take(nowMs)) return void refuse('delivery-rate', nowMs);
    if (waitingBytes() > terms.bounds.outputBytes) return void refuse('output-full', nowMs);
    this.#write(message, { qos: 0, packetId: 0, retain }, nowMs);
  }

  #send(queued: QueuedMessage, nowMs: number, handleAcknowledged?: () => void): void {
    const { session, terms, agenda, rate } = this.#options;
    rate.take(nowMs);
    const packetId = session.nextPacketId((id) => this.#inflight.has(id));
    if (!this.#write(queued.message, { qos: 1, packetId, retain: queued.isRetained === true }, nowMs)) return;
    const cancel = agenda.at(nowMs + terms.redeliverAfterMs, (dueMs) => this.#redeliver(packetId, dueMs));
    this.#inflight.set(packetId, { queued, cancel, handleAcknowledged });
  }

  /** Under a new identifier and without DUP, which AWS does not support. */
  #redeliver(packetId: number, nowMs: number): void {
    const inflight = this.#inflight.get(packetId);
    if (inflight === undefined || this.#isStopped) return;
    this.#inflight.delete(packetId);
    const { queued, handleAcknowledged } = inflight;
    const isOver = nowMs - queued.sinceMs >= this.#options.terms.redeliverForMs || queued.message.expiresAtMs <= nowMs;
    if (isOver) this.#pump(nowMs);
    else this.#send(queued, nowMs, handleAcknowledged);
  }

  /** False: it is larger than the client takes, and is as good as delivered [MQTT-3.1.2-25]. */
  #write(
    message: ApplicationMessage,
    copy: { readonly qos: 0 | 1; readonly packetId: number; readonly retain: boolean },
    nowMs: number,
  ): boolean {
    const { protocol, agreed, send } = this.#options;
    const alias = this.#aliasOf(message.topic);
    const bytes = encodePublish(message, { ...copy, protocol, ...(alias === undefined ? {} : { alias }) }, nowMs);
    if (bytes.length > agreed.maxPacketBytes) return false;
    if (alias !== undefined) this.#aliasByTopic.set(message.topic, alias.number);
    send(bytes);
    return true;
  }

  #aliasOf(topic: string): { readonly number: number; readonly isKnown: boolean } | undefined {
    const { topicAliases } = this.#options.agreed;
    const known = this.#aliasByTopic.get(topic);
    if (known !== undefined) return { number: known, isKnown: true };
    if (this.#aliasByTopic.size >= topicAliases) return undefined;
    return { number: this.#aliasByTopic.size + 1, isKnown: false };
  }
}
