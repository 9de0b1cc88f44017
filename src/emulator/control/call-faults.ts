import type { OperationName } from '../account/operation.ts';

/** What a test lets happen to one call. `cut` closes the connection without an answer. */
export interface CallFault {
  readonly what: 'throttle' | 'fail' | 'unavailable' | 'cut';
  /** `after`: the operation took effect, and its caller does not learn of it. */
  readonly when: 'before' | 'after';
}

/** Asked before each call; `number` counts all calls of the control plane from 1. */
export type BeforeCall = (operation: OperationName, number: number) => CallFault | undefined;
