import type { Command } from 'commander';
import { withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { addMoveOptions, type MoveOptions, moveBody, performMove } from './move-command.ts';
import { parseWeightOption, renderWeightInWords } from './weight-option.ts';

interface CutoverOptions extends MoveOptions {
  readonly weight: number;
  readonly prepare?: true;
  readonly unbridgedOk?: true;
}

export function addCutoverCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'cutover <cohort>',
    summary: 'send a share of a cohort to its target broker',
    description:
      'Sets the weight of a cohort: the share of its devices that goes to the target. New connections follow at once, ' +
      'live ones as --live says. Raising a weight only adds devices. Prints the ID of the move first, then follows it. ' +
      'It is refused (exit 2) where devices would lose the other end of topics that neither the bridge carries nor the ' +
      'services at the target serve. With --prepare the second connections of live sessions are made ahead, and the same command without it takes ' +
      'effect at once.',
    examples: [
      ['cutover everyone --weight 5% --reason "canary looks good"', 'five per cent of the cohort, live sessions too'],
      ['cutover everyone --weight 50% --dry-run', 'how many sessions would move, and how long it would take'],
      ['cutover everyone --weight 50% --prepare', 'make the second connections now, move later'],
      ['cutover gen1 --weight 0.01% --live keep --no-wait', 'only devices that connect from now on'],
      ['cutover everyone --weight 10000bps --pace 100/s', 'all of it, 100 live sessions a second'],
    ],
  })
    .requiredOption('--weight <weight>', 'share of the cohort: 5%, 0.01% or 500bps', parseWeightOption)
    .option('--prepare', 'make the second connections of live sessions for that weight, and move nothing yet')
    .option('--unbridged-ok', 'go on where devices lose the other end of topics; kept in the plan history');
  addMoveOptions(command).action((cohort: string, options: CutoverOptions) => cutover(cohort, options, context));
}

function cutover(cohort: string, options: CutoverOptions, context: CommandContext): Promise<void> {
  const { prepare = false, unbridgedOk = false, live, weight } = options;
  if (prepare && live !== undefined && live !== 'handover') {
    throw usageFailure(`--prepare makes second connections, --live ${live} uses none`, 'leave --live out');
  }
  return withAdmin(options, context.terminal, async (client) => {
    const body = {
      weightBps: weight,
      ...moveBody(options),
      ...(prepare && { prepareOnly: true }),
      ...(unbridgedOk && { unbridgedOk }),
    };
    const request = () => client.cutover(cohort, body);
    const rehearse = () => client.dryRunCutover(cohort, body);
    const share = renderWeightInWords(weight);
    const title = prepare
      ? `${cohort} prepared for ${share} of its devices on the target`
      : `${cohort} to ${share} of its devices on the target`;
    await performMove({ client, request, rehearse, title, options, prepares: prepare }, context);
  });
}
