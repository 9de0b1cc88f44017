import type { Socket } from 'node:net';

/** Large enough for what most reads of a source become, small enough for thousands of connections. */
const slabBytes = 32_768;
/** A write of its own: copying it would cost more than a system call. */
const ownWriteBytes = 8_192;

/** What is written to a socket in one turn of the event loop, joined in memory: one buffer, one system call. */
export class OutputBatch {
  readonly #socket: Socket;
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  /** What is not written begins here and ends at `#end`; what lies before it may still wait in the socket. */
  #start = 0;
  #end = 0;
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Takes a copy of the first `length` bytes. */
  add(bytes: Buffer, length: number): void {
    if (length >= ownWriteBytes) {
      this.flush();
      this.#write(Buffer.from(bytes.subarray(0, length)));
      return;
    }
    if (length > slabBytes - this.#end) {
      this.flush();
      if (length > slabBytes - this.#end) this.#renew();
    }
    const slab = this.#slab;
    const end = this.#end;
    // An acknowledgement is copied sooner than a native copy begins.
    if (length <= 8) for (let at = 0; at < length; at += 1) slab[end + at] = bytes[at] as number;
    else bytes.copy(slab, end, 0, length);
    this.#end = end + length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flushInTurn);
  }

  flush(): void {
    if (this.#end === this.#start) return;
    this.#write(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
    // The kernel has all of it: the bytes are ours again.
    if (this.#socket.writableLength === 0) this.#start = this.#end = 0;
  }

  readonly #flushInTurn = () => {
    this.#isScheduled = false;
    this.flush();
  };

  #renew(): void {
    this.#slab = Buffer.allocUnsafeSlow(slabBytes);
    this.#start = this.#end = 0;
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }
}
