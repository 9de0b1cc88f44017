import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ApplyReport } from '../aws/account/account-apply.ts';
import type { AccountStep } from '../aws/account/account-plan.ts';
import { resourceTitle } from '../aws/account/resource.ts';
import { type AwsAccess, type AwsOptions, addAwsOptions, observe, withAws } from './aws-access.ts';
import { renderAccountPlan, toPlanDocument, toStepDocument } from './aws-plan-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure } from './command-failure.ts';
import { ask } from './confirmation.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface AwsApplyOptions extends AwsOptions {
  readonly yes?: true;
  readonly json?: true;
}

export function addAwsApplyCommand(aws: Command, { terminal }: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'apply',
    summary: 'bring the account to what the configuration describes',
    description:
      'Prints the plan, asks, and takes its steps one after the other. Each resource is read again before it is touched, ' +
      'so nothing is done twice: a second apply finishes what a first one began, however that ended. It stops at the ' +
      'first refusal and says what was done, what is left and what to do. With a conflict in the plan nothing is changed ' +
      'and the exit code is 2.',
    examples: [
      ['aws apply --config crossfade.yaml', 'after a look at the plan'],
      ['aws apply --config crossfade.yaml --yes --json', 'for scripts: { plan, done, failed, left }'],
    ],
  });
  addAwsOptions(command)
    .option('--adopt', 'also take over what was made by hand under one of these names')
    .option('--yes', 'do not ask')
    .option('--json', 'one JSON document')
    .action((options: AwsApplyOptions) => withAws(options, terminal, (access) => apply(access, options, terminal)));
}

async function apply(access: AwsAccess, options: AwsApplyOptions, terminal: Terminal): Promise<void> {
  const { conflictsOf, hasWork, planAccount } = await import('../aws/account/account-plan.ts');
  const observation = await observe(access, terminal);
  const steps = planAccount(access.resources, observation.readings, access.terms);
  const place = { ...observation, place: access.place };
  if (!options.json) await write(terminal.stdout, renderAccountPlan(steps, place, terminal.style));
  const finish = async (report: ApplyReport) => {
    if (options.json) await writeJson(terminal, { plan: toPlanDocument(steps, place), ...toReportDocument(report) });
  };
  const conflicts = conflictsOf(steps);
  if (conflicts.length > 0) {
    await finish({ done: [], left: steps });
    const [first] = conflicts;
    const message = `${conflicts.length} in conflict, nothing was changed`;
    throw new CommandFailure(exitCodes.verdictNo, message, first && `${titleOf(first)}: ${first.reason}`);
  }
  if (!hasWork(steps)) return finish({ done: [], left: [] });
  if (options.yes !== true) await confirm(terminal);
  const report = await takeSteps(steps.filter(isWork), access, observation.account, terminal);
  await finish(report);
  await tellOutcome(report, options, terminal);
}

function isWork({ action }: AccountStep): boolean {
  return action === 'create' || action === 'update';
}

async function confirm(terminal: Terminal): Promise<void> {
  const answer = await ask(terminal, 'Apply this? Type yes: ');
  if (answer === 'yes') return;
  throw new CommandFailure(exitCodes.failed, 'not confirmed, nothing was changed', 'type yes, or pass --yes');
}

async function takeSteps(
  steps: readonly AccountStep[],
  { iot, terms, aws }: AwsAccess,
  account: string | undefined,
  terminal: Terminal,
): Promise<ApplyReport> {
  const { applyAccount } = await import('../aws/account/account-apply.ts');
  const progress = createProgress(terminal);
  try {
    return await applyAccount(steps, {
      iot,
      terms,
      account: aws.account ?? account,
      sleep: (ms) => sleep(ms),
      random: Math.random,
      onStep: (done, step) => progress.update({ done, total: steps.length, text: `${step.action} ${titleOf(step)}` }),
    });
  } finally {
    progress.end();
  }
}

async function tellOutcome(report: ApplyReport, { json }: AwsApplyOptions, terminal: Terminal): Promise<void> {
  const { done, failed, left } = report;
  const lines = done.map(({ step, outcome }) => `${printable(`${outcome} ${titleOf(step)}`)}\n`);
  if (!json) await write(terminal.stdout, `\n${lines.join('')}`);
  for (const { step } of done.filter(({ outcome }) => outcome === 'unsupported')) {
    await write(terminal.stderr, `warning: ${printable(titleOf(step))} is not supported by this endpoint\n`);
  }
  if (failed === undefined) return;
  if (!json) {
    const rest = [failed.step, ...left].map((step) => `${printable(`left ${titleOf(step)}`)}\n`);
    await write(terminal.stdout, rest.join(''));
  }
  const { adviceOn } = await import('../aws/failure-advice.ts');
  const { IotFailure } = await import('../aws/iot-failure.ts');
  const { error } = failed;
  const advice = error instanceof IotFailure ? `${adviceOn(error)}; then run apply again: it goes on here` : undefined;
  throw new CommandFailure(exitCodes.failed, `${titleOf(failed.step)}: ${error.message}`, advice);
}

function titleOf({ resource }: AccountStep): string {
  return `${resource.kind} ${resourceTitle(resource)}`;
}

function toReportDocument({ done, failed, left }: ApplyReport) {
  return {
    done: done.map(({ step, outcome }) => ({ ...toStepDocument(step), outcome })),
    failed: failed === undefined ? null : { ...toStepDocument(failed.step), message: failed.error.message },
    left: left.map(toStepDocument),
  };
}
