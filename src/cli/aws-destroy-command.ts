import type { Command } from 'commander';
import type { RemovalReport, RemovalStep } from '../aws/account/account-removal.ts';
import { resourceTitle } from '../aws/account/resource.ts';
import { type AdminOptions, addAdminOptions, answerOf, namesGateway, withAdmin } from './admin-access.ts';
import { type AwsAccess, type AwsOptions, addAwsOptions, observe, withAws } from './aws-access.ts';
import { renderPlace } from './aws-plan-rendering.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { ask } from './confirmation.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import { renderTable } from './table.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface AwsDestroyOptions extends AwsOptions, AdminOptions {
  readonly account?: string;
  readonly yes?: true;
  readonly deviceCertificates?: true;
  readonly json?: true;
}

export function addAwsDestroyCommand(aws: Command, { terminal }: CommandContext): void {
  const command = defineCommand(aws, {
    usage: 'destroy',
    summary: 'remove from the account what was made for this fleet',
    description:
      'Removes what the configuration describes and what carries the tag or a name of this fleet, in the reverse of the ' +
      'order in which it was made; things, logging options and what somebody else made stay. The certificates of devices ' +
      'stay as well unless --device-certificates is given, and while one has a policy that policy cannot go. It wants the ' +
      'account ID typed. With --admin it asks the gateway and refuses, with exit code 2, while sessions are on a broker of ' +
      'profile aws-iot-core. AWS deletes a thing type five minutes after its deprecation: run it again then.',
    examples: [
      ['aws destroy --config crossfade.yaml', 'after a rollback of the whole fleet'],
      ['aws destroy --config crossfade.yaml --account 123456789012 --yes', 'for scripts'],
    ],
  });
  addAwsOptions(command)
    .option('--account <id>', 'the account ID, in place of typing it')
    .option('--yes', 'do not ask; needs --account')
    .option('--device-certificates', 'also delete the certificates of devices; their things stay')
    .option('--json', 'one JSON document: { account, removed, kept, left, deviceCertificates }');
  addAdminOptions(command).action((options: AwsDestroyOptions) =>
    withAws(options, terminal, (access) => destroy(access, options, terminal)),
  );
}

async function destroy(access: AwsAccess, options: AwsDestroyOptions, terminal: Terminal): Promise<void> {
  if (options.yes === true && options.account === undefined) throw usageFailure('--yes needs --account');
  const { planRemoval } = await import('../aws/account/account-removal.ts');
  const observation = await observe(access, terminal);
  const steps = planRemoval(access.resources, observation.readings, access.terms);
  if (!options.json)
    await write(terminal.stdout, renderRemoval(steps, { ...observation, place: access.place }, terminal));
  if (!steps.some(({ action }) => action === 'remove')) {
    return tellRemoval({ removed: [], left: [] }, steps, { options, terminal, account: observation.account, count: 0 });
  }
  await refuseWhileUsed(options, terminal);
  await confirmAccount(observation.account, options, terminal);
  const { report, count } = await remove(access, steps, options, terminal);
  await tellRemoval(report, steps, { options, terminal, account: observation.account, count });
}

/** Sessions on AWS would lose their policy or their certificate under them. */
async function refuseWhileUsed(options: AwsDestroyOptions, terminal: Terminal): Promise<void> {
  if (!namesGateway(options, terminal)) {
    const warning = 'warning: no gateway is named (--admin), so whether sessions are on AWS is not known\n';
    await write(terminal.stderr, warning);
    return;
  }
  const { brokers } = await withAdmin(options, terminal, (client) => answerOf(client.status()));
  const used = Object.entries(brokers).filter(
    ([, { profile, sessions }]) => profile === 'aws-iot-core' && sessions > 0,
  );
  if (used.length === 0) return;
  const counts = used.map(([name, { sessions }]) => `${sessions} on ${name}`).join(', ');
  throw new CommandFailure(
    exitCodes.verdictNo,
    `sessions are on AWS IoT Core (${counts}), nothing was removed`,
    'move them back first: crossfade rollback --all',
  );
}

