import { connect } from 'node:net';
import { backoffDelayMs } from '../base/backoff.ts';
import { type ControlLink, openControlLink } from './control-link.ts';
import type { ControlMessage, WorkerMessage } from './process-messages.ts';

export interface WorkerLinkHandlers {
  /** The link is up: what is sent now comes first. */
  readonly onUp: (send: (message: WorkerMessage) => void) => void;
  readonly onDown: () => void;
  readonly onMessage: (message: ControlMessage) => void;
}

const reconnectDelay = { baseMs: 20, maxMs: 500 };

/** A worker's end of the control link: comes back by itself when the control process does. */
export class WorkerLink {
  readonly #path: string;
  readonly #handlers: WorkerLinkHandlers;
  #link: ControlLink<WorkerMessage> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isClosed = false;

  constructor(path: string, handlers: WorkerLinkHandlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.#connect();
  }

  /** Drops the message when the link is down: the next `hello` says all that matters. */
  send(message: WorkerMessage): void {
    this.#link?.send(message);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#link?.close();
  }

  #connect(): void {
    const socket = connect(this.#path);
    const link = openControlLink<ControlMessage, WorkerMessage>(socket, {
      onMessage: (message) => this.#handlers.onMessage(message),
      onClose: () => this.#lost(),
    });
    socket.once('connect', () => {
      this.#attempt = 0;
      this.#link = link;
      this.#handlers.onUp((message) => link.send(message));
    });
  }

  #lost(): void {
    const wasUp = this.#link !== undefined;
    this.#link = undefined;
    if (this.#isClosed) return;
    if (wasUp) this.#handlers.onDown();
    this.#timer = setTimeout(() => this.#connect(), 1 + backoffDelayMs(this.#attempt++, Math.random(), reconnectDelay));
  }
}
