import type { Command } from 'commander';
import type { RevisionDocument } from '../admin/admin-api.ts';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { type Column, renderTable } from './table.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface PlanHistoryOptions extends AdminOptions {
  readonly limit: number;
  readonly json?: true;
}

export function addPlanHistoryCommand(plan: Command, { terminal }: CommandContext): void {
  const command = defineCommand(plan, {
    usage: 'history',
    summary: 'the revisions: when, who and why',
    description: 'Lists the revisions of the plan, newest first.',
    examples: [
      ['plan history', 'the last 20 revisions'],
      ['plan history --limit 100 --json', 'the last 100, with the plan of each'],
    ],
  })
    .option('--limit <number>', 'revisions to list', parseCountOption, 20)
    .option('--json', 'one JSON list, with the plan of each revision');
  addAdminOptions(command).action((options: PlanHistoryOptions) => showHistory(options, terminal));
}

const columns: readonly Column<RevisionDocument>[] = [
  { title: 'REVISION', value: ({ revision }) => String(revision), align: 'right' },
  { title: 'TIME', value: ({ at }) => at },
  { title: 'AUTHOR', value: ({ author }) => author },
  { title: 'REASON', value: ({ reason }) => reason },
];

function showHistory(options: PlanHistoryOptions, terminal: Terminal): Promise<void> {
  return withAdmin(options, terminal, async (client) => {
    const revisions = await answerOf(client.revisions({ limit: options.limit }));
    if (options.json) await writeJson(terminal, revisions);
    else await write(terminal.stdout, renderTable(columns, revisions, terminal.style));
  });
}
