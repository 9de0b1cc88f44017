import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import type { ModelPacket } from './model-packets.ts';
import { idOfWord, type Message, reasonOfWord, typeOfWord } from './model-peer.ts';

/** One of the invariants of the facts page does not hold. */
export class Violation extends Error {}

export interface FlowTerms {
  readonly isUplink: boolean;
  readonly sender: ProtocolVersion;
  readonly receiver: ProtocolVersion;
  /** Unfinished PUBLISH packets that the receiver takes. */
  readonly receiverWindow: number;
  readonly receiverPacketBytes: number;
  /** QoS 2 of the sender ends at the gateway. */
  readonly endsQos2: boolean;
}

/** One direction of a session: what the machine sends is held against what went in. Lives as long as the session. */
export class FlowLedger {
  readonly #terms: FlowTerms;
  readonly messages: Message[] = [];
  /** The last message of each topic that was sent on for the first time. */
  readonly #lastByTopic = new Map<string, number>();
  connection = 0;
  /** QoS 0 messages that the machine counted as dropped, on this connection. */
  mayLose = 0;
  /** Messages by the sender's identifier, on this connection. */
  #messageBySenderId = new Map<number, Message>();
  /** Identifiers of the sender's that wait for their first answer, in the order of their messages. */
  #awaiting: number[] = [];
  /** Unfinished towards the receiver, by identifier. */
  #inflight = new Map<number, Message | undefined>();
  /** Identifiers of SUBSCRIBE and UNSUBSCRIBE that wait upstream. */
  #subscribing = new Set<number>();
  /** Answered by the chunk under way. */
  #fresh: Message[] = [];
  /** Senders' PUBREL packets that have gone into the machine. */
  #released = new Set<number>();

  constructor(terms: FlowTerms) {
    this.#terms = terms;
  }

  reconnect(): void {
    this.connection += 1;
    this.mayLose = 0;
    this.#messageBySenderId = new Map();
    this.#awaiting = [];
    this.#inflight = new Map();
    this.#subscribing = new Set();
    this.#released = new Set();
  }

  messageOf(packet: ModelPacket): Message {
    const { payload } = packet;
    const message = payload.length < 4 ? undefined : this.messages[payload.readUInt32BE(0)];
    if (message === undefined) this.#violate('D8', 'a payload that nobody sent');
    if (!message.payload.equals(payload)) this.#violate('D8', `the payload of message ${message.number} has changed`);
    if (message.topic !== packet.topic) this.#violate('D8', `message ${message.number} has topic ${packet.topic}`);
    return message;
  }

