import { type Command, Option } from 'commander';
import type { RollbackBody } from '../admin/admin-api.ts';
import { listedBy, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { addMoveOptions, type MoveOptions, moveBody, performMove } from './move-command.ts';
import { parseCountOption, parseWeightOption, renderWeightInWords } from './weight-option.ts';

interface RollbackOptions extends MoveOptions {
  readonly all?: true;
  readonly to?: number;
  readonly revision?: number;
}

export function addRollbackCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'rollback [cohort]',
    summary: 'take a cohort, or all of them, back to the source broker',
    description:
      'Sets the weight of a cohort to 0, or as --to or --revision says, and brings live sessions back. ' +
      'The devices that were moved last go back first. Prints the ID of the move first, then follows it.',
    examples: [
      ['rollback everyone --reason "latency alarm"', 'all devices of the cohort back to the source'],
      ['rollback everyone --to 5%', 'keep the first five per cent on the target'],
      ['rollback everyone --dry-run', 'how many sessions would go back, and how long it would take'],
      ['rollback --all --revision 3', 'the weights of all cohorts as they were in revision 3'],
    ],
  })
    .option('--all', 'every cohort')
    .addOption(
      new Option('--to <weight>', 'the weight to go back to: 5%, 0.01% or 500bps (default: 0%)')
        .argParser(parseWeightOption)
        .conflicts('revision'),
    )
    .option('--revision <number>', 'the weights of an earlier revision', parseCountOption);
  addMoveOptions(command).action((cohort: string | undefined, options: RollbackOptions) =>
    rollback(cohort, options, context),
  );
}

async function rollback(cohort: string | undefined, options: RollbackOptions, context: CommandContext): Promise<void> {
  if ((cohort === undefined) !== (options.all === true)) {
    throw usageFailure('expected a cohort or --all, one of the two', '"crossfade status" lists the cohorts');
  }
  await withAdmin(options, context.terminal, async (client) => {
    const body: RollbackBody = {
      ...moveBody(options),
      ...(options.to !== undefined && { toBps: options.to }),
      ...(options.revision !== undefined && { revision: options.revision }),
    };
    const request = () => (cohort === undefined ? client.rollbackAll(body) : client.rollback(cohort, body));
    const rehearse = () =>
      cohort === undefined ? client.dryRunRollbackAll(body) : client.dryRunRollback(cohort, body);
    const missing = missingHint(cohort, options);
    const title = `${cohort ?? 'every cohort'} back to ${renderGoal(options)}`;
    await performMove({ client, request, rehearse, title, options, missing }, context);
  });
}

function missingHint(cohort: string | undefined, { revision }: RollbackOptions): string {
  if (revision === undefined) return listedBy.anything;
  return cohort === undefined ? listedBy.revision : listedBy.cohortOrRevision;
}

function renderGoal({ to, revision }: RollbackOptions): string {
  return revision === undefined ? renderWeightInWords(to ?? 0) : `the weights of revision ${revision}`;
}
