/** What an operator's verb asks of the live sessions of its cohorts. */
export interface MoveRequest {
  readonly kind: 'cutover' | 'rollback';
  readonly cohorts: readonly string[];
  readonly revision: number;
  readonly author: string;
  readonly reason: string;
  readonly live: 'reconnect' | 'keep';
  readonly pacePerSecond: number;
}