  /** The sender said a PUBLISH under `id`. */
  noteSent(id: number, message: Message): void {
    if (id === 0) return;
    this.#messageBySenderId.set(id, message);
    if (message.told < 0 && !this.#awaiting.includes(id)) this.#awaiting.push(id);
    this.#released.delete(id);
  }

  /** The same on a new connection, where it wants an answer once more. */
  noteSentAgain(id: number, message: Message): void {
    message.told = -1;
    // At QoS 2 a broker that has the message still has it.
    if (message.qos < 2) message.answered = -1;
    this.noteSent(id, message);
  }

  noteSubscribing(id: number): void {
    if (this.#inflight.has(id) || this.#subscribing.has(id)) this.#violate('U7', `identifier ${id} is in use`);
    this.#subscribing.add(id);
  }

  noteSubscribed(id: number): void {
    this.#subscribing.delete(id);
  }

  /** A word of the sender has gone into the machine. */
  noteSenderWord(word: number): void {
    if (typeOfWord(word) === 6) this.#released.add(idOfWord(word));
  }

  /** An answer of the receiver has gone into the machine. */
  noteAnswer(word: number): void {
    const id = idOfWord(word);
    const reason = reasonOfWord(word);
    const type = typeOfWord(word);
    const message = this.#inflight.get(id);
    if ((type === 4 || type === 5) && message !== undefined) {
      message.answered = reason;
      this.#fresh.push(message);
    }
    if (type !== 5 || reason >= 0x80) this.#inflight.delete(id);
  }

  /** The chunk with the last answers was read to its end, or a part of it waits unread and may be lost with its connection. */
  noteRead(isRead: boolean): void {
    for (const message of this.#fresh) message.isUnread = !isRead;
    this.#fresh = [];
  }

  /** The machine sent a PUBLISH on. */
  judgePublish(packet: ModelPacket): void {
    const { isUplink, receiverPacketBytes, receiverWindow } = this.#terms;
    const message = this.messageOf(packet);
    this.#judgeForm(packet, message);
    if (message.isExempt) this.#violate('U8', `message ${message.number} is none that the receiver takes`);
    if (packet.packetBytes > receiverPacketBytes) this.#violate('U8', `${packet.packetBytes} bytes are too many`);
    const isFirst = message.forwardedOn < 0;
    if (isFirst) {
      const last = this.#lastByTopic.get(message.topic) ?? -1;
      if (last > message.number) this.#violate('U4', `message ${message.number} comes behind ${last}`);
      this.#lastByTopic.set(message.topic, message.number);
    }
    this.#judgeRepeat(packet, message);
    message.forwardedOn = this.connection;
    if (packet.qos === 0) return;
    const inflight = this.#inflight;
    if (isUplink && this.#subscribing.has(packet.id)) this.#violate('U7', `identifier ${packet.id} is a SUBSCRIBE's`);
    if (inflight.has(packet.id) && inflight.get(packet.id) !== message) {
      this.#violate('U7', `identifier ${packet.id} is in flight`);
    }
    inflight.set(packet.id, message);
    if (inflight.size > receiverWindow) this.#violate(isUplink ? 'U6' : 'D3', `${inflight.size} are in flight`);
  }

  #judgeForm(packet: ModelPacket, message: Message): void {
    const { endsQos2, receiver, sender } = this.#terms;
    const qos = endsQos2 ? Math.min(1, message.qos) : message.qos;
    if (packet.qos !== qos) this.#violate('D7', `message ${message.number} goes on at QoS ${packet.qos}`);
    if (((packet.firstByte & 1) !== 0) !== message.retain) this.#violate('C10', 'RETAIN has changed');
    if ((packet.firstByte & 8) !== 0 && packet.qos === 0) this.#violate('U8', 'DUP at QoS 0');
    const areKept = sender === '5' && receiver === '5';
    const properties = areKept ? message.properties.length : 0;
    if (packet.properties.length !== properties) this.#violate('D8', `${packet.properties.length} bytes of properties`);
    if (areKept && !packet.properties.equals(message.properties)) this.#violate('D8', 'the properties have changed');
  }

  #judgeRepeat(packet: ModelPacket, message: Message): void {
    const { isUplink, receiver, endsQos2 } = this.#terms;
    if (message.forwardedOn === this.connection) {
      // QoS 2 from end to end: the exchange is one and the same however often its first step is made.
      const isSameExchange = message.qos === 2 && !endsQos2 && this.#inflight.get(packet.id) === message;
      if (isUplink && !isSameExchange) this.#violate('U3', `message ${message.number} goes on twice`);
      if (receiver === '5') this.#violate('D6', `message ${message.number} comes twice on one connection`);
      if (!isSameExchange) this.#violate('D6', `message ${message.number} is doubled`);
    }
    if (endsQos2 && message.qos === 2 && message.answered >= 0 && message.answered < 0x80 && !message.isUnread) {
      this.#violate('U9', `message ${message.number} goes on though the broker has taken it`);
    }
  }

  /** The machine sent PUBACK, PUBREC or PUBCOMP to the sender. */
  judgeAnswer({ type, id, reason }: ModelPacket): void {
    const { isUplink, sender } = this.#terms;
    const message = this.#messageBySenderId.get(id);
    if (type === 7) {
      if (!this.#released.has(id)) this.#violate('U9', `PUBCOMP ${id} before PUBREL`);
      return;
    }
    const name = isUplink ? 'U1' : 'D2';
    if (message === undefined) this.#violate(name, `an answer for identifier ${id}, under which nothing came`);
    if ((type === 4) !== (message.qos === 1)) this.#violate(name, `an answer of type ${type} for QoS ${message.qos}`);
    if (message.answered < 0 && !message.isExempt) this.#violate(name, `message ${message.number} was not answered`);
    const earned = sender === '5' && !message.isExempt ? message.answered : reason;
    if (reason !== Math.max(earned, 0)) this.#violate(name, `reason ${reason} instead of ${earned}`);
    this.#judgeOrder(id, type, message);
    message.told = reason;
    if (type === 4) this.#messageBySenderId.delete(id);
  }

  #judgeOrder(id: number, type: number, message: Message): void {
    const at = this.#awaiting.indexOf(id);
    if (at > 0 && this.#terms.isUplink) this.#violate('U5', `${id} is answered before ${this.#awaiting[0]}`);
    if (at >= 0) this.#awaiting.splice(at, 1);
    else if (type === 4) this.#violate('U1', `PUBACK ${id} is said twice for message ${message.number}`);
  }

  /** Whether a PUBLISH under `id` has had its first answer on this connection. */
  awaitsAnswer(id: number): boolean {
    return this.#awaiting.includes(id);
  }

  /** At rest: nothing was lost but what may be. */
  judgeRest(): void {
    for (const message of this.messages) {
      const { number, qos, arrivals, isExempt, answered, told } = message;
      const isRefused = answered >= 0x80 || told >= 0x80;
      if (isExempt || isRefused) continue;
      const mustArrive = qos > 0 || message.connection === this.connection;
      if (mustArrive && qos === 0 && arrivals === 0 && this.mayLose > 0) this.mayLose -= 1;
      else if (mustArrive && arrivals === 0)
        this.#violate(this.#terms.isUplink ? 'U3' : 'D1', `message ${number} is lost`);
      const mayRepeat = qos === 1 || (qos === 2 && this.#terms.endsQos2);
      if (arrivals > 1 && !mayRepeat) this.#violate('U9', `message ${number} arrived ${arrivals} times`);
      if (arrivals > this.connection + 1) this.#violate('U3', `message ${number} arrived ${arrivals} times`);
    }
  }

  #violate(invariant: string, what: string): never {
    throw new Violation(`${invariant} ${this.#terms.isUplink ? 'uplink' : 'downlink'}: ${what}`);
  }
}
