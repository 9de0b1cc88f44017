/** Why a session's handover ended before its switch. */
export interface Setback {
  /** One word; two of the same are taken to be lasting. */
  readonly kind: string;
  readonly isLasting: boolean;
  readonly message: string;
}

interface Remembered extends Setback {
  readonly move: string;
  readonly times: number;
  readonly notBeforeMs: number;
}

/** A session is left alone for as long behind a handover that failed, and up to twice that. Milliseconds. */
const restMs = 4_000;

/** Times the same may go wrong before the session stays where it is, for the rest of the move. */
const patience = 2;

/** What went wrong with the handovers of live sessions, by connection, so that each is left alone for a while, or for good. */
export class HandoverSetbacks {
  readonly #byConnection = new Map<number, Remembered>();

  /** `random`: 0 ≤ number < 1, drawn by the caller. */
  note(
    connection: number,
    setback: Setback,
    at: { readonly move: string; readonly nowMs: number; readonly random: number },
  ): void {
    const { move, nowMs, random } = at;
    const before = this.#byConnection.get(connection);
    const isAgain = before?.kind === setback.kind && before.move === move;
    const notBeforeMs = nowMs + restMs * (1 + random);
    this.#byConnection.set(connection, { ...setback, move, times: isAgain ? before.times + 1 : 1, notBeforeMs });
  }

  /** Why the session stays where it is for the rest of this move. */
  stayReason(connection: number, move: string): string | undefined {
    const setback = this.#byConnection.get(connection);
    if (setback?.move !== move) return undefined;
    return setback.isLasting || setback.times >= patience ? setback.message : undefined;
  }

  messageOf(connection: number): string | undefined {
    return this.#byConnection.get(connection)?.message;
  }

  rests(connection: number, nowMs: number): boolean {
    return (this.#byConnection.get(connection)?.notBeforeMs ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  forget(connection: number): void {
    this.#byConnection.delete(connection);
  }
}
