import type { Command } from 'commander';
import type { Configuration } from '../config/configuration.ts';
import { storedSplitMistakes } from '../config/split-agreement.ts';
import { diffPlans, type PlanDifference, renderDifferences } from '../plan/plan-difference.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { mistakesFailure, readConfigurationFile, toMistakeDocument } from './configuration-file.ts';
import { printable } from './printable.ts';
import { readStoredPlan } from './stored-plan.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function addCheckCommand(program: Command, { terminal }: CommandContext): void {
  defineCommand(program, {
    usage: 'check',
    summary: 'validate a configuration',
    description:
      'Checks a configuration without starting anything. Prints it resolved, with secrets hidden; warnings go to ' +
      'stderr, also where the plan of the store differs from the one in the file. Mistakes are reported all at once.',
    examples: [
      ['check --config crossfade.yaml', 'before every start'],
      [
        'check --config crossfade.yaml --json',
        'for scripts: { configuration, warnings, planDifferences }, or { mistakes } and exit code 64',
      ],
    ],
  })
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'one JSON document')
    .action((options: CheckOptions) => check(options, terminal));
}

async function check({ config, json = false }: CheckOptions, terminal: Terminal): Promise<void> {
  const loaded = await readConfigurationFile(config);
  if (!loaded.ok) {
    if (json) await writeJson(terminal, { mistakes: loaded.error.map(toMistakeDocument) });
    throw await mistakesFailure(loaded.error);
  }
  const { configuration } = loaded.value;
  const stored = await readStoredPlan(configuration.store);
  const lostStore = stored === undefined && !configuration.store.create ? [renderLostStore(configuration)] : [];
  const { authorityWarnings } = await import('../config/configuration-warnings.ts');
  const { createSystemSource } = await import('../config/configuration-source.ts');
  const expired = authorityWarnings(configuration, createSystemSource(), Date.now());
  const splits = stored === undefined ? [] : storedSplitMistakes(stored.plan.splits, configuration.nameserver);
  const refused = splits.map(
    (mistake) => `"run" refuses to start: revision ${stored?.revision} in the store: ${mistake}`,
  );
  const warnings = [...loaded.value.warnings, ...loaded.value.zoneWarnings, ...expired, ...lostStore, ...refused];
  const { renderConfiguration, toWritten } = await import('../config/render-configuration.ts');
  for (const warning of warnings) await write(terminal.stderr, `warning: ${printable(warning)}\n`);
  if (!json) await write(terminal.stdout, renderConfiguration(configuration));
  const planDifferences = stored === undefined ? [] : diffPlans(stored.plan, configuration.plan);
  if (stored !== undefined && planDifferences.length > 0) {
    await write(terminal.stderr, renderStoreWarning(stored.revision, planDifferences));
  }
  if (json) await writeJson(terminal, { configuration: toWritten(configuration), warnings, planDifferences });
}

function renderStoreWarning(revision: number, differences: readonly PlanDifference[]): string {
  const lines = renderDifferences(differences).trimEnd().split('\n').map(printable);
  const salted = differences.some(({ subject }) => subject === 'salt' || subject === 'identity');
  const refusal = salted ? '; with another salt or identity "run" refuses to start' : '';
  return [
    `warning: revision ${revision} in the store counts, and this file's plan differs from it${refusal}:`,
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function renderLostStore({ store }: Configuration): string {
  return `there is no plan in ${store.path} and store.create is false: "run" refuses to start`;
}
