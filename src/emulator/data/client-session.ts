import type { ApplicationMessage } from './application-message.ts';
import { MessageQueue, type QueuedMessage, type StoredBytes } from './message-queue.ts';

/** Where a session's messages leave while its client is connected. */
export interface SessionOutlet {
  /** Whether a message could leave at once. */
  hasRoom(nowMs: number): boolean;
  deliver(message: ApplicationMessage, qos: 0 | 1, nowMs: number): void;
}

export interface SessionFacts {
  readonly clientId: string;
  /** MQTT 3 and MQTT 5 do not resume each other's sessions. */
  readonly family: 3 | 5;
  /** What lifecycle events call it by. */
  readonly identifier: string;
}

/** What a client has at the message broker, with or without a connection. */
export class ClientSession {
  readonly clientId: string;
  readonly family: 3 | 5;
  readonly identifier: string;
  /** Filters as they were asked for, with what they were granted. */
  readonly subscriptions = new Map<string, 0 | 1>();
  /** QoS 1 messages that wait for the client to come back. */
  readonly stored: MessageQueue;
  /** Seconds that it outlives its connection; 0: it does not. */
  expirySeconds = 0;
  /** Absent while nobody is connected. */
  outlet: SessionOutlet | undefined;
  #lastPacketId = 0;

  constructor({ clientId, family, identifier }: SessionFacts, stored: StoredBytes, maxMessages: number) {
    this.clientId = clientId;
    this.family = family;
    this.identifier = identifier;
    this.stored = new MessageQueue(stored, maxMessages);
  }

  get isPersistent(): boolean {
    return this.expirySeconds > 0;
  }

  /** Whether a message at that QoS would be kept until the client comes back. */
  wouldStore(qos: 0 | 1): boolean {
    return this.outlet === undefined && qos === 1 && this.isPersistent;
  }

  /** False: there was no room to keep it. */
  deliver(message: ApplicationMessage, qos: 0 | 1, nowMs: number): boolean {
    if (this.wouldStore(qos)) return this.stored.push({ message: { ...message, qos }, sinceMs: nowMs });
    this.outlet?.deliver(message, qos, nowMs);
    return true;
  }

  /** What a connection that ended leaves behind. Gives how many messages there was no room for. */
  keep(unacknowledged: readonly QueuedMessage[]): number {
    return this.isPersistent ? this.stored.unshift(unacknowledged) : 0;
  }

  /** An identifier that `isUsed` knows nothing of: always the next one, so that none comes back soon. */
  nextPacketId(isUsed: (packetId: number) => boolean): number {
    do this.#lastPacketId = (this.#lastPacketId % 65_535) + 1;
    while (isUsed(this.#lastPacketId));
    return this.#lastPacketId;
  }
}
