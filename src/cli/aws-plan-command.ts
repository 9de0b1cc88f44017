import type { Command } from 'commander';
import { type AwsOptions, addAwsOptions, observe, withAws } from './aws-access.ts';
import { renderAccountPlan, toPlanDocument } from './aws-plan-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { exitCodes } from './exit-codes.ts';
import { write, writeJson } from './terminal.ts';

interface AwsPlanOptions extends AwsOptions {
  readonly detailedExitcode?: true;
  readonly json?: true;
}

export function addAwsPlanCommand(aws: Command, context: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'plan',
    summary: 'what would be done, changing nothing',
    description:
      'Reads the account and prints what "aws apply" would do: create, update or nothing, each with its reason and every ' +
      'property that differs. A conflict is what may or can not be changed from here: then the exit code is 2, because ' +
      '"aws apply" would refuse. Otherwise it is 0; with --detailed-exitcode it is 2 as well where there is anything to ' +
      'do. What the endpoint does not support or does not tell is said, and left out.',
    examples: [
      ['aws plan --config crossfade.yaml', 'before every apply'],
      ['aws plan --config crossfade.yaml --detailed-exitcode', 'for scripts: 2 when the account differs'],
      ['aws plan --config crossfade.yaml --endpoint http://127.0.0.1:5000', 'against an emulator'],
    ],
  });
  addAwsOptions(command)
    .option('--adopt', 'also take over what was made by hand under one of these names')
    .option('--detailed-exitcode', 'exit code 2 when there is something to do')
    .option('--json', 'one JSON document: { account, endpoint, differs, summary, steps }')
    .action((options: AwsPlanOptions) => plan(options, context));
}

async function plan(options: AwsPlanOptions, { terminal, setExitCode }: CommandContext): Promise<void> {
  await withAws(options, terminal, async (access) => {
    const { conflictsOf, hasWork, planAccount } = await import('../aws/account/account-plan.ts');
    const observation = await observe(access, terminal);
    const steps = planAccount(access.resources, observation.readings, access.terms);
    if (options.json) await writeJson(terminal, toPlanDocument(steps, { ...observation, place: access.place }));
    else
      await write(terminal.stdout, renderAccountPlan(steps, { ...observation, place: access.place }, terminal.style));
    const isNo = conflictsOf(steps).length > 0 || (options.detailedExitcode === true && hasWork(steps));
    if (isNo) setExitCode(exitCodes.verdictNo);
  });
}
