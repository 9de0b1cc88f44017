import type { Socket } from 'node:net';
import type { AddressOctets } from '../plan/subnet-key.ts';
import { MessageFramer } from './message-framer.ts';

export interface TcpConnectionDeps {
  /** The answer to one message; undefined is silence. */
  readonly answer: (message: Uint8Array, asker: AddressOctets) => Uint8Array | undefined;
  readonly nowMs: () => number;
  /** A whole message came. */
  readonly onMessage: () => void;
}

export interface TcpTimes {
  /** Milliseconds that a connection may be silent, or its client not read. */
  readonly idleMs: number;
  /** Milliseconds from the first octet of a message to its last. */
  readonly messageMs: number;
}

/** Octets of answers that wait for a client that does not read, before no more questions are read from it. */
const mostWaiting = 65_536;
/** Messages answered in one turn of the event loop: a full buffer of tiny questions must not hold up the others. */
const messagesPerTurn = 32;

/** One TCP connection (RFC 7766): questions in a stream, answers as they are made. */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #asker: AddressOctets;
  readonly #deps: TcpConnectionDeps;
  readonly #framer = new MessageFramer();
  #activeAtMs: number;
  /** When the message that is under way began. */
  #messageSinceMs: number | undefined;
  /** Messages of the last chunk are still to be answered. */
  #isWorking = false;
  /** The client has asked all that it wanted: it gets its answers, then the end. */
  #isLast = false;

  constructor(socket: Socket, asker: AddressOctets, deps: TcpConnectionDeps) {
    this.#socket = socket;
    this.#asker = asker;
    this.#deps = deps;
    this.#activeAtMs = deps.nowMs();
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk as Buffer));
    // Also of a paused socket, while questions that came before it still wait for their turn.
    socket.on('end', () => {
      this.#isLast = true;
      if (!this.#isWorking) socket.end();
    });
    socket.on('drain', () => {
      this.#activeAtMs = deps.nowMs();
      this.#work();
    });
    // The close that follows says all that matters.
    socket.on('error', () => {});
  }

  /** Whether its time is up at `nowMs`. */
  isOverdue(nowMs: number, { idleMs, messageMs }: TcpTimes): boolean {
    const sinceMs = this.#messageSinceMs;
    if (sinceMs !== undefined && nowMs - sinceMs >= messageMs) return true;
    return nowMs - this.#activeAtMs >= idleMs;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#framer.feed(chunk);
    this.#isWorking = true;
    this.#work();
    // What is left of the chunk is worked off before more is read.
    if (this.#isWorking) this.#socket.pause();
  }

  #work(): void {
    if (!this.#isWorking || this.#socket.destroyed) return;
    this.#socket.cork();
    this.#isWorking = !this.#answerSome();
    this.#socket.uncork();
    if (this.#isWorking) return;
    if (this.#isLast) this.#socket.end();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** True when nothing is left to answer; else a later turn or the client's reading goes on. */
  #answerSome(): boolean {
    const nowMs = this.#deps.nowMs();
    for (let count = 0; count < messagesPerTurn; count += 1) {
      if (this.#socket.writableLength > mostWaiting) return false;
      const message = this.#framer.next();
      if (message === undefined) {
        this.#messageSinceMs = this.#framer.isInMessage ? (this.#messageSinceMs ?? nowMs) : undefined;
        return true;
      }
      this.#messageSinceMs = undefined;
      this.#activeAtMs = nowMs;
      this.#deps.onMessage();
      this.#reply(this.#deps.answer(message, this.#asker));
    }
    setImmediate(() => this.#work());
    return false;
  }

  #reply(answer: Uint8Array | undefined): void {
    if (answer === undefined) return;
    const framed = Buffer.allocUnsafe(2 + answer.length);
    framed.writeUInt16BE(answer.length, 0);
    framed.set(answer, 2);
    this.#socket.write(framed);
  }
}
