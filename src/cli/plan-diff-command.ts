import type { Command } from 'commander';
import type { Plan } from '../plan/plan.ts';
import { diffPlans, renderDifferences } from '../plan/plan-difference.ts';
import { type AdminOptions, addAdminOptions, answerOf, listedBy, namesGateway, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { printable } from './printable.ts';
import { readStoredPlan } from './stored-plan.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface PlanDiffOptions extends AdminOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Two plans, each with what it is called. */
interface Comparison {
  readonly from: { readonly name: string; readonly plan: Plan };
  readonly to: { readonly name: string; readonly plan: Plan };
}

export function addPlanDiffCommand(plan: Command, { terminal }: CommandContext): void {
  const command = defineCommand(plan, {
    usage: 'diff',
    summary: 'what two revisions, or the plan in force and a file, differ in',
    description:
      'Compares two revisions of the running gateway. With --config compares the plan in force with the one of the ' +
      'configuration: the plan of the gateway where one is named, else that of the store.',
    examples: [
      ['plan diff 3 5', 'from revision 3 to revision 5'],
      ['plan diff --config crossfade.yaml', 'from the plan in force to the one in the file'],
    ],
  })
    .argument('[a]', 'the earlier revision', parseCountOption)
    .argument('[b]', 'the later revision', parseCountOption)
    .option('--config <file>', "compare with this configuration's plan")
    .option('--json', 'the differences as one JSON document');
  addAdminOptions(command).action((a: number | undefined, b: number | undefined, options: PlanDiffOptions) =>
    diffPlan([a, b], options, terminal),
  );
}

async function diffPlan(
  revisions: readonly (number | undefined)[],
  options: PlanDiffOptions,
  terminal: Terminal,
): Promise<void> {
  const { from, to } = await comparisonOf(revisions, options, terminal);
  const differences = diffPlans(from.plan, to.plan);
  if (options.json) return writeJson(terminal, { from: from.name, to: to.name, differences });
  const text = differences.length === 0 ? 'no difference\n' : renderDifferences(differences);
  await write(terminal.stdout, `${terminal.style.heading(`${from.name} → ${to.name}`)}\n${printableLines(text)}`);
}

async function comparisonOf(
  [a, b]: readonly (number | undefined)[],
  options: PlanDiffOptions,
  terminal: Terminal,
): Promise<Comparison> {
  if (options.config !== undefined && a === undefined) return compareWithFile(options.config, options, terminal);
  if (options.config !== undefined || a === undefined || b === undefined) {
    throw usageFailure('expected two revisions, or --config', 'for example "crossfade plan diff 3 5"');
  }
  return withAdmin(options, terminal, async (client) => ({
    from: { name: `revision ${a}`, plan: (await answerOf(client.revision(a), listedBy.revision)).plan },
    to: { name: `revision ${b}`, plan: (await answerOf(client.revision(b), listedBy.revision)).plan },
  }));
}

async function compareWithFile(path: string, options: PlanDiffOptions, terminal: Terminal): Promise<Comparison> {
  const { configuration } = await loadConfigurationFile(path);
  const to = { name: path, plan: configuration.plan };
  if (namesGateway(options, terminal)) {
    const { revision, ...plan } = await withAdmin(options, terminal, (client) => answerOf(client.plan()));
    return { from: { name: `revision ${revision}`, plan }, to };
  }
  const stored = await readStoredPlan(configuration.store);
  if (stored === undefined) {
    throw usageFailure(
      `there is no plan in force: ${configuration.store.path} does not exist or has no revision`,
      'name a running gateway with --admin, or start one first',
    );
  }
  return { from: { name: `revision ${stored.revision}`, plan: stored.plan }, to };
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
