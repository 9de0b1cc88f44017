import type { Command } from 'commander';
import type { Problem } from '../admin/admin-api.ts';
import { type AdminClient, type ClientResult, createAdminClient } from '../admin/admin-client.ts';
import type { AdminClientFailure } from '../admin/http-caller.ts';
import { errorMessage } from '../base/errors.ts';
import { createSystemSource, readText } from '../config/configuration-source.ts';
import { CommandFailure, usageFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

export interface AdminOptions {
  readonly admin?: string;
  readonly token?: string;
  readonly ca?: string;
}

/** The options of every command that talks to a running gateway. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--admin <url>', 'admin API of the gateway (else the environment variable CROSSFADE_ADMIN)')
    .option('--token <token>', 'admin token (else CROSSFADE_TOKEN, which other users of the machine cannot see)')
    .option('--ca <file>', 'PEM file with the CAs of an HTTPS admin API (else CROSSFADE_CA, else the system)');
}

/** Whether the command line or the environment names a gateway. */
export function namesGateway(options: AdminOptions, terminal: Terminal): boolean {
  return Boolean(options.admin || terminal.environment['CROSSFADE_ADMIN']);
}

/** Runs `work` with a client for the gateway that the options or the environment name. */
export async function withAdmin<Value>(
  options: AdminOptions,
  terminal: Terminal,
  work: (client: AdminClient) => Promise<Value>,
): Promise<Value> {
  const client = openClient(options, terminal.environment);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** The next step after a 404, by what the question named. */
export const listedBy = {
  anything: '"crossfade status" lists what there is',
  move: '"crossfade moves list" lists the moves',
  revision: '"crossfade plan history" lists the revisions',
  rule: '"crossfade bridge status" lists the rules',
  cohortOrRevision: '"crossfade status" lists the cohorts, "crossfade plan history" the revisions',
} as const;

/** The value of an answer; a failure ends the command. `missing` is the next step after a 404. */
export async function answerOf<Value>(result: ClientResult<Value>, missing?: string): Promise<Value> {
  const answer = await result;
  if (answer.ok) return answer.value;
  throw toCommandFailure(answer.error, missing);
}

export function toCommandFailure(error: AdminClientFailure, missing: string = listedBy.anything): CommandFailure {
  if (error.kind === 'problem') return problemFailure(error.problem, missing);
  return new CommandFailure(
    exitCodes.unreachable,
    error.message,
    'check --admin or CROSSFADE_ADMIN, and that the gateway runs there (its ready line names its admin address)',
  );
}

/** A gateway that is away or overloaded may come back; one that refuses the question will not change its mind. */
export function isFinalFailure(error: AdminClientFailure): boolean {
  return error.kind === 'problem' && error.problem.status < 500;
}

function openClient(options: AdminOptions, environment: Terminal['environment']): AdminClient {
  const url = options.admin || environment['CROSSFADE_ADMIN'];
  const token = options.token || environment['CROSSFADE_TOKEN'];
  if (!url) {
    throw usageFailure(
      'no admin API named',
      'pass --admin http://127.0.0.1:9440 or set CROSSFADE_ADMIN to the address in the ready line of "crossfade run"',
    );
  }
  if (!token) {
    throw usageFailure('no admin token given', 'set CROSSFADE_TOKEN to one of admin.tokens, or pass --token');
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw usageFailure('the admin token holds a character that HTTP cannot carry', 'expected visible ASCII, no spaces');
  }
  const caFile = options.ca || environment['CROSSFADE_CA'];
  const ca = caFile === undefined ? {} : { ca: readOperatorFile(caFile) };
  try {
    return createAdminClient({ url, token, ...ca });
  } catch (error) {
    throw usageFailure(errorMessage(error), 'for example --admin http://127.0.0.1:9440');
  }
}

/** Bytes of a file that the command line names; a plan lists at most what the admin API takes. */
const operatorFileBytes = 64 * 1_048_576;

/** A file that the command line names; one that cannot be read is a usage mistake, told in the words of `check`. */
export function readOperatorFile(path: string): string {
  const text = readText(createSystemSource(), path, operatorFileBytes);
  if (text.ok) return text.value;
  throw usageFailure(`${path}: expected a readable file: ${text.error}`);
}

/** The question itself is not known there. */
const otherApi =
  'this admin API does not answer that: at bridge.admin stands the bridge alone, at admin.bind the gateway; an older gateway may lack it too';

function problemFailure(problem: Problem, missing: string): CommandFailure {
  const message = messageOf(problem);
  switch (problem.status) {
    case 400:
      return usageFailure(message);
    case 401:
      return new CommandFailure(exitCodes.failed, message, 'check --token or CROSSFADE_TOKEN against admin.tokens');
    case 403:
      return new CommandFailure(
        exitCodes.failed,
        message,
        "use a token of that role: admin.tokens of the configuration names each token's role",
      );
    case 404:
      return usageFailure(message, message.startsWith('Expected a path of ') ? otherApi : missing);
    case 409:
      return new CommandFailure(exitCodes.failed, message, conflictHint(problem));
    case 422:
      return usageFailure(message);
    case 412:
      return new CommandFailure(
        exitCodes.failed,
        message,
        'somebody else was faster: look at "crossfade plan history"',
      );
    default:
      return new CommandFailure(exitCodes.failed, message, `the gateway answered with HTTP status ${problem.status}`);
  }
}

function conflictHint({ type }: Problem): string {
  return type.endsWith(':frozen')
    ? '"crossfade unfreeze" lifts the freeze; "crossfade rollback" works meanwhile'
    : '"crossfade moves list" shows every move and its state';
}

/** A line per wrong field. A detail that only strings the fields together would say each of them twice. */
function messageOf({ detail, title, errors = [] }: Problem): string {
  const fields = errors.map(({ field, expected, got }) => `${field}: expected ${expected}, got ${got}`);
  const isSaidByFields = fields.length > 0 && fields.every((field) => detail.includes(field));
  return [isSaidByFields || detail === '' ? title : detail, ...fields].join('\n  ');
}
