/** Why a session's handover ended before its switch. */
export interface Setback {
  /** One word; two of the same in a row are taken to be lasting. */
  readonly kind: string;
  readonly isLasting: boolean;
  readonly message: string;
}

export const preparedLost: Setback = {
  kind: 'prepared-lost',
  isLasting: false,
  message: 'the broker closed the leg that stood by',
};

/** Who asks for a session. */
export interface SetbackQuestion {
  readonly move: string;
  /** It is asked for as long as the plan stands: nothing ends that, it only takes longer and longer until the next attempt. */
  readonly isUpkeep?: boolean;
}

interface Remembered extends Setback {
  readonly move: string;
  /** Of this kind, and of any kind, in a row. */
  readonly times: number;
  readonly inARow: number;
  readonly atMs: number;
  readonly random: number;
  /** Nobody reached the broker at that time. */
  readonly wasDown: boolean;
}

/**
 * A session is left alone for as long behind a handover that failed, doubling in a row, and up to twice that. What asking
 * again does not change is asked again for `lastingMs` only: somebody may have allowed it meanwhile. Milliseconds.
 */
const rest = { firstMs: 4_000, longestMs: 60_000, lastingMs: 900_000 } as const;

/** What went wrong longer ago has nothing to do with what goes wrong now: milliseconds. */
const sameTroubleMs = 600_000;

/** Times the same may go wrong before the session stays where it is, for the rest of the move. */
const patience = 2;

/** What went wrong with the handovers of live sessions, by connection, so that each is left alone for a while, or for good. */
export class HandoverSetbacks {
  readonly #byConnection = new Map<number, Remembered>();

  /** `random`: 0 ≤ number < 1, drawn by the caller. `isDown`: nobody reaches the broker. */
  note(
    connection: number,
    setback: Setback,
    at: { readonly move: string; readonly nowMs: number; readonly random: number; readonly isDown: boolean },
  ): void {
    const { move, nowMs: atMs, random, isDown: wasDown } = at;
    const before = this.#byConnection.get(connection);
    const isAgain = before?.move === move && atMs - before.atMs < sameTroubleMs;
    const times = isAgain && before.kind === setback.kind ? before.times + 1 : 1;
    const inARow = isAgain ? before.inARow + 1 : 1;
    this.#byConnection.set(connection, { ...setback, move, times, inARow, atMs, random, wasDown });
  }

  /** The gateway's own bounds had no room for it: nothing went wrong, and it waits for its next turn. */
  requeue(
    connection: number,
    message: string,
    at: { readonly move: string; readonly nowMs: number; readonly random: number },
  ): void {
    const { move, nowMs: atMs, random } = at;
    const queued = { kind: 'rate', isLasting: false, message, times: 0, inARow: 1, wasDown: false };
    this.#byConnection.set(connection, { ...queued, move, atMs, random });
  }

  /** Why the session stays where it is for the rest of this move. */
  stayReason(connection: number, { move, isUpkeep = false }: SetbackQuestion): string | undefined {
    const setback = this.#byConnection.get(connection);
    if (setback?.move !== move || isUpkeep) return undefined;
    return setback.isLasting || setback.times >= patience ? setback.message : undefined;
  }

  messageOf(connection: number): string | undefined {
    return this.#byConnection.get(connection)?.message;
  }

  /** It is left alone for now. A broker that was down, and is no more, is asked again at once. */
  rests(connection: number, { move }: SetbackQuestion, at: { nowMs: number; isDown: () => boolean }): boolean {
    const setback = this.#byConnection.get(connection);
    if (setback === undefined || (setback.wasDown && !at.isDown())) return false;
    const restMs = setback.move === move ? restMsOf(setback) : rest.firstMs;
    return at.nowMs < setback.atMs + restMs * (1 + setback.random);
  }

  forget(connection: number): void {
    this.#byConnection.delete(connection);
  }
}

function restMsOf({ isLasting, inARow }: Remembered): number {
  return isLasting ? rest.lastingMs : Math.min(rest.longestMs, rest.firstMs * 2 ** (inARow - 1));
}
