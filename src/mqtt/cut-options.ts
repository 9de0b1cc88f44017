/** Milliseconds. */
export interface CutOptions {
  /** How long both legs deliver. */
  readonly overlapMs: number;
  /** How long the new one is waited for behind its SUBACK. */
  readonly settleMs: number;
  /**
   * Above 0 where the former broker may have a queue for the device: how long before it is unsubscribed the shell is told
   * that the queue is dry, so that it writes down where the session is.
   */
  readonly leaveMs: number;
  /**
   * How soon the former broker answers the PINGREQ at the end of the overlap if it does not sleep; behind a later answer the
   * overlap begins once more. Absent: it is not asked.
   */
  readonly promptMs?: number;
}
