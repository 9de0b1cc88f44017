import type { Command } from 'commander';
import type { PlanDocument } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import { type AdminOptions, addAdminOptions, readOperatorFile, toCommandFailure, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import type { PlanFile } from './plan-file.ts';
import { renderLostTopics } from './interlock-rendering.ts';
import { renderStaying } from './staying-sessions.ts';
import type { Style } from './style.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface PlanApplyOptions extends AdminOptions {
  readonly reason?: string;
  readonly json?: true;
}

export function addPlanApplyCommand(plan: Command, { terminal }: CommandContext): void {
  const command = defineCommand(plan, {
    usage: 'apply <file>',
    summary: 'make an edited plan the next revision',
    description:
      'Replaces the plan by the one in FILE (YAML or JSON, as "plan show" prints it). The file carries the revision ' +
      'that it was made from; if that is no longer the last one, nothing is changed. New connections follow it at ' +
      'once; live sessions stay where they are until "cutover" or "rollback" moves them, which it then says. A move of ' +
      'a cohort whose weight or brokers it changes ends as superseded. Needs the token of an admin.',
    examples: [['plan apply plan.yaml --reason "second cohort"', 'after "plan show > plan.yaml" and an edit']],
  })
    .option('--reason <text>', 'why, for the plan history')
    .option('--json', 'the plan in force as one JSON document');
  addAdminOptions(command).action((file: string, options: PlanApplyOptions) => applyPlan(file, options, terminal));
}

async function applyPlan(path: string, options: PlanApplyOptions, terminal: Terminal): Promise<void> {
  const { parsePlanFile } = await import('./plan-file.ts');
  const file = parsePlanFile(readOperatorFile(path));
  if (!file.ok) throw usageFailure(`${path}: ${file.error}`);
  await withAdmin(options, terminal, async (client) => {
    const plan = await replacePlan(client, file.value, options.reason);
    if (options.json) return writeJson(terminal, plan);
    const unbridged = await renderUnbridged(client, terminal.style);
    const status = await client.status();
    const staying = status.ok ? renderStaying(status.value) : '';
    await write(terminal.stdout, `revision ${plan.revision} is in force\n${staying}${unbridged}`);
  });
}

/** Of cohorts of which devices go to their targets; empty where the gateway cannot tell now. */
async function renderUnbridged(client: AdminClient, style: Style): Promise<string> {
  const [answer, plan] = await Promise.all([client.interlock(), client.plan()]);
  if (!answer.ok || !plan.ok) return '';
  const going = plan.value.cohorts.filter(({ weightBps }) => weightBps > 0).map(({ name }) => name);
  const parted = answer.value.cohorts.filter(({ cohort, lostTotal }) => going.includes(cohort) && lostTotal > 0);
  const told = parted.map((cohort) => `\nwarning: cohort ${cohort.cohort}\n${renderLostTopics(cohort, style)}`);
  return told.join('');
}

async function replacePlan(
  client: AdminClient,
  { plan, revision }: PlanFile,
  reason: string | undefined,
): Promise<PlanDocument> {
  const answer = await client.replacePlan(plan, { ifMatch: revision, ...(reason !== undefined && { reason }) });
  if (answer.ok) return answer.value;
  if (answer.error.kind === 'problem' && answer.error.problem.status === 412) {
    throw staleFailure(revision, answer.error.problem.latestRevision);
  }
  throw toCommandFailure(answer.error);
}

function staleFailure(revision: number, latest: number | undefined): CommandFailure {
  const standing = latest === undefined ? 'a newer one' : `revision ${latest}`;
  const compare = latest === undefined ? 'crossfade plan history' : `crossfade plan diff ${revision} ${latest}`;
  return new CommandFailure(
    exitCodes.failed,
    `the file was made from revision ${revision}, and ${standing} is in force by now: nothing was changed`,
    `see what came in between with "${compare}", then edit a fresh "crossfade plan show"`,
  );
}
