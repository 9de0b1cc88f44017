import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/main.ts';
import { createStyle } from '../../src/cli/style.ts';

export const program = fileURLToPath(new URL('../../bin/crossfade.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Sent once the first text is on stderr. */
  readonly signalAfterStderr?: NodeJS.Signals;
  /** SIGKILL when this is aborted. */
  readonly killOn?: AbortSignal;
}

/** Runs the command as an operator's shell would, without any CROSSFADE_ variable of this process. */
export async function runCli(commandLine: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(CROSSFADE_|NODE_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  const child = spawn(process.execPath, [program, ...commandLine], {
    env: { ...Object.fromEntries(inherited), ...options.environment },
    stdio: 'pipe',
  });
  // The command may end before it has read everything.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin);
  const { signalAfterStderr, killOn } = options;
  killOn?.addEventListener('abort', () => child.kill('SIGKILL'));
  if (signalAfterStderr !== undefined) child.stderr.once('data', () => child.kill(signalAfterStderr));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

/** The same inside this process, for what needs no process of its own. */
export async function runInProcess(
  commandLine: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runCommandLine(commandLine, {
    stdin: Readable.from([]),
    stdout,
    stderr,
    environment,
    style: createStyle(false),
    canRedraw: false,
    columns: 80,
  });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

/** JSON lines. */
export function parseJsonLines(output: string): readonly Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A directory of its own that goes with the test. */
export async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-cli-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface ConfigurationChoice {
  readonly identity?: string;
  readonly salt?: string;
  readonly weightBps?: number | string;
  readonly cohorts?: string;
  readonly create?: boolean;
  readonly logLevel?: string;
  /** YAML of the limits section. */
  readonly limits?: string;
}

export const secretToken = 'never-to-be-printed-0123456789';

/** Writes a small configuration with its store beside it; answers its path. */
export async function writeConfiguration(directory: string, choice: ConfigurationChoice = {}): Promise<string> {
  const {
    identity = 'mqtt.clientId',
    salt = 'demo',
    weightBps = 2_000,
    create = true,
    logLevel = 'info',
    limits = '{}',
  } = choice;
  const everyone = `{ name: everyone, match: { all: true }, source: legacy, target: aws, weightBps: ${weightBps} }`;
  const path = join(directory, 'crossfade.yaml');
  await writeFile(
    path,
    `version: 1
fleet: { domain: mqtt.example.com, identity: [${identity}], salt: ${salt} }
listeners:
  - { name: plain, bind: "127.0.0.1:0" }
brokers:
  legacy: { url: "mqtt://127.0.0.1:1883", identity: { mode: forward } }
  aws: { url: "mqtt://127.0.0.1:1884", identity: { mode: forward } }
plan:
  default: legacy
  cohorts: [${choice.cohorts ?? everyone}]
store: { kind: sqlite, path: crossfade.db, create: ${create} }
log: { level: ${logLevel} }
limits: ${limits}
admin:
  bind: "127.0.0.1:0"
  tokens: [{ name: ops, role: admin, token: ${secretToken} }]
`,
  );
  return path;
}
