import { connect } from 'node:net';
import { backoffDelayMs } from '../base/backoff.ts';
import { type ControlLink, openControlLink } from './control-link.ts';
import type { ControlMessage, WorkerMessage } from './process-messages.ts';

export interface WorkerLinkHandlers {
  /** The control process listens: what is sent now comes first. */
  readonly onUp: (link: Pick<ControlLink<WorkerMessage>, 'send' | 'post'>) => void;
  readonly onDown: () => void;
  readonly onMessage: (message: ControlMessage) => void;
}

const reconnectDelay = { baseMs: 20, maxMs: 500 };
/** The control process beats four times in a second; one that is silent this long hangs. */
const silenceMs = 1_500;
const checkEveryMs = 250;

/**
 * A worker's end of the control link. It is up from the first message of the control process (a kernel completes
 * connections to a process that hangs) until the socket closes or nothing is heard for `silenceMs`; it comes back by itself.
 */
export class WorkerLink {
  readonly #path: string;
  readonly #handlers: WorkerLinkHandlers;
  readonly #timer: NodeJS.Timeout;
  #link: ControlLink<WorkerMessage> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isUp = false;
  #attempt = 0;
  #heardAtMs = performance.now();
  #silentChecks = 0;
  #isClosed = false;

  constructor(path: string, handlers: WorkerLinkHandlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.#timer = setInterval(() => this.#check(), checkEveryMs);
    this.#connect();
  }

  /** Drops the message when the link is down: the next `hello` says all that matters. */
  send(message: WorkerMessage): void {
    if (this.#isUp) this.#link?.send(message);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#link?.close();
  }

  #connect(): void {
    this.#heardAtMs = performance.now();
    const link = openControlLink<ControlMessage, WorkerMessage>(connect(this.#path), {
      onMessage: (message) => this.#receive(link, message),
      onClose: () => this.#lose(link),
    });
    this.#link = link;
  }

  #receive(link: ControlLink<WorkerMessage>, message: ControlMessage): void {
    if (link !== this.#link) return;
    this.#heardAtMs = performance.now();
    if (!this.#isUp) {
      this.#isUp = true;
      this.#attempt = 0;
      this.#handlers.onUp(link);
    }
    if (message.kind !== 'beat') this.#handlers.onMessage(message);
  }

  /** Two looks in a row: after a long turn of this process's own event loop, what came meanwhile is not yet read. */
  #check(): void {
    const isSilent = this.#link !== undefined && performance.now() - this.#heardAtMs > silenceMs;
    this.#silentChecks = isSilent ? this.#silentChecks + 1 : 0;
    if (this.#silentChecks >= 2 && this.#link !== undefined) {
      const link = this.#link;
      link.close();
      this.#lose(link);
    }
  }

  #lose(link: ControlLink<WorkerMessage>): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    if (this.#isClosed) return;
    const wasUp = this.#isUp;
    this.#isUp = false;
    if (wasUp) this.#handlers.onDown();
    const delayMs = 1 + backoffDelayMs(this.#attempt++, Math.random(), reconnectDelay);
    this.#retry = setTimeout(() => this.#connect(), delayMs);
  }
}
