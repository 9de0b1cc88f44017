import { type Command, InvalidArgumentError } from 'commander';
import type { AdminClient, ClientResult } from '../admin/admin-client.ts';
import { parseDuration } from '../admin/duration.ts';
import type { MoveServiceBody, ServiceDocument } from '../admin/ledger-documents.ts';
import { type AdminOptions, addAdminOptions, answerOf, toCommandFailure, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { ask } from './confirmation.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { followService } from './service-follower.ts';
import { renderMovedService, renderServices, renderVerification } from './service-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';

interface ListOptions extends AdminOptions {
  readonly json?: true;
}

interface MoveOptions extends ListOptions {
  readonly removed?: string;
  readonly back?: true;
  readonly started?: string;
  readonly window?: string;
  readonly wait: boolean;
}

interface VerifyOptions extends ListOptions {
  readonly window: string;
  readonly wait: boolean;
}

const missing = '"crossfade services list" lists the services of the configuration';

/** `services list | move | verify`: of a running gateway, or of a bridge that runs alone. */
export function addServicesCommand(program: Command, context: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'services',
    summary: 'move backends to the target, one instance at a time',
    description:
      'A service is a backend whose instances share a group at the source. Members of the bridge join that group as further ' +
      'instances, prove that what they get comes out at the target, and take the place of the instances one by one.',
    examples: [
      ['services list', 'where each service stands, and what comes next'],
      ['services move billing', 'one member more, proved by probes'],
      ['services verify billing --window 60s', 'hold source and target against each other'],
    ],
  });
  addListCommand(command, context);
  addMoveCommand(command, context);
  addVerifyCommand(command, context);
}

function addListCommand(parent: Command, { terminal }: CommandContext): void {
  const command = defineCommand(parent, {
    usage: 'list',
    summary: 'where each service stands, and what comes next',
    description:
      'LEGACY counts the instances that are left at the source, MEMBERS the members of the bridge that stand for the others. ' +
      'SHARE is the part of the group that the bridge had when it was measured last, EXPECTED what it should have now.',
    examples: [
      ['services list', 'a table'],
      ['services list --json', 'the documents of GET /v1/services, with their history'],
    ],
  }).option('--json', 'the documents of GET /v1/services');
  addAdminOptions(command).action((options: ListOptions) =>
    withAdmin(options, terminal, async (client) => {
      const services = await answerOf(client.services());
      if (options.json) return writeJson(terminal, services);
      const text =
        services.length === 0 ? 'the configuration has no services\n' : renderServices(services, terminal.style);
      await write(terminal.stdout, text);
    }),
  );
}

function addMoveCommand(parent: Command, { terminal, setExitCode }: CommandContext): void {
  const command = defineCommand(parent, {
    usage: 'move <service>',
    summary: 'one step: a member of the bridge for an instance',
    description:
      'Introduces one member of the bridge, waits until it has its subscription, and publishes marked probes at the source ' +
      'until each member has carried some to the target, and answers back where the service has a rule for that. Then it ' +
      'says which instance can be ended. Called again with --removed it measures the share of the bridge and goes on with ' +
      'the next, until none is left; the last time every probe must come through. Instances at the source get their part of ' +
      'the probes. With --back it takes a member out again, after an instance has come in its place. A step that was ' +
      'interrupted goes on by itself. Exit code 2: the proof is missing, and what is missing is said.',
    examples: [
      ['services move billing', 'introduce a member and prove it'],
      ['services move billing --removed billing-1', 'billing-1 has unsubscribed and ended: go on'],
      [
        'services move billing --back',
        'say which instance to start again, or take out a member that none has gone for',
      ],
      ['services move billing --back --started billing-1', 'billing-1 runs again: see it, and retire a member'],
    ],
  })
    .option('--removed <instance>', 'the instance that was ended at the source (asked for on a terminal)')
    .option('--back', 'one member less, one instance more')
    .option('--started <instance>', 'with --back: the instance that was started again')
    .option('--window <duration>', 'how long the share is measured: 5s, 1m (default: 5s)', durationText)
    .option('--no-wait', 'begin the step and return')
    .option('--json', 'the document of the service when the step has ended');
  addAdminOptions(command).action((name: string, options: MoveOptions) =>
    withAdmin(options, terminal, async (client) => {
      const body = await moveBody(client, name, options, terminal);
      if (body === undefined) return;
      const began = await begun(client.moveService(name, body));
      const ended = options.wait ? await followService(client, began, terminal, isMoved) : began;
      setExitCode(ended.trouble === null ? exitCodes.done : exitCodes.verdictNo);
      if (options.json) return writeJson(terminal, ended);
      await write(terminal.stdout, renderMovedService(ended));
    }),
  );
}

