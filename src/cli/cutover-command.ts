import type { Command } from 'commander';
import { withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { addMoveOptions, type MoveOptions, moveBody, performMove } from './move-command.ts';
import { parseWeightOption, renderWeightInWords } from './weight-option.ts';

interface CutoverOptions extends MoveOptions {
  readonly weight: number;
}

export function addCutoverCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'cutover <cohort>',
    summary: 'send a share of a cohort to its target broker',
    description:
      'Sets the weight of a cohort: the share of its devices that goes to the target. New connections follow at once, ' +
      'live ones as --live says. Raising a weight only adds devices. Prints the ID of the move first, then follows it.',
    examples: [
      ['cutover everyone --weight 5% --reason "canary looks good"', 'five per cent of the cohort, live sessions too'],
      ['cutover gen1 --weight 0.01% --live keep --no-wait', 'only devices that connect from now on'],
      ['cutover everyone --weight 10000bps --pace 100/s', 'all of it, 100 live sessions a second'],
    ],
  }).requiredOption('--weight <weight>', 'share of the cohort: 5%, 0.01% or 500bps', parseWeightOption);
  addMoveOptions(command).action((cohort: string, options: CutoverOptions) => cutover(cohort, options, context));
}

function cutover(cohort: string, options: CutoverOptions, context: CommandContext): Promise<void> {
  return withAdmin(options, context.terminal, async (client) => {
    const body = { weightBps: options.weight, ...moveBody(options) };
    const request = () => client.cutover(cohort, body);
    const title = `${cohort} to ${renderWeightInWords(options.weight)} of its devices on the target`;
    await performMove({ client, request, title, options }, context);
  });
}
