import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { AdminEvent } from './admin-api.ts';

export interface EventFeedLimits {
  /** Events kept for readers that come back with Last-Event-ID. */
  readonly backlogEvents: number;
  /** Characters of all events in the backlog together. */
  readonly backlogLength: number;
  /** Readers at one time; a further one is refused. */
  readonly readers: number;
  /** Bytes that may wait for one reader before it is cut; it can come back with Last-Event-ID. */
  readonly readerBufferBytes: number;
  /** Milliseconds between comments that keep proxies and readers sure of the connection. */
  readonly heartbeatMs: number;
}

export const eventFeedDefaults: EventFeedLimits = {
  backlogEvents: 256,
  backlogLength: 1_048_576,
  readers: 64,
  readerBufferBytes: 4 * 1_048_576,
  heartbeatMs: 15_000,
};

interface KeptEvent {
  readonly sequence: number;
  readonly text: string;
}

/**
 * Numbers the events of one run of the process, keeps the last ones, and writes them to every reader as server-sent
 * events. An ID carries the run, so that a reader that comes back after a restart is told about the gap.
 */
export class EventFeed {
  readonly #limits: EventFeedLimits;
  readonly #run = randomBytes(4).toString('hex');
  readonly #readers = new Set<ServerResponse>();
  readonly #backlog: KeptEvent[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #backlogLength = 0;
  #sequence = 0;

  constructor(subscribe: (onEvent: (event: AdminEvent) => void) => () => void, limits: EventFeedLimits) {
    this.#limits = limits;
    this.#heartbeat = setInterval(() => this.#writeToAll(': heartbeat\n\n'), limits.heartbeatMs);
    this.#heartbeat.unref();
    this.#unsubscribe = subscribe((event) => this.#publish(event));
  }

  get readers(): number {
    return this.#readers.size;
  }

  hasRoom(): boolean {
    return this.#readers.size < this.#limits.readers;
  }

  /** Takes over a response whose head is not written yet. */
  attach(response: ServerResponse, lastEventId: string | undefined): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      connection: 'close',
      'x-accel-buffering': 'no',
    });
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
    response.on('error', () => response.destroy());
    // An ID without data moves the reader's last event ID and is no event (WHATWG HTML section 9.2.6).
    this.#write(response, `retry: 1000\nid: ${this.#idOf(this.#sequence)}\n\n`);
    if (lastEventId !== undefined) this.#write(response, this.#missedSince(lastEventId));
  }

  /** Ends every reader; no event is taken any more. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
    for (const reader of this.#readers) reader.end();
  }

  #publish(event: AdminEvent): void {
    this.#sequence += 1;
    const text = `id: ${this.#idOf(this.#sequence)}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`;
    this.#backlog.push({ sequence: this.#sequence, text });
    this.#backlogLength += text.length;
    while (this.#backlog.length > this.#limits.backlogEvents || this.#backlogLength > this.#limits.backlogLength) {
      this.#backlogLength -= this.#backlog.shift()?.text.length ?? 0;
    }
    this.#writeToAll(text);
  }

  #missedSince(lastEventId: string): string {
    const [, run, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const last = Number(digits);
    const oldestKept = this.#sequence - this.#backlog.length + 1;
    const canResume = run === this.#run && last <= this.#sequence && last >= oldestKept - 1;
    if (!canResume) return `id: ${this.#idOf(this.#sequence)}\nevent: gap\ndata: {}\n\n`;
    const missed = this.#backlog.filter(({ sequence }) => sequence > last);
    return missed.map(({ text }) => text).join('');
  }

  #writeToAll(text: string): void {
    for (const reader of this.#readers) this.#write(reader, text);
  }

  #write(reader: ServerResponse, text: string): void {
    if (text === '' || reader.writableEnded || reader.destroyed) return;
    reader.write(text);
    if (reader.writableLength > this.#limits.readerBufferBytes) reader.destroy();
  }

  #idOf(sequence: number): string {
    return `${this.#run}-${sequence}`;
  }
}
