import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { AdminClient } from '../admin/admin-client.ts';
import type { AdminClientFailure } from '../admin/http-caller.ts';
import type { SubscriptionImportBody, SubscriptionImportDocument } from '../admin/subscription-import.ts';
import { errorMessage } from '../base/errors.ts';
import { type AdminOptions, addAdminOptions, toCommandFailure, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import { readCsvRows } from './csv-rows.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgress, type Progress } from './progress.ts';
import { isHeader, type RejectedRow, SubscriptionBatch } from './subscription-batch.ts';
import { createTally, type ImportTally, renderImport } from './subscription-import-rendering.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { parseCountOption } from './weight-option.ts';

interface ImportOptions extends AdminOptions {
  readonly rejected?: number;
  readonly json?: true;
}

/** A gateway whose control process starts again is back well within this. */
const triesAtFailure = 15;
const retryMs = 1_000;
const rejectedListed = 100;

export function addImportSubscriptionsCommand(sessions: Command, context: CommandContext): void {
  const command = defineCommand(sessions, {
    usage: 'import-subscriptions <file>',
    summary: 'tell the gateway what sessions older than it are subscribed to',
    description:
      'Reads rows of client ID, topic filter, QoS from a CSV file (with or without a header, fields may be quoted), as ' +
      'brokers export them, so that these sessions can be moved without losing a command. The rows of a device should ' +
      'follow each other. A bad row is reported and stops nothing, but its device stays unknown. Importing again ' +
      'replaces what was imported. Devices that are connected can be moved from now on, the others from their next CONNECT. Ends with 2 when rows were rejected.',
    examples: [
      ['sessions import-subscriptions subscriptions.csv', 'a whole fleet, with progress'],
      ['sessions import-subscriptions subscriptions.csv --json > outcome.json', 'for scripts'],
    ],
  })
    .addOption(
      new Option('--rejected <n>', `rejected rows that are listed (default: ${rejectedListed})`).argParser(
        parseCountOption,
      ),
    )
    .option('--json', 'the outcome as one JSON document');
  addAdminOptions(command).action((file: string, options: ImportOptions) => importFile(file, options, context));
}

async function importFile(
  path: string,
  options: ImportOptions,
  { terminal, setExitCode }: CommandContext,
): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw usageFailure(`cannot read ${path}: ${errorMessage(error)}`);
  });
  if (found.isDirectory()) throw usageFailure(`${path} is a directory: expected a CSV file`);
  const { size } = found;
  const tally = createTally(options.rejected ?? rejectedListed);
  let rows = 0;
  const progress = createProgress(terminal);
  await withAdmin(options, terminal, async (client) => {
    try {
      rows = await sendRows({ path, size, client, tally, progress });
    } finally {
      progress.end();
    }
  });
  if (rows === 0) throw usageFailure(`${path} has no rows: expected client ID, topic filter and QoS in each line`);
  await report(tally, options, terminal);
  if (tally.rejectedRows > 0) setExitCode(exitCodes.verdictNo);
}

interface Sending {
  readonly path: string;
  readonly size: number;
  readonly client: AdminClient;
  readonly tally: ImportTally;
  readonly progress: Progress;
}

/** Reads on when the gateway has taken what was read: the file may be larger than memory. Gives how many rows there were. */
async function sendRows({ path, size, client, tally, progress }: Sending): Promise<number> {
  const importId = randomUUID();
  const input = createReadStream(path);
  let batch = new SubscriptionBatch();
  let isFirst = true;
  let rowsRead = 0;
  let shown = -1;
  const send = async (isLast: boolean) => {
    if (!batch.isEmpty) {
      const answer = await sendBatch(client, batch.toBody(importId), tally.calls > 0);
      tally.take(answer, batch);
      batch = new SubscriptionBatch();
    }
    const done = size === 0 ? 100 : Math.floor((input.bytesRead * 100) / size);
    if (done === shown && !isLast) return;
    shown = done;
    progress.update({ done, total: 100, text: `${tally.devices} devices, ${tally.filters} filters` });
  };
  for await (const rows of readCsvRows(input)) {
    for (const row of rows) {
      const skips = isFirst && isHeader(row);
      isFirst = false;
      if (skips) continue;
      rowsRead += 1;
      if (batch.isFullFor(row)) await send(false);
      const rejected: RejectedRow | undefined = batch.add(row);
      if (rejected !== undefined) tally.reject(rejected);
    }
  }
  await send(true);
  return rowsRead;
}

/** The same call again changes nothing, so a gateway that is away for a moment costs a wait; one that never answered does not. */
async function sendBatch(
  client: AdminClient,
  body: SubscriptionImportBody,
  hasAnswered: boolean,
): Promise<SubscriptionImportDocument> {
  for (let tries = 1; ; tries += 1) {
    const answer = await client.importSubscriptions(body);
    if (answer.ok) return answer.value;
    if (!hasAnswered || tries >= triesAtFailure || !isPassing(answer.error)) throw toCommandFailure(answer.error);
    await pause(retryMs);
  }
}

function isPassing(error: AdminClientFailure): boolean {
  return error.kind === 'unreachable' || error.problem.status === 503 || error.problem.status === 504;
}

async function report(tally: ImportTally, options: ImportOptions, terminal: Terminal): Promise<void> {
  if (options.json) await writeJson(terminal, tally.document());
  else await write(terminal.stdout, renderImport(tally.document(), terminal.style));
}
