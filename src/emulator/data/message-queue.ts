import { type ApplicationMessage, keptBytes } from './application-message.ts';

/** Bytes that all queues and the retained messages hold together, against one bound. */
export class StoredBytes {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

export interface QueuedMessage {
  readonly message: ApplicationMessage;
  /** When the first attempt to send it was, or when it was queued. */
  readonly sinceMs: number;
  /** When it is dropped though it has not expired; absent: never. */
  readonly untilMs?: number;
  /** A copy out of the store of retained messages, which says so. */
  readonly isRetained?: boolean;
}

/** Messages that wait for one receiver. When it is full, new ones are dropped, as AWS documents it for shared subscriptions. */
export class MessageQueue {
  readonly #stored: StoredBytes;
  readonly #maxMessages: number;
  #messages: QueuedMessage[] = [];
  #head = 0;

  constructor(stored: StoredBytes, maxMessages: number) {
    this.#stored = stored;
    this.#maxMessages = maxMessages;
  }

  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** False: it was dropped. */
  push(queued: QueuedMessage): boolean {
    if (this.size >= this.#maxMessages || !this.#stored.take(keptBytes(queued.message))) return false;
    this.#messages.push(queued);
    return true;
  }

  /** Puts messages in front of the others, as far as there is room. Gives how many were dropped. */
  unshift(queued: readonly QueuedMessage[]): number {
    const room = Math.max(0, this.#maxMessages - this.size);
    const kept = queued.slice(0, room).filter(({ message }) => this.#stored.take(keptBytes(message)));
    this.#messages = [...kept, ...this.#messages.slice(this.#head)];
    this.#head = 0;
    return queued.length - kept.length;
  }

  /** The first that has not expired; those before it are gone. */
  shift(nowMs: number): QueuedMessage | undefined {
    while (this.#head < this.#messages.length) {
      const queued = this.#messages[this.#head] as QueuedMessage;
      this.#head += 1;
      this.#stored.give(keptBytes(queued.message));
      if (this.#head > 64 && this.#head * 2 > this.#messages.length) {
        this.#messages = this.#messages.slice(this.#head);
        this.#head = 0;
      }
      if (Math.min(queued.message.expiresAtMs, queued.untilMs ?? Number.POSITIVE_INFINITY) > nowMs) return queued;
    }
    return undefined;
  }

  clear(): void {
    for (const { message } of this.#messages.slice(this.#head)) this.#stored.give(keptBytes(message));
    this.#messages = [];
    this.#head = 0;
  }
}
