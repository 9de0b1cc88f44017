import { encodeAcknowledgement } from '../../mqtt/acknowledgement-packet.ts';
import type { PublishHead } from '../../mqtt/publish-head.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import { encodeSubscribe, encodeUnsubscribe, type SubscriptionRequest } from '../../mqtt/subscribe-packet.ts';
import { type BridgedMessage, messageOf } from './bridged-message.ts';
import { BrokerClient, type ClientHandler, type ClientPort, type ClientTerms, type Opening } from './broker-client.ts';
import { LaneQueue } from './lane-queue.ts';
import { PacketIdTable } from './packet-id-table.ts';

/** A PUBLISH of QoS 1 or 2 whose source waits for its acknowledgement. */
export interface Delivery {
  readonly leg: SourceLeg;
  readonly message: BridgedMessage;
  /** Of the connection that it came on last. */
  packetId: number;
  /** The target has it, or a file that survives the bridge: its source may forget it. */
  isSafe: boolean;
}

export interface SourceLegPort {
  /** `delivery` undefined: QoS 0, nobody waits. `isWhole` false: the end of the payload is missing. */
  handleMessage(message: BridgedMessage, delivery: Delivery | undefined, isWhole: boolean, nowMs: number): void;
  /** A resend of a message that is on its way or was carried already: it goes no second time. */
  handleResend(): void;
  /** CONNACK came. */
  handleOpened(sessionPresent: boolean): void;
  /** The broker's answer to the SUBSCRIBE; 0x80 and above is a refusal. */
  handleSubscribed(code: number, nowMs: number): void;
  /** The session that the broker should have kept is gone, and with it what came meanwhile. */
  handleSessionLost(): void;
  readonly wallMs: () => number;
}

export interface SourceLegOptions {
  readonly terms: ClientTerms;
  readonly subscription: SubscriptionRequest;
}

/** Milliseconds that a broker may take for SUBACK and UNSUBACK. */
export const subackMs = 10_000;
const subscribeId = 1;
const unsubscribeId = 2;

/**
 * The source's side of a link: one subscription, on one connection after the other. A message is acknowledged when it is
 * safe and not before, in the order in which it came [MQTT-4.6.0-2]. What a lost connection left unacknowledged is known
 * again when the broker resends it, so that it does not go a second time.
 */
export class SourceLeg implements ClientHandler {
  readonly #options: SourceLegOptions;
  readonly #port: SourceLegPort;
  #client: BrokerClient | undefined;
  /** In the order of arrival on this connection. */
  #pending = new LaneQueue<Delivery>();
  readonly #pendingById: PacketIdTable<Delivery>;
  /** Left unacknowledged by connections before this one, by packet identifier: the broker's session still has them. */
  #orphans = new Map<number, Delivery>();
  /** QoS 2: PUBREC is sent, PUBREL has not come. */
  #unreleased = new Map<number, BridgedMessage>();
  #openings = 0;
  #answerDueMs = Number.POSITIVE_INFINITY;
  #pendingBytes = 0;
  /** `leaving`: UNSUBSCRIBE is sent, nothing new comes behind its answer. `left`: nothing is owed any more. */
  #state: 'away' | 'subscribing' | 'subscribed' | 'leaving' | 'left' = 'away';
  #isRetiring = false;
  /** While leaving: PINGRESP packets until all that the broker had for us has come; 0: it is not asked. */
  #answersLeft = 0;
  #received = 0;

  constructor(options: SourceLegOptions, port: SourceLegPort) {
    this.#options = options;
    this.#port = port;
    this.#pendingById = new PacketIdTable(options.terms.receiveMaximum);
  }

  get client(): BrokerClient | undefined {
    return this.#client;
  }

  get isSubscribed(): boolean {
    return this.#state === 'subscribed';
  }

  /** It was told to go, and is gone with nothing owed to its broker. */
  get hasLeft(): boolean {
    return this.#state === 'left';
  }

  /** Messages that came, resends not counted. */
  get receivedCount(): number {
    return this.#received;
  }

  /** PUBLISH packets of this connection that are not acknowledged. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Bytes of their payloads. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** A connected socket: CONNECT goes out. */
  connect(port: ClientPort, nowMs: number): BrokerClient {
    this.#client = new BrokerClient(this.#options.terms, this, { port, nowMs });
    return this.#client;
  }

