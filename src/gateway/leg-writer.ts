import type { Socket } from 'node:net';

/**
 * Writes to one leg. What is written during one event leaves in one system call: a single write goes out as it is, which
 * is the common case and costs nothing, and only further ones cork the socket.
 */
export class LegWriter {
  readonly #socket: Socket;
  #first: Buffer | undefined;
  #isCorked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that the socket has not delivered yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** The socket is full and will say `drain`. */
  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  write(bytes: Buffer): void {
    if (this.#first === undefined && !this.#isCorked) {
      this.#first = bytes;
      return;
    }
    if (!this.#socket.writable) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      if (this.#first !== undefined) this.#socket.write(this.#first);
      this.#first = undefined;
    }
    this.#socket.write(bytes);
  }

  /** False: the socket is full, and says `drain` when it is not. What a closed socket is given is dropped. */
  flush(): boolean {
    if (this.#isCorked) {
      this.#isCorked = false;
      this.#socket.uncork();
      return !this.#socket.writableNeedDrain;
    }
    const bytes = this.#first;
    if (bytes === undefined) return true;
    this.#first = undefined;
    return this.#socket.writable ? this.#socket.write(bytes) : true;
  }
}
