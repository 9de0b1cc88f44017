import type { Command } from 'commander';
import { Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { countCohortRows, readCohortFile } from './cohort-file.ts';
import type { CollectionDocument } from './collect-cohort.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress } from './progress.ts';
import { addCohortOptions, type CohortOptions, openMint, resolveCohortTarget } from './registration-target.ts';
import { renderTable } from './table.ts';
import { write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface CollectOptions extends CohortOptions {
  readonly epochs: number;
  readonly yes?: true;
}

export function addAwsCollectCommand(aws: Command, context: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'collect',
    summary: 'remove minted certificates that no gateway presents any more',
    description:
      'For each device of a CSV file: the certificates of its former epochs that are not valid any more lose their rights ' +
      'and are deleted. Without --yes it only counts them. It asks for those that the mint of the configuration makes, so ' +
      "no other certificate can be meant, the device's own least of all; those of a former CA or secret are not found. " +
      'Running it again changes nothing, and ends what was begun.',
    examples: [
      ['aws collect --from fleet.csv --config crossfade.yaml', 'how many there are, changing nothing'],
      ['aws collect --from fleet.csv --config crossfade.yaml --yes', 'remove them'],
    ],
  });
  addCohortOptions(command)
    .addOption(
      new Option('--epochs <n>', 'former epochs of each device that are looked for')
        .argParser(parseCountOption)
        .default(2),
    )
    .option('--yes', 'remove what is found')
    .action((options: CollectOptions) => collect(options, context));
}

async function collect(options: CollectOptions, { terminal, setExitCode }: CommandContext): Promise<void> {
  const target = await resolveCohortTarget(options, terminal.environment);
  const total = await countCohortRows(options.from);
  if (total === 0) throw usageFailure(`${options.from} has no rows below its first line`);
  const minted = await openMint(target);
  const [{ openDeviceAccount }, { collectCohort }] = await Promise.all([
    import('../aws/device-account.ts'),
    import('./collect-cohort.ts'),
  ]);
  const account = await openDeviceAccount(target.account);
  const progress = createProgress(terminal);
  let document: CollectionDocument;
  try {
    document = await collectCohort(readCohortFile(options.from, target.deviceKind), {
      ...{ minted, registry: account.registry, epochs: options.epochs, isDryRun: options.yes !== true },
      account: target.configuration?.aws?.account,
      concurrency: Math.max(8, options.rate ?? 0),
      nowMs: systemClock.wallMs(),
      onProgress: (done, found) => progress.update({ done, total, text: `${found} former certificates` }),
    });
  } finally {
    progress.end();
    account.close();
  }
  if (options.json) await writeJson(terminal, document);
  else {
    await write(terminal.stdout, renderTable([...columns], [document], terminal.style));
    if (document.dryRun && document.found > 0)
      await write(terminal.stdout, '\nNothing was changed: --yes removes them.\n');
    for (const { line, reason } of document.rows) await write(terminal.stderr, `line ${line}: ${reason}\n`);
  }
  if (document.stopped !== null) {
    throw new CommandFailure(exitCodes.failed, `stopped: ${document.stopped}`, 'run it again when that is mended');
  }
  if (document.rejectedRows > 0) setExitCode(exitCodes.verdictNo);
}

const columns = [
  { title: 'DEVICES', align: 'right', value: ({ devices }: CollectionDocument) => `${devices}` },
  { title: 'FOUND', align: 'right', value: ({ found }: CollectionDocument) => `${found}` },
  { title: 'COLLECTED', align: 'right', value: ({ collected }: CollectionDocument) => `${collected}` },
  { title: 'REJECTED ROWS', align: 'right', value: ({ rejectedRows }: CollectionDocument) => `${rejectedRows}` },
] as const;
