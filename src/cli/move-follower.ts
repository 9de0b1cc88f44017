import { setTimeout as delay } from 'node:timers/promises';
import type { MoveDocument } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import { isFinalFailure, toCommandFailure } from './admin-access.ts';
import { CommandFailure } from './command-failure.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { hasEnded } from '../admin/move-end.ts';
import { createProgress, type Progress, type ProgressState } from './progress.ts';
import type { Terminal } from './terminal.ts';

const pollMs = 200;
/** Milliseconds a gateway may be away (a restart of its control process) before following it is given up. */
const patienceMs = 15_000;

/**
 * Asks for the move until it has ended, with its progress on stderr. Ctrl-C ends the following alone, and says so:
 * an operator must not believe that it ended the move.
 */
export async function followMove(client: AdminClient, id: string, terminal: Terminal): Promise<MoveDocument> {
  const progress = createProgress(terminal);
  const interruption = Promise.withResolvers<never>();
  const interrupt = () =>
    interruption.reject(leftFailure(exitCodes.failed, `no longer following move ${id}, it goes on`));
  process.once('SIGINT', interrupt);
  try {
    return await Promise.race([pollMove(client, id, progress), interruption.promise]);
  } finally {
    process.off('SIGINT', interrupt);
    progress.end();
  }
}

async function pollMove(client: AdminClient, id: string, progress: Progress): Promise<MoveDocument> {
  let answeredAt = performance.now();
  for (;;) {
    const answer = await client.move(id);
    if (answer.ok) {
      answeredAt = performance.now();
      progress.update(progressOf(answer.value));
      if (hasEnded(answer.value)) return answer.value;
    } else if (isFinalFailure(answer.error) || performance.now() - answeredAt > patienceMs) {
      const { exitCode, message } = toCommandFailure(answer.error);
      throw leftFailure(exitCode, `lost sight of move ${id}: ${message}`);
    }
    await delay(pollMs);
  }
}

function leftFailure(exitCode: ExitCode, message: string): CommandFailure {
  const nextStep =
    'the move does not depend on this command: "crossfade moves list" shows where it stands, "crossfade rollback" takes it back';
  return new CommandFailure(exitCode, message, nextStep);
}

export function progressOf(move: MoveDocument): ProgressState {
  const { state, prepareOnly, prepared, moved, underWay, aborted, refusedTotal, message } = move;
  const figures: readonly (readonly [number, string])[] = [
    [underWay, 'under way'],
    [aborted, 'given up'],
    [refusedTotal, 'refused'],
  ];
  const told = [state, ...figures.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`)].join(', ');
  const reason = !hasEnded(move) && message !== null ? `: ${message}` : '';
  const [done, verb] = prepareOnly ? [prepared, 'prepared'] : [moved, 'moved'];
  return { done, total: move.eligible, text: `${verb} (${told})${reason}` };
}
