import type { MoveDocument } from './admin-api.ts';

/** Whether nothing will change about a move any more. */
export function hasEnded({ state }: Pick<MoveDocument, 'state'>): boolean {
  switch (state) {
    case 'running':
    case 'paused':
      return false;
    case 'done':
    case 'failed':
    case 'aborted':
    case 'superseded':
      return true;
  }
}