/** What is asked for; undefined: the service waits for an operator who says on the terminal that nothing was done. */
async function moveBody(
  client: AdminClient,
  name: string,
  options: MoveOptions,
  terminal: Terminal,
): Promise<MoveServiceBody | undefined> {
  const { removed, back, started, window } = options;
  if (back && removed !== undefined) throw usageFailure('--removed goes without --back');
  if (!back && started !== undefined) throw usageFailure('--started goes with --back');
  const timed = window === undefined ? {} : { window };
  if (back) return { back, ...(started !== undefined && { started }), ...timed };
  if (removed !== undefined) return { removed, ...timed };
  const service = await answerOf(client.service(name), missing);
  if (service.step !== 'awaiting-removal' || service.underWay || !terminal.canRedraw || options.json) return timed;
  const left = service.instances.filter(({ at }) => at === 'legacy').map((instance) => instance.name);
  const answer = await ask(terminal, `Which instance has unsubscribed and ended (${left.join(', ')}; empty: none)? `);
  if (answer === undefined || answer === '') {
    await write(terminal.stdout, renderMovedService(service));
    return undefined;
  }
  return { removed: answer, ...timed };
}

function addVerifyCommand(parent: Command, { terminal, setExitCode }: CommandContext): void {
  const command = defineCommand(parent, {
    usage: 'verify <service>',
    summary: 'hold what the source had against what came out at the target',
    description:
      'Listens at both brokers for a window, beside the group, and compares message by message: by topic and content, and ' +
      'in the order of their keys. With no instance left at the source every message must come out at the target. With some ' +
      'left the bridge has only its share: what its members received they must have carried, and as much must come out. ' +
      'Exit code 0: complete, 2: something is missing or nothing came, 1: it could not be found out.',
    examples: [
      ['services verify billing', 'over 60 seconds'],
      ['services verify billing --window 10m --json', 'the figures too'],
    ],
  })
    .option('--window <duration>', 'how long both are listened to', durationText, '60s')
    .option('--no-wait', 'begin and return')
    .option('--json', 'the document of the service when the window has ended');
  addAdminOptions(command).action((name: string, options: VerifyOptions) =>
    withAdmin(options, terminal, async (client) => {
      const began = await begun(client.verifyService(name, { window: options.window }));
      const ended = options.wait ? await followService(client, began, terminal, isVerified) : began;
      setExitCode(verdictCode(ended));
      if (options.json) return writeJson(terminal, ended);
      await write(terminal.stdout, renderVerification(ended));
    }),
  );
}

function isMoved({ underWay }: ServiceDocument): boolean {
  return !underWay;
}

function isVerified({ verification }: ServiceDocument): boolean {
  return verification?.state !== 'running';
}

function verdictCode({ verification }: ServiceDocument): ExitCode {
  if (verification?.state === 'failed') return exitCodes.failed;
  return verification?.state === 'incomplete' ? exitCodes.verdictNo : exitCodes.done;
}

async function begun(result: ClientResult<ServiceDocument>): Promise<ServiceDocument> {
  const answer = await result;
  if (answer.ok) return answer.value;
  const { error } = answer;
  const isConflict = error.kind === 'problem' && error.problem.status === 409;
  if (!isConflict) throw toCommandFailure(error, missing);
  throw new CommandFailure(exitCodes.failed, error.problem.detail, '"crossfade services list" says what comes next');
}

/** Checked here so that a mistake is told before anything is asked. */
function durationText(text: string): string {
  const duration = parseDuration(text);
  if (!duration.ok) throw new InvalidArgumentError(duration.error);
  return text.trim();
}
