import type { Command } from 'commander';
import { Option } from 'commander';
import type { LiveMode, MoveAccepted, MoveDocument } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import { type AdminOptions, addAdminOptions } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes } from './exit-codes.ts';
import { followMove } from './move-follower.ts';
import { renderMoveOutcome } from './move-rendering.ts';
import { renderCohorts } from './status-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parsePaceOption } from './weight-option.ts';

/** What `cutover` and `rollback` have in common: how live sessions follow, and whether the command waits. */
export interface MoveOptions extends AdminOptions {
  readonly reason?: string;
  readonly pace?: number;
  readonly live: LiveMode;
  readonly wait: boolean;
  readonly json?: true;
}

export function addMoveOptions(command: Command): Command {
  command
    .option('--reason <text>', 'why, for the plan history')
    .option(
      '--pace <rate>',
      'live sessions per second, such as 100/s (default: limits.reconnectsPerSecond)',
      parsePaceOption,
    )
    .addOption(
      new Option('--live <mode>', 'live sessions: close them in order so that they come back, or keep them')
        .choices(['reconnect', 'keep'])
        .default('reconnect'),
    )
    .option('--no-wait', 'return once the move has begun')
    .option('--json', 'JSON lines: the move that began, then the move that ended');
  return addAdminOptions(command);
}

/** The fields of both requests' bodies that come from the common options. */
export function moveBody({ reason, pace, live }: MoveOptions) {
  return { live, ...(reason !== undefined && { reason }), ...(pace !== undefined && { pacePerSecond: pace }) };
}

/** Prints the move's ID at once, then follows it to its end unless told not to wait. */
export async function reportMove(
  accepted: MoveAccepted,
  { client, title, options }: { readonly client: AdminClient; readonly title: string; readonly options: MoveOptions },
  { terminal, setExitCode }: CommandContext,
): Promise<void> {
  const { move, revision } = accepted;
  if (options.json) await writeJson(terminal, accepted);
  else await write(terminal.stdout, `move ${move.id} (revision ${revision}): ${title}\n`);
  if (!options.wait) return;
  const ended = await followMove(client, move.id, terminal);
  if (options.json) await writeJson(terminal, ended);
  else
    await write(
      terminal.stdout,
      `${renderMoveOutcome(ended, terminal.style)}${await renderSeenCohorts(ended, client, terminal)}`,
    );
  setExitCode(exitCodeOf(ended));
}

/** What the weight means in devices seen (contract section 3); left out where the gateway cannot tell now. */
async function renderSeenCohorts({ cohorts }: MoveDocument, client: AdminClient, { style }: Terminal): Promise<string> {
  const status = await client.status();
  if (!status.ok) return '';
  const moved = status.value.cohorts.filter(({ name }) => cohorts.includes(name));
  return moved.length === 0 ? '' : `\n${renderCohorts(moved, style)}`;
}

/** Done is done, with refused and pending devices listed; every other end is a failure of the command. */
function exitCodeOf({ state }: MoveDocument): number {
  return state === 'done' ? exitCodes.done : exitCodes.failed;
}
