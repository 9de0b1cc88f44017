import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { addPlanApplyCommand } from './plan-apply-command.ts';
import { addPlanDiffCommand } from './plan-diff-command.ts';
import { addPlanHistoryCommand } from './plan-history-command.ts';
import { addPlanShowCommand } from './plan-show-command.ts';

export function addPlanCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'plan',
    summary: 'show, compare and replace the plan',
    description: 'The plan says who goes where. Every change is a new revision; revisions are never changed.',
    examples: [
      ['plan show > plan.yaml', 'the plan in force, with the revision that it is'],
      ['plan history', 'who changed what, when and why'],
      ['plan diff 3 5', 'what two revisions differ in'],
      ['plan apply plan.yaml --reason "second cohort"', 'make an edited plan the next revision'],
    ],
  });
  addPlanShowCommand(command, context);
  addPlanHistoryCommand(command, context);
  addPlanDiffCommand(command, context);
  addPlanApplyCommand(command, context);
}
