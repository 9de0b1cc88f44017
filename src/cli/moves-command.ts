import type { Command } from 'commander';
import type { MoveDocument } from '../admin/admin-api.ts';
import type { AdminClient, ClientResult } from '../admin/admin-client.ts';
import { type AdminOptions, addAdminOptions, answerOf, listedBy, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { exitCodeOf } from './move-command.ts';
import { followMove } from './move-follower.ts';
import { renderAllMoves, renderMoveOutcome } from './move-rendering.ts';
import { printable } from './printable.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface MovesOptions extends AdminOptions {
  readonly json?: true;
}

export function addMovesCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'moves',
    summary: 'list, follow, pause, resume and abort the moves of live sessions',
    description: 'Every cutover and rollback begins a move: the live sessions of its cohorts following the new plan.',
    examples: [
      ['moves list', 'moves under way and ended ones, newest first'],
      ['moves watch m7-mgk2x1', 'follow one to its end'],
      ['moves pause m7-mgk2x1', 'begin no further session for now'],
    ],
  });
  addListCommand(command, context);
  addWatchCommand(command, context);
  addTurnCommand(command, context, {
    verb: 'pause',
    summary: 'begin no further session of a move',
    description: 'Sessions that have switched finish; the others stay where they are until "moves resume".',
    turn: (client, id) => client.pauseMove(id),
  });
  addTurnCommand(command, context, {
    verb: 'resume',
    summary: 'go on with a paused move',
    description:
      'Goes on with a move that was paused. A cutover that a freeze paused goes on by itself after "unfreeze".',
    turn: (client, id) => client.resumeMove(id),
  });
  addTurnCommand(command, context, {
    verb: 'abort',
    summary: 'end a move where it stands',
    description:
      'Sessions that have not switched stay where they are, and their second connections are closed, also those of a ' +
      'preparation that is done. The plan stays as it is: "crossfade rollback" changes it.',
    turn: (client, id) => client.abortMove(id),
  });
}

function addListCommand(parent: Command, { terminal }: CommandContext): void {
  const command = defineCommand(parent, {
    usage: 'list',
    summary: 'moves under way and ended ones, newest first',
    description:
      'Lists the last 200 moves, those before a restart too. Of a preparation, MOVED counts prepared sessions.',
    examples: [
      ['moves list', 'a table'],
      ['moves list --json', 'the documents of GET /v1/moves'],
    ],
  }).option('--json', 'the documents of GET /v1/moves');
  addAdminOptions(command).action((options: MovesOptions) =>
    withAdmin(options, terminal, async (client) => {
      const moves = await answerOf(client.moves());
      if (options.json) return writeJson(terminal, moves);
      await write(terminal.stdout, renderAllMoves(moves, terminal.style) || 'no move yet\n');
    }),
  );
}

function addWatchCommand(parent: Command, { terminal, setExitCode }: CommandContext): void {
  const command = defineCommand(parent, {
    usage: 'watch <id>',
    summary: 'follow a move to its end',
    description:
      'Shows the progress of a move on stderr until it has ended, then how it ended. Exit code 0: it is done.',
    examples: [
      ['moves watch m7-mgk2x1', 'a bar on a terminal, plain lines elsewhere'],
      ['moves watch m7-mgk2x1 --json', 'the move that ended, as one JSON document'],
    ],
  }).option('--json', 'the document of the move that ended');
  addAdminOptions(command).action((id: string, options: MovesOptions) =>
    withAdmin(options, terminal, async (client) => {
      await answerOf(client.move(id), listedBy.move);
      const ended = await followMove(client, id, terminal);
      setExitCode(exitCodeOf(ended));
      if (options.json) return writeJson(terminal, ended);
      await write(terminal.stdout, renderMoveOutcome(ended, terminal.style));
    }),
  );
}

interface Turn {
  readonly verb: 'pause' | 'resume' | 'abort';
  readonly summary: string;
  readonly description: string;
  readonly turn: (client: AdminClient, id: string) => ClientResult<MoveDocument>;
}

function addTurnCommand(
  parent: Command,
  { terminal }: CommandContext,
  { verb, summary, description, turn }: Turn,
): void {
  const command = defineCommand(parent, {
    usage: `${verb} <id>`,
    summary,
    description,
    examples: [[`moves ${verb} m7-mgk2x1`, `${verb} one move; "moves list" has the IDs`]],
  }).option('--json', 'the document of the move as it stands now');
  addAdminOptions(command).action((id: string, options: MovesOptions) =>
    withAdmin(options, terminal, async (client) => {
      const move = await answerOf(turn(client, id), listedBy.move);
      if (options.json) await writeJson(terminal, move);
      else await writeState(move, terminal);
    }),
  );
}

function writeState({ id, state, message }: MoveDocument, { stdout }: Terminal): Promise<void> {
  return write(stdout, `move ${id}: ${state}${message === null ? '' : `, ${printable(message)}`}\n`);
}
