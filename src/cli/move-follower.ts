import { setTimeout as delay } from 'node:timers/promises';
import type { MoveDocument } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import { toCommandFailure } from './admin-access.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress, type ProgressState } from './progress.ts';
import type { Terminal } from './terminal.ts';

const pollMs = 200;
/** Milliseconds a gateway may be away (a restart of its control process) before following it is given up. */
const patienceMs = 15_000;

/** Asks for the move until it has ended, with its progress on stderr. */
export async function followMove(client: AdminClient, id: string, terminal: Terminal): Promise<MoveDocument> {
  const progress = createProgress(terminal);
  try {
    let answeredAt = performance.now();
    for (;;) {
      const answer = await client.move(id);
      if (answer.ok) {
        answeredAt = performance.now();
        progress.update(progressOf(answer.value));
        if (hasEnded(answer.value)) return answer.value;
      } else if (answer.error.kind === 'problem' && answer.error.problem.status < 500) {
        throw toCommandFailure(answer.error);
      } else if (performance.now() - answeredAt > patienceMs) {
        const { message } = toCommandFailure(answer.error);
        throw new CommandFailure(
          answer.error.kind === 'problem' ? exitCodes.failed : exitCodes.unreachable,
          `lost sight of move ${id}: ${message}`,
          'the move does not depend on this command; "crossfade status" shows where it stands',
        );
      }
      await delay(pollMs);
    }
  } finally {
    progress.end();
  }
}

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

export function progressOf(move: MoveDocument): ProgressState {
  const refused = move.refused.length === 0 ? '' : `, ${move.refused.length} refused`;
  return { done: move.moved, total: move.eligible, text: `moved (${move.state}${refused})` };
}
