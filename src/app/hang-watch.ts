/** Pings in a row that a process may leave unanswered: 20 s of the supervisor's pings. */
export const pingsUnanswered = 10;

/**
 * Whether a process hangs, by pings without an answer instead of time: behind a pause of the whole machine (a virtual
 * machine that was moved, a starved host) the supervisor wakes before it has read what its processes answered, and would
 * end every healthy one of them.
 */
export class HangWatch {
  #unanswered = 0;

  /** The process said something, whatever it was. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** Called for each ping that is due. True: send it; false: the process hangs. */
  mayPing(): boolean {
    if (this.#unanswered >= pingsUnanswered) return false;
    this.#unanswered += 1;
    return true;
  }
}
