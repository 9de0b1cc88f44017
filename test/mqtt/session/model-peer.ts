import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { ByteWire } from './byte-wire.ts';
import { acknowledgementBytes, type ModelPacket, noBytes, publishBytes } from './model-packets.ts';

/** One message of a schedule, in one direction, with what became of it. */
export interface Message {
  readonly number: number;
  readonly qos: number;
  readonly topic: string;
  readonly retain: boolean;
  readonly payload: Buffer;
  readonly properties: Buffer;
  /** The receiver cannot have it, and that is counted. */
  readonly isExempt: boolean;
  /** On which connection it was sent first. */
  readonly connection: number;
  /** The receiver's first answer (PUBACK, PUBREC) has reached the machine, with this reason; -1: not yet. */
  answered: number;
  /** That answer may lie unread in the machine. */
  isUnread: boolean;
  /** The receiver's answer that the machine sent on, or -1. */
  told: number;
  /** On which connection the machine last sent it on; -1: never. */
  forwardedOn: number;
  /** How often the receiver took it for a message. */
  arrivals: number;
}

export interface Exchange {
  readonly message: Message;
  isReleased: boolean;
}

/** Of a packet: its type, what it says, its identifier. */
export const wordOf = (type: number, id: number, reason = 0): number => type * 0x100_0000 + (reason << 16) + id;
export const typeOfWord = (word: number): number => Math.floor(word / 0x100_0000);
export const reasonOfWord = (word: number): number => (word >> 16) & 0xff;
export const idOfWord = (word: number): number => word & 0xffff;

export interface PeerOptions {
  readonly protocol: ProtocolVersion;
  /** PUBACK packets leave in any order. */
  readonly reorders: boolean;
  readonly refuses: boolean;
  readonly countsDown: boolean;
  messageOf(packet: ModelPacket): Message;
}

/** A client or a server as far as messages go: both ends of MQTT are the same there. Its session outlives connections. */
export class ModelPeer {
  readonly options: PeerOptions;
  wire = new ByteWire();
  inbox: ModelPacket[] = [];
  /** What it sent and has not finished, oldest first. */
  readonly exchanges = new Map<number, Exchange>();
  /** QoS 2 that it received and that was not released. */
  readonly received = new Map<number, Message>();
  /** Words of acknowledgements that it owes. */
  owed: number[] = [];
  readonly usedIds = new Set<number>();
  #lastId: number;

  constructor(options: PeerOptions) {
    this.options = options;
    this.#lastId = options.countsDown ? 0x1_0000 : 0;
  }

  get isAtRest(): boolean {
    return this.inbox.length === 0 && this.owed.length === 0 && this.wire.bytes === 0 && this.exchanges.size === 0;
  }

  /** Round after a few while they last, so that identifiers are used again soon. */
  takeId(): number {
    const step = this.options.countsDown ? -1 : 1;
    for (let tried = 0; tried < 16; tried += 1) {
      this.#lastId += step;
      if (step > 0 && this.#lastId > 12) this.#lastId = 1;
      if (step < 0 && this.#lastId < 0xfff0) this.#lastId = 0xffff;
      if (this.#isFree(this.#lastId)) return this.#lastId;
    }
    for (let id = 300; ; id += 1) if (this.#isFree(id)) return id;
  }

  #isFree(id: number): boolean {
    return !this.usedIds.has(id) && !this.exchanges.has(id);
  }

  publish(message: Message, topicInstead?: string): number {
    const id = message.qos > 0 ? this.takeId() : 0;
    if (id !== 0) this.exchanges.set(id, { message, isReleased: false });
    this.#sendPublish(message, { id, dup: false, topic: topicInstead ?? message.topic });
    return id;
  }

  /** Says a PUBLISH again that was not answered. */
  repeat(id: number, dup = true): void {
    const exchange = this.exchanges.get(id);
    if (exchange !== undefined) this.#sendPublish(exchange.message, { id, dup, topic: exchange.message.topic });
  }

  #sendPublish(message: Message, { id, dup, topic }: { id: number; dup: boolean; topic: string }): void {
    const { qos, retain, payload } = message;
    const properties = topic === message.topic ? message.properties : topicAlias;
    const packet = publishBytes(this.options.protocol, { qos, dup, retain, id, topic, payload, properties });
    this.wire.send(packet, wordOf(3, id));
  }

  read(packet: ModelPacket): void {
    const { type, id } = packet;
    if (type === 3) this.#readPublish(packet);
    else if (type === 5) this.#readPubrec(packet);
    else if (type === 4 || type === 7) this.exchanges.delete(id);
    else if (type === 6) {
      this.received.delete(id);
      this.owed.push(wordOf(7, id));
    }
  }

  #readPublish(packet: ModelPacket): void {
    const { qos, id } = packet;
    const message = this.options.messageOf(packet);
    const earlier = qos === 2 ? this.received.get(id) : undefined;
    if (earlier !== undefined && earlier !== message) {
      throw new Error(`U9: identifier ${id} is still message ${earlier.number}'s and came with ${message.number}`);
    }
    // One in eight.
    const reason = qos > 0 && this.options.refuses && message.number % 8 === 5 ? 0x87 : 0;
    if (earlier === undefined && reason === 0) message.arrivals += 1;
    if (qos === 2 && reason === 0) this.received.set(id, message);
    if (qos > 0) this.owed.push(wordOf(qos === 1 ? 4 : 5, id, reason));
  }

  #readPubrec({ id, reason }: ModelPacket): void {
    const exchange = this.exchanges.get(id);
    if (exchange !== undefined && reason >= 0x80) this.exchanges.delete(id);
    else {
      if (exchange !== undefined) exchange.isReleased = true;
      this.owed.push(wordOf(6, id));
    }
  }

  /** Sends up to `count` of what it owes. */
  acknowledge(count: number, chance: number): void {
    for (let left = count; left > 0 && this.owed.length > 0; left -= 1) {
      const at = this.options.reorders ? (chance + left) % this.owed.length : 0;
      const [word] = this.owed.splice(at, 1) as [number];
      this.wire.send(acknowledgementBytes(typeOfWord(word), idOfWord(word), reasonOfWord(word)), word);
    }
  }

  /** A new connection of the same session: what was under way is gone, what is not finished is said again. */
  reconnect(): void {
    this.wire = new ByteWire();
    this.inbox = [];
    this.owed = [];
    this.usedIds.clear();
    for (const [id, { isReleased }] of this.exchanges) {
      if (isReleased) this.wire.send(acknowledgementBytes(6, id), wordOf(6, id));
      else this.repeat(id);
    }
  }
}

/** Alias 1, to be sent with an empty topic, or with the topic that sets it. */
export const topicAlias = Buffer.from([0x23, 0, 1]);
export { noBytes };
