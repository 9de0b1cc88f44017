import { type ApplicationMessage, keptBytes } from './application-message.ts';
import type { StoredBytes } from './message-queue.ts';

export interface RetainedMessage {
  readonly message: ApplicationMessage;
  /** Milliseconds since the Unix epoch. */
  readonly lastModifiedMs: number;
}

/** One message for each topic. */
export class RetainedMessages {
  readonly #stored: StoredBytes;
  readonly #maxMessages: number;
  readonly #byTopic = new Map<string, RetainedMessage>();

  constructor(stored: StoredBytes, maxMessages: number) {
    this.#stored = stored;
    this.#maxMessages = maxMessages;
  }

  get size(): number {
    return this.#byTopic.size;
  }

  /** An empty payload deletes. False: there is no room. */
  set(message: ApplicationMessage, nowMs: number): boolean {
    const before = this.#byTopic.get(message.topic);
    if (message.payload.length === 0) {
      if (before !== undefined) this.#forget(before);
      return true;
    }
    if (before === undefined && this.#byTopic.size >= this.#maxMessages) return false;
    if (before !== undefined) this.#stored.give(keptBytes(before.message));
    const hasRoom = this.#stored.take(keptBytes(message));
    if (hasRoom) this.#byTopic.set(message.topic, { message, lastModifiedMs: nowMs });
    else if (before !== undefined) this.#stored.take(keptBytes(before.message));
    return hasRoom;
  }

  get(topic: string, nowMs: number): RetainedMessage | undefined {
    const retained = this.#byTopic.get(topic);
    if (retained === undefined || retained.message.expiresAtMs > nowMs) return retained;
    this.#forget(retained);
    return undefined;
  }

  /** In the order of their topics. */
  list(nowMs: number): RetainedMessage[] {
    return [...this.#byTopic.keys()].sort().flatMap((topic) => this.get(topic, nowMs) ?? []);
  }

  #forget({ message }: RetainedMessage): void {
    this.#byTopic.delete(message.topic);
    this.#stored.give(keptBytes(message));
  }
}
