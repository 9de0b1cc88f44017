import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StatusDocument } from '../../src/admin/admin-api.ts';
import { type AdminClient, createAdminClient } from '../../src/admin/admin-client.ts';
import { SpawnedProcess } from '../integration/spawned-process.ts';
import { eventually } from './eventually.ts';

export const program = fileURLToPath(new URL('../../bin/crossfade.js', import.meta.url));
export const adminToken = 'token-of-the-fault-tests';

/** Sections of the configuration file, as the file spells them. */
export type Sections = Readonly<Record<string, unknown>> & { readonly brokers: Readonly<Record<string, unknown>> };

/** Writes `crossfade.yaml` into the directory; answers its path. Absent sections have the defaults of these tests. */
export async function writeConfiguration(directory: string, sections: Sections): Promise<string> {
  const path = join(directory, 'crossfade.yaml');
  const defaults = {
    version: 1,
    fleet: { domain: 'mqtt.example.com', identity: ['mqtt.clientId'], salt: 'faults' },
    listeners: [{ name: 'plain', bind: '127.0.0.1:0' }],
    plan: {
      default: 'legacy',
      cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'target', weightBps: 0 }],
    },
    store: { kind: 'sqlite', path: 'crossfade.db', create: true },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'admin', token: adminToken }] },
    workers: 2,
  };
  // JSON is YAML too.
  await writeFile(path, JSON.stringify({ ...defaults, ...sections }, null, 2));
  return path;
}

interface Ready {
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
  readonly nameserver: readonly string[];
  readonly admin: string;
}

/** `crossfade run` on a configuration that is there already, to be hurt and started again. */
export class GatewayProcess implements AsyncDisposable {
  readonly process: SpawnedProcess;
  readonly adminUrl: string;
  readonly admin: AdminClient;
  readonly #ready: Ready;

  private constructor(process: SpawnedProcess, ready: Ready) {
    this.process = process;
    this.#ready = ready;
    this.adminUrl = ready.admin;
    this.admin = createAdminClient({ url: ready.admin, token: adminToken, timeoutMs: 5_000 });
  }

  /** `wrapper`: a command that runs the gateway, such as `prlimit --nofile=64`. */
  static async start(directory: string, wrapper: readonly string[] = []): Promise<GatewayProcess> {
    const spawned = launchGateway(directory, wrapper);
    try {
      return new GatewayProcess(spawned, JSON.parse(await readyLine(spawned)) as Ready);
    } catch (error) {
      await spawned.stop();
      throw error;
    }
  }

  portOf(listener: string): number {
    const address = this.#ready.listeners.find(({ name }) => name === listener)?.address ?? '';
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  get port(): number {
    return this.portOf('plain');
  }

  /** The first address of the nameserver. */
  get nameserverPort(): number {
    const [address = ''] = this.#ready.nameserver;
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  /** The supervisor's. */
  get pid(): number {
    return this.process.child.pid ?? 0;
  }

  async status(): Promise<StatusDocument> {
    return answerOf(await this.admin.status());
  }

  /** The status once every worker is connected to the control process. */
  wholeStatus(workers = 2): Promise<StatusDocument> {
    return eventually(`a status of ${workers} workers`, async () => {
      const status = await this.status();
      return status.workers.length === workers && status;
    });
  }

  async pidOfWorker(worker: number): Promise<number> {
    const { workers } = await this.wholeStatus();
    return workers.find((one) => one.worker === worker)?.pid ?? 0;
  }

  async pidOfControl(): Promise<number> {
    const { workers } = await this.wholeStatus();
    const workerPids = workers.map(({ pid }) => pid);
    const control = (await childrenOf(this.pid)).filter((pid) => !workerPids.includes(pid));
    if (control[0] === undefined || control.length > 1) throw new Error(`expected one control process: ${control}`);
    return control[0];
  }

  /** The sum of a metric's samples whose labels contain all of `labels`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOfSamples(answerOf(await this.admin.metricsText()), name, labels);
  }

  /** SIGTERM, a second one once the first was heard, and the end. Idempotent. */
  async stop(): Promise<void> {
    this.admin.close();
    if (this.process.hasExited) return;
    const from = this.process.lines.length;
    this.process.kill('SIGTERM');
    await this.process.line('Draining', from).catch(() => {});
    await this.process.stop(8_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const startAttempts = 4;

/** On a machine that is busy with other tests the start of four processes takes its time. */
async function readyLine(spawned: SpawnedProcess): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await spawned.line('"event":"ready"');
    } catch (error) {
      if (spawned.hasExited || attempt === startAttempts) throw error;
    }
  }
}

/** Starts it without waiting for anything. */
export function launchGateway(directory: string, wrapper: readonly string[] = []): SpawnedProcess {
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, program, 'run', '--config'];
  return new SpawnedProcess(command, [...rest, join(directory, 'crossfade.yaml')]);
}

export function sumOfSamples(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** The value of an admin answer; throws with the problem document. */
export function answerOf<Value>(
  result: { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: unknown },
): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')));
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

/** Whether a process is there that has not ended (a zombie has). */
export async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+[ZX]/m.test(status);
}