  /** The connection is gone, for whatever reason. */
  handleLost(): void {
    this.#client?.abandon();
    this.#client = undefined;
    this.#answerDueMs = Number.POSITIVE_INFINITY;
    for (const delivery of this.#pendingById.values()) this.#orphans.set(delivery.packetId, delivery);
    this.#pending = new LaneQueue();
    this.#pendingBytes = 0;
    this.#pendingById.clear();
    this.#answersLeft = 0;
    if (this.#state !== 'left') this.#state = 'away';
  }

  /**
   * It wants no more messages: UNSUBSCRIBE, then what came and what the broker's queue still has for it is finished, then
   * DISCONNECT, and the session is forgotten. Without a connection it waits for one: the session has what is unfinished.
   */
  retire(nowMs: number): void {
    this.#isRetiring = true;
    if (this.#state === 'subscribed') this.#leave(nowMs);
  }

  /** The target has it, or a file: its source may forget it. */
  settle(delivery: Delivery, nowMs: number): void {
    delivery.isSafe = true;
    this.#acknowledge(nowMs);
  }

  get nextDeadlineMs(): number {
    return Math.min(this.#answerDueMs, this.#client?.nextDeadlineMs ?? Number.POSITIVE_INFINITY);
  }

  handleTick(nowMs: number): void {
    if (this.#answerDueMs <= nowMs) this.#client?.close(`no answer to ${this.#state} within ${subackMs} ms`);
    else this.#client?.handleTick(nowMs);
  }

  handleOpen({ sessionPresent }: Opening, nowMs: number): void {
    if (!sessionPresent) {
      this.#orphans = new Map();
      this.#unreleased = new Map();
      if (this.#openings > 0 && !this.#options.terms.cleanStart) this.#port.handleSessionLost();
    }
    this.#openings += 1;
    this.#port.handleOpened(sessionPresent);
    if (this.#state === 'left') {
      this.#client?.end('it has left', { forgetsSession: true });
      return;
    }
    if (this.#isRetiring) {
      this.#leave(nowMs);
      return;
    }
    this.#state = 'subscribing';
    this.#answerDueMs = nowMs + subackMs;
    const { terms, subscription } = this.#options;
    const packet = { packetId: subscribeId, requests: [subscription], userProperties: [] };
    this.#client?.send(encodeSubscribe(terms.protocol, packet), nowMs);
  }

  handleSuback(packetId: number, codes: readonly number[], nowMs: number): void {
    const [code] = codes;
    if (packetId !== subscribeId || code === undefined || this.#state !== 'subscribing') return;
    this.#answerDueMs = Number.POSITIVE_INFINITY;
    this.#port.handleSubscribed(code, nowMs);
    if (code >= reasonCode.unspecifiedError) {
      this.#client?.end(`the subscription is refused with 0x${code.toString(16)}`);
      return;
    }
    this.#state = 'subscribed';
    if (this.#isRetiring) this.#leave(nowMs);
  }

  handleUnsuback(packetId: number, nowMs: number): void {
    if (packetId !== unsubscribeId || this.#state !== 'leaving') return;
    this.#answerDueMs = Number.POSITIVE_INFINITY;
    this.#finishLeaving(nowMs);
  }

  handlePingresp(): void {
    if (this.#answersLeft === 0) return;
    this.#answersLeft -= 1;
    if (this.#answersLeft > 0) return;
    this.#answerDueMs = Number.POSITIVE_INFINITY;
    if (this.#isOwing) return;
    this.#state = 'left';
    this.#client?.end('it has left', { forgetsSession: true });
  }

  handlePublish(head: PublishHead, isWhole: boolean, nowMs: number): void {
    this.#stopAsking();
    const message = messageOf(head, this.#port.wallMs);
    if (head.qos === 0) {
      this.#received += 1;
      this.#port.handleMessage(message, undefined, isWhole, nowMs);
      return;
    }
    const { packetId } = head;
    const received = this.#unreleased.size === 0 ? undefined : this.#unreleased.get(packetId);
    if (received !== undefined && head.isDuplicate && isSameMessage(received, message)) {
      this.#port.handleResend();
      this.#sendAcknowledgement(5, packetId, nowMs);
      return;
    }
    // A source that began anew gives the identifier to another message.
    if (received !== undefined) this.#unreleased.delete(packetId);
    // MQTT 3 brokers may send again on the same connection; it is answered with the first.
    const known = this.#pendingById.get(packetId);
    if (known !== undefined && isSameMessage(known.message, message)) {
      this.#port.handleResend();
      return;
    }
    const orphan = this.#orphans.size === 0 ? undefined : this.#orphans.get(packetId);
    if (orphan !== undefined) this.#orphans.delete(packetId);
    const isKnownAgain = orphan !== undefined && head.isDuplicate && isSameMessage(orphan.message, message);
    const delivery: Delivery = isKnownAgain ? orphan : { leg: this, message, packetId, isSafe: false };
    this.#pending.push(delivery);
    this.#pendingById.set(packetId, delivery);
    this.#pendingBytes += message.payload.length;
    if (!isKnownAgain) {
      this.#received += 1;
      this.#port.handleMessage(message, delivery, isWhole, nowMs);
      return;
    }
    this.#port.handleResend();
    this.#acknowledge(nowMs);
  }

  handleAcknowledgement(type: 4 | 5 | 6 | 7, packetId: number, _reason: number, nowMs: number): void {
    if (type !== 6) return;
    const isKnown = this.#unreleased.delete(packetId);
    // A bridge that was started anew knows nothing of it: the source is to forget it too [MQTT-4.3.3-11].
    this.#sendAcknowledgement(7, packetId, nowMs, isKnown ? reasonCode.success : reasonCode.packetIdentifierNotFound);
    if (this.#state === 'leaving') this.#finishLeaving(nowMs);
  }

  #acknowledge(nowMs: number): void {
    for (;;) {
      const delivery = this.#pending.first;
      if (delivery?.isSafe !== true) break;
      this.#pending.shift();
      this.#pendingBytes -= delivery.message.payload.length;
      this.#pendingById.delete(delivery.packetId);
      if (delivery.message.qos === 2) this.#unreleased.set(delivery.packetId, delivery.message);
      this.#sendAcknowledgement(delivery.message.qos === 2 ? 5 : 4, delivery.packetId, nowMs);
    }
    if (this.#state === 'leaving') this.#finishLeaving(nowMs);
  }

  #sendAcknowledgement(type: 4 | 5 | 7, packetId: number, nowMs: number, reason: number = reasonCode.success): void {
    if (reason === reasonCode.success) this.#client?.acknowledge(type, packetId, nowMs);
    else this.#client?.send(encodeAcknowledgement(this.#options.terms.protocol, { type, packetId, reason }), nowMs);
  }

  #leave(nowMs: number): void {
    this.#state = 'leaving';
    this.#answerDueMs = nowMs + subackMs;
    const { terms, subscription } = this.#options;
    const packet = { packetId: unsubscribeId, filters: [subscription.filter], userProperties: [] };
    this.#client?.send(encodeUnsubscribe(terms.protocol, packet), nowMs);
  }

  get #isOwing(): boolean {
    return this.pendingCount > 0 || this.#unreleased.size > 0;
  }

  /**
   * A broker may go on with what its queue had before UNSUBSCRIBE [MQTT-3.10.4-3], as its window allows: when nothing is owed,
   * it is asked by a PINGREQ whether it has more. What it has comes before the answer.
   */
  #finishLeaving(nowMs: number): void {
    if (this.#isOwing || this.#answerDueMs !== Number.POSITIVE_INFINITY || this.#client === undefined) return;
    this.#answersLeft = this.#client.isAwaitingPing ? 2 : 1;
    this.#answerDueMs = nowMs + subackMs;
    this.#client.ping(nowMs);
  }

  /** There was more: it is asked again behind that. */
  #stopAsking(): void {
    if (this.#answersLeft === 0) return;
    this.#answersLeft = 0;
    this.#answerDueMs = Number.POSITIVE_INFINITY;
  }
}

function isSameMessage(left: BridgedMessage, right: BridgedMessage): boolean {
  return left.qos === right.qos && left.topic === right.topic && left.payload.equals(right.payload);
}