async function confirmAccount(
  account: string | undefined,
  { account: given, yes }: AwsDestroyOptions,
  terminal: Terminal,
): Promise<void> {
  if (account === undefined) {
    throw new CommandFailure(exitCodes.failed, 'this endpoint does not tell its account, nothing was removed');
  }
  const typed =
    yes === true || given !== undefined ? given : await ask(terminal, 'Type the account ID to remove all this: ');
  if (typed === account) return;
  const message = `expected the account ID ${account}, got ${JSON.stringify(typed ?? '')}: nothing was removed`;
  throw new CommandFailure(exitCodes.failed, message, 'type it, or pass --account ID --yes');
}

async function remove(
  { iot }: AwsAccess,
  steps: readonly RemovalStep[],
  { deviceCertificates }: AwsDestroyOptions,
  terminal: Terminal,
): Promise<{ readonly report: RemovalReport; readonly count: number }> {
  const { removeResources } = await import('../aws/account/account-removal.ts');
  const { removeDeviceCertificates } = await import('../aws/account/device-certificate-removal.ts');
  const progress = createProgress(terminal);
  try {
    const onRemoved = (done: number) => progress.update({ done, total: undefined, text: 'certificates of devices' });
    const count = deviceCertificates === true ? await removeDeviceCertificates(iot, steps, onRemoved) : 0;
    const report = await removeResources(iot, steps, (done, { action, resource }) =>
      progress.update({ done, total: steps.length, text: `${action} ${titleOf(resource)}` }),
    );
    return { report, count };
  } finally {
    progress.end();
  }
}

interface RemovalTelling {
  readonly options: AwsDestroyOptions;
  readonly terminal: Terminal;
  readonly account: string | undefined;
  /** Certificates of devices that are gone. */
  readonly count: number;
}

async function tellRemoval(
  { removed, left }: RemovalReport,
  steps: readonly RemovalStep[],
  { options, terminal, account, count }: RemovalTelling,
): Promise<void> {
  if (options.json) {
    await writeJson(terminal, {
      account: account ?? null,
      removed: removed.map(toNamed),
      kept: steps.flatMap((step) =>
        step.action === 'keep' ? [{ ...toNamed(step.resource), reason: step.reason }] : [],
      ),
      left: left.map(({ resource, reason, nextStep }) => ({ ...toNamed(resource), reason, nextStep })),
      deviceCertificates: count,
    });
  } else {
    const certificates = count === 0 ? [] : [`removed ${count} certificates of devices`];
    const lines = [...certificates, ...removed.map((resource) => `removed ${titleOf(resource)}`)];
    await write(terminal.stdout, lines.map((line) => `${printable(line)}\n`).join(''));
  }
  const [first] = left;
  if (first === undefined) return;
  for (const { resource, reason, nextStep } of left) {
    await write(terminal.stderr, `${printable(`left ${titleOf(resource)}: ${reason}: ${nextStep}`)}\n`);
  }
  throw new CommandFailure(exitCodes.failed, `${left.length} left, the rest is removed`, first.nextStep);
}

function renderRemoval(
  steps: readonly RemovalStep[],
  place: Parameters<typeof renderPlace>[0],
  { style }: Terminal,
): string {
  if (steps.length === 0) return `${renderPlace(place)}\nnothing of this fleet is there\n`;
  const table = renderTable(
    [
      {
        title: 'ACTION',
        value: ({ action }: RemovalStep) => action,
        paint: ({ action }) => (action === 'remove' ? style.bad : style.dim),
      },
      { title: 'KIND', value: ({ resource }) => resource.kind },
      { title: 'NAME', value: ({ resource }) => resourceTitle(resource) },
      { title: 'REASON', value: (step) => (step.action === 'keep' ? step.reason : 'made for this fleet') },
    ],
    steps,
    style,
  );
  return `${renderPlace(place)}\n\n${table}\n`;
}

function titleOf(resource: RemovalStep['resource']): string {
  return `${resource.kind} ${resourceTitle(resource)}`;
}

function toNamed({ kind, name, title }: RemovalStep['resource']) {
  return { kind, name, ...(title !== undefined && { title }) };
}
