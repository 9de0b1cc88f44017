import type { Command } from 'commander';
import { Option } from 'commander';
import {
  type CohortStatus,
  type DryRunDocument,
  defaultLiveMode,
  type LiveMode,
  liveModes,
  type MoveAccepted,
  type MoveDocument,
} from '../admin/admin-api.ts';
import type { AdminClient, ClientResult } from '../admin/admin-client.ts';
import { type AdminOptions, addAdminOptions, answerOf, toCommandFailure } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';
import { renderDryRun, warmNote } from './dry-run-rendering.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { followMove } from './move-follower.ts';
import { renderInterlockWarnings, renderLostTopics } from './interlock-rendering.ts';
import { renderMoveOutcome } from './move-rendering.ts';
import { printable } from './printable.ts';
import { awaitReturn, cohortsNow } from './returned-devices.ts';
import { renderCohorts } from './status-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parsePaceOption } from './weight-option.ts';

/** What `cutover` and `rollback` have in common: how live sessions follow, and whether the command waits. */
export interface MoveOptions extends AdminOptions {
  readonly reason?: string;
  readonly pace?: number;
  readonly live?: LiveMode;
  readonly wait: boolean;
  readonly dryRun?: true;
  readonly json?: true;
}

export function addMoveOptions(command: Command): Command {
  command
    .option('--reason <text>', 'why, for the plan history')
    .option(
      '--pace <rate>',
      'live sessions per second, such as 100/s; those with a second connection, prepared or within the rollback window, move at once (default: what the brokers take, else limits.reconnectsPerSecond)',
      parsePaceOption,
    )
    .addOption(
      new Option(
        '--live <mode>',
        `live sessions change their broker underneath (handover), are closed in order so that they come back (reconnect), or stay (keep); default: ${defaultLiveMode}`,
      ).choices(liveModes),
    )
    .option('--dry-run', 'say what it would find and how long it would take, and change nothing')
    .option('--no-wait', 'return once the move has begun')
    .option('--json', 'JSON lines: the move that began, then the move that ended');
  return addAdminOptions(command);
}

/** The fields of both requests' bodies that come from the common options. */
export function moveBody({ reason, pace, live }: MoveOptions) {
  return {
    ...(live !== undefined && { live }),
    ...(reason !== undefined && { reason }),
    ...(pace !== undefined && { pacePerSecond: pace }),
  };
}

/** A move to make: the request that starts it, what it is called, and the next step where something is missing. */
export interface RequestedMove {
  readonly client: AdminClient;
  readonly request: () => ClientResult<MoveAccepted>;
  readonly rehearse: () => ClientResult<DryRunDocument>;
  readonly title: string;
  readonly options: MoveOptions;
  readonly missing?: string;
  /** It only makes second connections. */
  readonly prepares?: boolean;
}

/**
 * Starts a move and prints its ID at once, then follows it to its end unless told not to wait. With `--dry-run` it only
 * tells what the move would find.
 */
export async function performMove(move: RequestedMove, { terminal, setExitCode }: CommandContext): Promise<void> {
  const { client, title, options } = move;
  if (options.dryRun) return rehearseMove(move, terminal);
  const before = options.wait && !options.json ? await cohortsNow(client) : undefined;
  await write(terminal.stderr, await renderUnpaced(move));
  const accepted = await acceptedBy(move, terminal);
  await write(terminal.stderr, renderInterlockWarnings(accepted.warnings ?? []));
  if (options.json) await writeJson(terminal, accepted);
  else await write(terminal.stdout, `move ${accepted.move.id} (revision ${accepted.revision}): ${title}\n`);
  if (!options.wait) {
    if (options.live === 'keep' && !options.json) await write(terminal.stdout, nobodyMoves);
    return;
  }
  const ended = await followMove(client, accepted.move.id, terminal);
  setExitCode(exitCodeOf(ended));
  if (options.json) return writeJson(terminal, ended);
  await write(terminal.stdout, renderMoveOutcome(ended, terminal.style));
  await write(terminal.stdout, await renderSeenCohorts(ended, before, { client, terminal }));
}

async function acceptedBy({ request, missing, options }: RequestedMove, terminal: Terminal): Promise<MoveAccepted> {
  const answer = await request();
  if (answer.ok) return answer.value;
  const { error } = answer;
  const interlock = error.kind === 'problem' ? error.problem.interlock : undefined;
  if (error.kind !== 'problem' || interlock === undefined) throw toCommandFailure(error, missing);
  if (options.json) await writeJson(terminal, error.problem);
  else await write(terminal.stdout, renderLostTopics(interlock, terminal.style));
  await write(terminal.stderr, renderInterlockWarnings(interlock.warnings));
  const nextStep = 'nothing was changed; "--unbridged-ok" goes on all the same, and the plan history says so';
  throw new CommandFailure(exitCodes.verdictNo, printable(error.problem.detail), nextStep);
}

const nobodyMoves =
  'live sessions stay where they are, and second connections that are prepared for that weight stand by; new connections follow the plan\n';

async function rehearseMove({ rehearse, title, options, missing }: RequestedMove, terminal: Terminal): Promise<void> {
  const document = await answerOf(rehearse(), missing);
  if (options.json) return writeJson(terminal, document);
  await write(terminal.stdout, `dry run, nothing was changed: ${title}\n\n`);
  await write(terminal.stdout, renderDryRun(document.dryRun, terminal.style));
  await write(terminal.stderr, renderInterlockWarnings(document.dryRun.interlock?.warnings ?? []));
}

/** Said on stderr before anything moves, since stdout begins with the ID: what a pace does not hold back. Empty where the gateway cannot tell now. */
async function renderUnpaced({ rehearse, options, prepares = false }: RequestedMove): Promise<string> {
  const { pace, live = defaultLiveMode, json } = options;
  if (pace === undefined || live !== 'handover' || prepares || json) return '';
  const rehearsed = await rehearse();
  const warm = rehearsed.ok ? rehearsed.value.dryRun.warm : 0;
  return warm === 0 ? '' : `${warmNote(warm)}\n`;
}

/** What the weight means in devices seen (contract section 3); left out where the gateway cannot tell now. */
async function renderSeenCohorts(
  move: MoveDocument,
  before: readonly CohortStatus[] | undefined,
  { client, terminal }: { readonly client: AdminClient; readonly terminal: Terminal },
): Promise<string> {
  const returned = await awaitReturn(move, before, { client });
  if (returned === undefined || returned.cohorts.length === 0) return '';
  return `\n${renderCohorts(returned.cohorts, terminal.style)}${renderMissing(returned.missing)}`;
}

export function renderMissing(missing: number): string {
  if (missing === 0) return '';
  const devices = missing === 1 ? '1 device' : `${missing} devices`;
  return `${devices} closed, not back yet: "crossfade status" shows them once they connect\n`;
}

/** Done is done, with refused and pending devices listed; every other end is a failure of the command. */
export function exitCodeOf({ state }: MoveDocument): ExitCode {
  return state === 'done' ? exitCodes.done : exitCodes.failed;
}
