import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { errorMessage } from '../base/errors.ts';
import type { Result } from '../base/result.ts';
import type { CertificateIdentity, DeviceKeyKind } from '../plan/device-key.ts';
import { type AdminOptions, addAdminOptions, withAdmin } from './admin-access.ts';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { usageFailure } from './command-failure.ts';
import {
  type DeviceQuestion,
  deviceKeyKinds,
  type IdentityOptions,
  parseCertificate,
  questionOfKind,
  questionOfOptions,
} from './device-question.ts';
import { type Line, readLines } from './line-reader.ts';
import { loadOfflinePlan } from './offline-plan.ts';
import { createTableStream } from './table.ts';
import { type Terminal, write, writeJson } from './terminal.ts';
import { renderWhere, type WhereAnswer, whereColumns } from './where-rendering.ts';
import { createGatewaySource, createOfflineSource, type WhereSource } from './where-source.ts';

interface WhereOptions extends AdminOptions, IdentityOptions {
  readonly certificate?: string;
  readonly stdin?: true;
  readonly as?: DeviceKeyKind;
  readonly config?: string;
  readonly json?: true;
}

export function addWhereCommand(program: Command, { terminal }: CommandContext): void {
  const command = defineCommand(program, {
    usage: 'where [device]',
    summary: 'which broker a device goes to, and why',
    description:
      'Says which broker the plan sends a device to, and why. DEVICE is the value of the first kind in fleet.identity; ' +
      'the options name other identities and combine into one device. Asks the running gateway, or with --config needs ' +
      "none: then the store's plan answers, and where there is no store the file's. A running gateway also says where " +
      'the session of a single device is: its home.',
    examples: [
      ['where meter-7', 'ask the running gateway'],
      ['where --client-id meter-7 --common-name 00A1 --config crossfade.yaml', 'without a gateway'],
      ['where --certificate device.pem --config crossfade.yaml', 'everything that a certificate says'],
      ['where --stdin --as clientid --config crossfade.yaml --json < ids.txt', 'a whole fleet, one JSON object a line'],
    ],
  })
    .option('--client-id <id>', 'MQTT client ID')
    .option('--common-name <name>', 'common name of the client certificate')
    .option('--fingerprint <hex>', 'SHA-256 fingerprint of the client certificate')
    .option('--serial <hex>', 'serial number of the client certificate')
    .option('--username <name>', 'MQTT user name')
    .option('--certificate <file>', 'client certificate, PEM or DER, taken as verified')
    .option('--stdin', 'read devices from standard input, one a line')
    .addOption(new Option('--as <kind>', 'what DEVICE and the lines of --stdin are').choices([...deviceKeyKinds]))
    .option('--config <file>', 'answer without a gateway, from the store or the file of this configuration')
    .option('--json', 'JSON; with --stdin one object a line');
  addAdminOptions(command).action((device: string | undefined, options: WhereOptions) =>
    where(device, options, terminal),
  );
}

async function where(device: string | undefined, options: WhereOptions, terminal: Terminal): Promise<void> {
  const given = await questionFromOptions(options);
  const ways = [device !== undefined, given !== undefined, options.stdin === true].filter(Boolean).length;
  if (ways !== 1) {
    throw usageFailure(
      'expected DEVICE, identity options or --stdin, one of the three',
      'see "crossfade where --help"',
    );
  }
  await withSource(options, terminal, async (source) => {
    if (options.stdin) return answerLines(source, options, terminal);
    const kind = options.as ?? source.firstKind;
    const question = given ?? valueOrUsage(questionOfKind(kind, device ?? ''));
    const [answer] = await source.ask([question], { home: true });
    if (answer === undefined) return;
    if (options.json) await writeJson(terminal, answer);
    else await write(terminal.stdout, renderWhere(answer, terminal.style));
  });
}

async function questionFromOptions(options: WhereOptions): Promise<DeviceQuestion | undefined> {
  const certificate = options.certificate === undefined ? undefined : await loadCertificate(options.certificate);
  return valueOrUsage(questionOfOptions(options, certificate));
}

async function loadCertificate(path: string): Promise<CertificateIdentity> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw usageFailure(`--certificate: cannot read ${path}: ${errorMessage(error)}`);
  });
  const certificate = parseCertificate(bytes);
  if (!certificate.ok) throw usageFailure(`--certificate: ${path}: ${certificate.error}`);
  return certificate.value;
}

async function withSource(
  options: WhereOptions,
  terminal: Terminal,
  work: (source: WhereSource) => Promise<void>,
): Promise<void> {
  if (options.config !== undefined) return work(createOfflineSource(await loadOfflinePlan(options.config)));
  await withAdmin(options, terminal, async (client) => work(await createGatewaySource(client)));
}

/** Streams: as many lines are read as answers could be written. */
async function answerLines(source: WhereSource, options: WhereOptions, terminal: Terminal): Promise<void> {
  const kind = options.as ?? source.firstKind;
  const table = createTableStream(whereColumns, terminal.style);
  const render = options.json ? (answer: WhereAnswer) => `${JSON.stringify(answer)}\n` : table.row;
  if (!options.json) await write(terminal.stdout, table.titles());
  for await (const lines of readLines(terminal.stdin)) {
    if (!lines.ok) throw usageFailure(`--stdin: ${lines.error}`);
    const { questions, error } = questionsOf(lines.value, kind);
    const answers = await source.ask(questions);
    await write(terminal.stdout, answers.map(render).join(''));
    if (error !== undefined) throw usageFailure(`--stdin: ${error}`);
  }
}

/** The questions up to the first line that is none. */
function questionsOf(
  lines: readonly Line[],
  kind: DeviceKeyKind,
): { readonly questions: readonly DeviceQuestion[]; readonly error?: string } {
  const questions: DeviceQuestion[] = [];
  for (const { text, number } of lines) {
    const question = questionOfKind(kind, text);
    if (!question.ok) return { questions, error: `line ${number}: ${question.error}` };
    questions.push(question.value);
  }
  return { questions };
}

function valueOrUsage<Value>(result: Result<Value>): Value {
  if (!result.ok) throw usageFailure(result.error);
  return result.value;
}
