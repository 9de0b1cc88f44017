import type { Socket } from 'node:net';

/** Why a leg is not read. Several may hold at once; it is read when none does. */
export const gateReason = {
  /** What came from it last waits in the other leg's socket. */
  otherIsFull: 1,
  /** What it is sent in answer waits in its own socket, far above the mark. */
  ownIsFull: 2,
  /** The session machine takes no more of it at the moment. */
  machine: 4,
  /** It said more than is kept while it is held for a close in order. */
  holding: 8,
} as const;

/** Reads a socket exactly as long as nobody has a reason against it. */
export class ReadGate {
  readonly #socket: Socket;
  #reasons = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isShut(): boolean {
    return this.#reasons !== 0;
  }

  has(reason: number): boolean {
    return (this.#reasons & reason) !== 0;
  }

  shut(reason: number): void {
    if (this.#reasons === 0) this.#socket.pause();
    this.#reasons |= reason;
  }

  open(reason: number): void {
    if ((this.#reasons & reason) === 0) return;
    this.#reasons &= ~reason;
    if (this.#reasons === 0) this.#socket.resume();
  }

  /** Reads whatever anybody says: for a leg whose bytes nobody needs any more. */
  openWide(): void {
    this.#reasons = 0;
    this.#socket.resume();
  }
}
