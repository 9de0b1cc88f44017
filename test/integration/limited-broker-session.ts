import type { IPublishPacket, Packet } from 'mqtt-packet';
import { matchesFilter, splitShare } from './limited-broker-limits.ts';
import type { WireVersion } from './wire-frames.ts';

export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  /** As it is delivered: true for a copy out of the store of retained messages alone. */
  readonly retain: boolean;
  readonly properties?: IPublishPacket['properties'];
}

/** What a session needs of the connection that it is attached to. */
export interface SessionConnection {
  readonly receiveMaximum: number;
  send(packet: Packet): void;
  /** False: the connection's publish rate is used up. */
  takeRate(): boolean;
  /** The topic and alias to send, where the client takes aliases. */
  aliased(topic: string): { readonly topic: string; readonly topicAlias?: number };
}

export interface SessionOptions {
  readonly clientId: string;
  readonly version: WireVersion;
  readonly redeliverAfterMs: number;
}

/** A client's state at the broker, with or without a connection. */
export class LimitedSession {
  readonly clientId: string;
  readonly version: WireVersion;
  readonly subscriptions = new Map<string, 0 | 1>();
  /** An unacknowledged message is sent once more under a new identifier and without DUP; 0: never. A test may change it. */
  redeliverAfterMs: number;
  /** Seconds that it outlives its connection. */
  expirySeconds = 0;
  /** Of the broker's clock, while nobody is connected. */
  endsAtMs = Number.POSITIVE_INFINITY;
  /** QoS 0 messages that the publish rate did not let through. */
  discarded = 0;
  redeliveries = 0;
  /** The most unacknowledged messages toward the client at one time. */
  inflightPeak = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #inflight = new Map<number, BrokerMessage>();
  #waiting: BrokerMessage[] = [];
  #connection: SessionConnection | undefined;
  #lastIdentifier = 0;
  #isPumpDue = false;

  constructor(options: SessionOptions) {
    this.clientId = options.clientId;
    this.version = options.version;
    this.redeliverAfterMs = options.redeliverAfterMs;
  }

  get isAttached(): boolean {
    return this.#connection !== undefined;
  }

  get unacknowledged(): number {
    return new Set(this.#inflight.values()).size;
  }

  attach(connection: SessionConnection): void {
    this.#connection = connection;
    // Under new identifiers and without DUP, which AWS does not support.
    this.#waiting = [...new Set(this.#inflight.values()), ...this.#waiting];
    this.#inflight.clear();
    this.#pump();
  }

  detach(): void {
    this.#connection = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#isPumpDue = false;
  }

  /** The highest QoS among the subscriptions that match; shared ones are judged apart. */
  grantedQos(topic: string): 0 | 1 | undefined {
    let granted: 0 | 1 | undefined;
    for (const [filter, qos] of this.subscriptions) {
      const { shareName, path } = splitShare(filter);
      if (shareName === undefined && matchesFilter(path, topic)) granted = qos === 1 || granted === 1 ? 1 : 0;
    }
    return granted;
  }

  deliver(message: BrokerMessage): void {
    if (message.qos === 0) {
      if (this.#connection === undefined) return;
      if (this.#connection.takeRate()) this.#send(message);
      else this.discarded += 1;
      return;
    }
    this.#waiting.push(message);
    this.#pump();
  }

  acknowledge(identifier: number): void {
    const message = this.#inflight.get(identifier);
    // A message that was sent again is done with either identifier.
    for (const [other, same] of this.#inflight) if (same === message) this.#inflight.delete(other);
    this.#pump();
  }

  #pump(): void {
    while (this.#connection !== undefined && this.#inflight.size < Math.min(100, this.#connection.receiveMaximum)) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      if (!this.#connection.takeRate()) {
        this.#pumpLater();
        return;
      }
      this.#waiting.shift();
      this.#send(next);
    }
  }

  #send(message: BrokerMessage, isAgain = false): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const identifier = message.qos === 1 ? this.#freeIdentifier() : undefined;
    if (identifier !== undefined) {
      this.#inflight.set(identifier, message);
      this.inflightPeak = Math.max(this.inflightPeak, this.#inflight.size);
      if (this.redeliverAfterMs > 0 && !isAgain) {
        this.#after(this.redeliverAfterMs, () => this.#redeliver(identifier, message));
      }
    }
    const { topic, topicAlias } = connection.aliased(message.topic);
    const { qos, retain, payload } = message;
    const properties = { ...message.properties, ...(topicAlias === undefined ? {} : { topicAlias }) };
    const publish = { cmd: 'publish', topic, payload, qos, retain, dup: false, properties } as const;
    connection.send(identifier === undefined ? publish : { ...publish, messageId: identifier });
  }

  #redeliver(identifier: number, message: BrokerMessage): void {
    if (this.#inflight.get(identifier) !== message) return;
    this.redeliveries += 1;
    this.#send(message, true);
  }

  #pumpLater(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#after(20, () => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #freeIdentifier(): number {
    do this.#lastIdentifier = (this.#lastIdentifier % 65_535) + 1;
    while (this.#inflight.has(this.#lastIdentifier));
    return this.#lastIdentifier;
  }

  #after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }
}
