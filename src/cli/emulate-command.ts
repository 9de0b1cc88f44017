import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { defineCommand } from './command-definition.ts';
import { type Terminal, writeJson } from './terminal.ts';

interface EmulateOptions {
  readonly dataPort: number;
  readonly controlPort: number;
  readonly dir?: string;
  readonly region?: string;
  readonly account?: string;
  readonly functions?: string;
  readonly open?: boolean;
  readonly refusals?: boolean;
}

export function addEmulateCommand(program: Command, { terminal }: CommandContext): void {
  const emulate = defineCommand(program, {
    usage: 'emulate',
    summary: 'a service of the target, on this machine',
    description: 'Emulates what cannot be reached from a laptop, with its limits and refusals.',
    examples: [['emulate aws-iot', 'AWS IoT Core on free loopback ports']],
  });
  defineCommand(emulate, {
    usage: 'aws-iot',
    summary: 'AWS IoT Core: message broker, control plane, data API',
    description:
      'Listens on 127.0.0.1 and prints one JSON line {"event":"ready","control","data":{"host","mqtts","alpn"},"ca"} on ' +
      'stdout once every port is bound: "mqtts" stands for 8883, "alpn" for 443, "ca" is the file that MQTT clients ' +
      'trust. Devices need what they need at AWS: a registered certificate and a policy. Runs until SIGTERM or Ctrl-C and ' +
      'keeps no state; docs/aws-emulator.md lists what it does and does not do.',
    examples: [
      ['emulate aws-iot', 'free ports; the ready line names them'],
      ['emulate aws-iot --refusals', 'say why a connection was closed, which AWS does not'],
      ['emulate aws-iot --data-port 8883 --control-port 4567 --dir emulator', 'ports and files that stay the same'],
    ],
  })
    .option('--data-port <number>', 'TCP port that stands for 8883; 0 is a free one', parsePortOption, 0)
    .option('--control-port <number>', 'TCP port of the control plane and the data API, in HTTP', parsePortOption, 0)
    .option('--dir <directory>', "where the CA's file, and s3/ and logs/ of rules go; default: a temporary one")
    .option('--region <name>', "the account's Region; default: that of the first signed call")
    .option('--account <number>', "the account's twelve digits", parseAccountOption)
    .option('--functions <directory>', 'Lambda functions: what NAME.js or NAME.ts exports as "handler"')
    .option('--open', 'everybody may connect and do everything, without certificate or policy')
    .option('--refusals', 'a JSON line on stderr for each refusal: {"event":"refused","reason","clientId"}')
    .action((options: EmulateOptions) => emulateAwsIot(options, terminal));
}

async function emulateAwsIot(options: EmulateOptions, terminal: Terminal): Promise<void> {
  const { dataPort, controlPort, dir, functions, region, account: accountId, open = false, refusals = false } = options;
  // Loaded here, so that no other command pays for it.
  const { startAwsIotEmulator } = await import('../emulator/aws-iot-emulator.ts');
  const { openGate } = await import('../emulator/open-gate.ts');
  const { usualIdentity } = await import('../emulator/account/identity.ts');
  const { loadFunctions } = await import('../emulator/functions-folder.ts');
  const directory = dir === undefined ? await mkdtemp(join(tmpdir(), 'crossfade-aws-iot-')) : resolve(dir);
  await mkdir(directory, { recursive: true });
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const emulator = await startAwsIotEmulator({
    ...{ mqttsPort: dataPort, controlPort, rulesFolder: directory },
    account: {
      identity: { ...(region !== undefined && { region }), ...(accountId !== undefined && { accountId }) },
      ...(functions !== undefined && { functions: await loadFunctions(functions, usualIdentity) }),
    },
    ...(open ? { gate: openGate } : {}),
  });
  if (refusals) {
    emulator.broker.refusals.onRefusal(({ reason, clientId }) => {
      terminal.stderr.write(`${JSON.stringify({ event: 'refused', reason, clientId })}\n`);
    });
  }
  const ca = join(directory, 'server-ca.pem');
  await writeFile(ca, emulator.caPem);
  const { host, mqtts, alpn, control } = emulator;
  await writeJson(terminal, { event: 'ready', control, data: { host, mqtts, alpn }, ca });
  await ended;
  await emulator.stop();
}

function parseAccountOption(text: string): string {
  if (!/^\d{12}$/.test(text)) throw new InvalidArgumentError('Expected twelve digits.');
  return text;
}

function parsePortOption(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('Expected a port from 0 to 65535.');
  return port;
}
