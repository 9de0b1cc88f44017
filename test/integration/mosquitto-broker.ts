import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { likelyFreePort, SpawnedProcess, temporaryDirectory } from './spawned-process.ts';
import { writePki } from './test-pki.ts';

export interface MosquittoOptions {
  /** Username to password; absent: anybody comes in. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** A second listener with the legacy broker's certificate; `client-certificates` lets in the gateway's CA alone. */
  readonly tls?: 'server' | 'client-certificates';
  /** Logs connections but no packets, for tests with many thousands of them. */
  readonly quiet?: boolean;
  /** More lines of mosquitto.conf, such as `max_keepalive 5`. */
  readonly configuration?: readonly string[];
  /** Ports to bind again, when a broker that was stopped comes back. */
  readonly ports?: { readonly port: number; readonly tlsPort: number };
}

/** A real Mosquitto on loopback, with a directory of its own. */
export interface MosquittoBroker extends AsyncDisposable {
  readonly port: number;
  /** Bound when `tls` was asked for. */
  readonly tlsPort: number;
  readonly url: string;
  readonly tlsUrl: string;
  readonly pid: number;
  /** Everything that the broker logged so far: connections, packets, refusals. */
  readonly log: readonly string[];
  /** Waits for a line of the log, from line number `from` on. */
  logged(pattern: RegExp | string, from?: number): Promise<string>;
  /** Client IDs that connected, in order, each as often as it did. */
  connectedClientIds(): readonly string[];
  /** SIGSTOP and SIGCONT: the broker accepts and says nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends it now, without a word to anybody. */
  kill(): Promise<void>;
  /** Ends it in order; the directory goes too. Idempotent. */
  stop(): Promise<void>;
}

const bindAttempts = 8;

/** Mosquitto cannot bind port 0: a port is picked, and another one when somebody has it. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<MosquittoBroker> {
  const directory = await temporaryDirectory();
  for (let attempt = 1; ; attempt++) {
    const ports = options.ports ?? { port: likelyFreePort(), tlsPort: likelyFreePort() };
    const path = await writeConfiguration(directory.path, ports, options);
    const broker = new SpawnedProcess('mosquitto', ['-c', path]);
    try {
      await broker.line(/mosquitto version .* running/);
      return new RunningMosquitto(broker, ports, directory);
    } catch (error) {
      await broker.stop();
      const isTaken = broker.lines.some((line) => line.includes('Address already in use'));
      if (isTaken && attempt < bindAttempts && options.ports === undefined) continue;
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  }
}

class RunningMosquitto implements MosquittoBroker {
  readonly port: number;
  readonly tlsPort: number;
  readonly #process: SpawnedProcess;
  readonly #directory: AsyncDisposable;

  constructor(
    process: SpawnedProcess,
    { port, tlsPort }: { readonly port: number; readonly tlsPort: number },
    directory: AsyncDisposable,
  ) {
    this.#process = process;
    this.port = port;
    this.tlsPort = tlsPort;
    this.#directory = directory;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get tlsUrl(): string {
    return `mqtts://127.0.0.1:${this.tlsPort}`;
  }

  get pid(): number {
    return this.#process.child.pid ?? 0;
  }

  get log(): readonly string[] {
    return this.#process.lines;
  }

  logged(pattern: RegExp | string, from = 0): Promise<string> {
    return this.#process.line(pattern, from);
  }

  connectedClientIds(): readonly string[] {
    return this.log.flatMap((line) => / as (.*) \(p\d, c\d, k\d+/.exec(line)?.[1] ?? []);
  }

  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.#process.stop();
    await this.#directory[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function writeConfiguration(
  directory: string,
  { port, tlsPort }: { readonly port: number; readonly tlsPort: number },
  options: MosquittoOptions,
): Promise<string> {
  const lines = [
    // A broker that root starts would give up its rights, and with them the directory.
    `user ${userInfo().username}`,
    'log_dest stderr',
    ...(options.quiet === true ? ['log_type information', 'log_type error'] : ['log_type all']),
    'log_timestamp false',
    'persistence false',
    'max_queued_messages 100000',
    ...(await authenticationLines(directory, options)),
    `listener ${port} 127.0.0.1`,
    ...(options.tls === undefined ? [] : await tlsLines(directory, tlsPort, options.tls)),
    ...(options.configuration ?? []),
  ];
  const path = join(directory, 'mosquitto.conf');
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

async function authenticationLines(directory: string, { passwords }: MosquittoOptions): Promise<readonly string[]> {
  if (passwords === undefined) return ['allow_anonymous true'];
  const path = join(directory, 'passwords');
  const lines = Object.entries(passwords).map(([username, password]) => `${username}:${password}\n`);
  await writeFile(path, lines.join(''), { mode: 0o600 });
  await promisify(execFile)('mosquitto_passwd', ['-U', path]);
  return ['allow_anonymous false', `password_file ${path}`];
}

async function tlsLines(directory: string, port: number, mode: 'server' | 'client-certificates') {
  const pki = await writePki(directory).catch(() => join(directory, 'pki'));
  return [
    `listener ${port} 127.0.0.1`,
    `certfile ${pki}/legacy-server.pem`,
    `keyfile ${pki}/legacy-server.key`,
    ...(mode === 'server' ? [] : [`cafile ${pki}/gateway-ca.pem`, 'require_certificate true']),
  ];
}
