import type { Command } from 'commander';
import { type AdminOptions, addAdminOptions, answerOf, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface PlanShowOptions extends AdminOptions {
  readonly json?: true;
}

export function addPlanShowCommand(plan: Command, { terminal }: CommandContext): void {
  const command = defineCommand(plan, {
    usage: 'show',
    summary: 'the plan in force, as YAML',
    description: 'Prints the plan in force, with the revision that it is. "plan apply" takes the same file back.',
    examples: [
      ['plan show > plan.yaml', 'a file to edit and apply'],
      ['plan show --json', 'the same as one JSON document'],
    ],
  }).option('--json', 'JSON in place of YAML');
  addAdminOptions(command).action((options: PlanShowOptions) => showPlan(options, terminal));
}

function showPlan(options: PlanShowOptions, terminal: Terminal): Promise<void> {
  return withAdmin(options, terminal, async (client) => {
    const plan = await answerOf(client.plan());
    if (options.json) await writeJson(terminal, plan);
    else await write(terminal.stdout, (await import('./plan-file.ts')).renderPlanFile(plan));
  });
}
