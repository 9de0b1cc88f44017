import type { Command } from 'commander';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { renderStatus } from './status-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface StatusOptions extends AdminOptions {
  readonly json?: true;
}

export function addStatusCommand(program: Command, { terminal }: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'status',
    summary: 'brokers, cohorts, listeners, workers and the revision of a running gateway',
    description: 'Shows where the fleet is now. The figures are of all workers together.',
    examples: [
      ['status', 'tables for eyes'],
      ['status --json', 'one JSON document for scripts'],
    ],
  }).option('--json', 'the document of GET /v1/status');
  addAdminOptions(command).action((options: StatusOptions) => status(options, terminal));
}

function status(options: StatusOptions, terminal: Terminal): Promise<void> {
  return withAdmin(options, terminal, async (client) => {
    const document = await answerOf(client.status());
    if (options.json) await writeJson(terminal, document);
    else await write(terminal.stdout, renderStatus(document, terminal.style));
  });
}
