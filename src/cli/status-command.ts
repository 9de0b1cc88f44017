import type { Command } from 'commander';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { renderMoves } from './move-rendering.ts';
import { renderStatus } from './status-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface StatusOptions extends AdminOptions {
  readonly json?: true;
}

export function addStatusCommand(program: Command, { terminal }: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'status',
    summary: 'brokers, cohorts, moves, listeners, workers, sites, zones and the revision of a running gateway',
    description:
      'Shows where the fleet is now, the moves under way and the last few that ended. The figures are of all workers together. ' +
      'MOVING are live sessions that are not where the plan wants them, whether a move takes them there or not ' +
      '("sessions list --pending" says why); UNDER WAY are handovers that have begun. PREPARED are second connections ' +
      'for a weight that is to come, WARM those that are kept for the way back. A broker is down when nobody has heard ' +
      'from it since it was found silent or unreachable, and unsure when the workers disagree or nobody has asked lately.',
    examples: [
      ['status', 'tables for eyes'],
      ['status --json', 'one JSON document for scripts'],
    ],
  }).option('--json', 'the document of GET /v1/status, with every move of GET /v1/moves as "moves"');
  addAdminOptions(command).action((options: StatusOptions) => status(options, terminal));
}

function status(options: StatusOptions, terminal: Terminal): Promise<void> {
  return withAdmin(options, terminal, async (client) => {
    const [document, moves] = await Promise.all([answerOf(client.status()), answerOf(client.moves())]);
    if (options.json) await writeJson(terminal, { ...document, moves });
    else await write(terminal.stdout, renderStatus(document, renderMoves(moves, terminal.style), terminal.style));
  });
}
