/** How one move went. */
export interface MoveRecord {
  readonly name: string;
  readonly state: string;
  readonly eligible: number;
  readonly moved: number;
  readonly refused: number;
  /** What the gateway said of the first refused ones. */
  readonly reasons: readonly string[];
  readonly message: string | null;
  /** Sessions that were not where the plan wants them when it had ended. */
  readonly leftBehind: number;
  /** Milliseconds from the operator's call until all sessions had switched. */
  readonly switchedMs: number;
  /** A fault was made in the middle of it. */
  readonly isDisturbed: boolean;
}
