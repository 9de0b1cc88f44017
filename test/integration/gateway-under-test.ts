import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdminClient, createAdminClient } from '../../src/admin/admin-client.ts';
import { SpawnedProcess, temporaryDirectory } from './spawned-process.ts';
import { writePki } from './test-pki.ts';

const program = fileURLToPath(new URL('../../bin/crossfade.js', import.meta.url));
const adminToken = 'token-of-the-integration-tests';

/** Sections of the configuration file, as the file spells them; what is absent has the default of this harness. */
export interface GatewayOptions {
  readonly brokers: Readonly<Record<string, BrokerSection>>;
  /** Default: everybody to the first broker. */
  readonly plan?: Readonly<Record<string, unknown>>;
  /** Default: [mqtt.clientId]. */
  readonly identity?: readonly string[];
  readonly salt?: string;
  readonly workers?: number;
  readonly limits?: Readonly<Record<string, number>>;
  /** More listeners beside `tls`, `open` and `plain`. */
  readonly listeners?: readonly Readonly<Record<string, unknown>>[];
  readonly logLevel?: string;
  readonly aws?: Readonly<Record<string, unknown>>;
  /** Variables of the gateway's processes, besides this one's. */
  readonly environment?: Readonly<Record<string, string>>;
}

export type BrokerSection = ({ readonly url: string } | { readonly urls: readonly string[] }) &
  Readonly<Record<string, unknown>>;

/** `crossfade run` in a process of its own, from a configuration file, as an operator starts it. */
export interface GatewayUnderTest extends AsyncDisposable {
  /** TLS, client certificates required: `device-00000N` of the development PKI. */
  readonly tlsPort: number;
  /** TLS without client certificates. */
  readonly openPort: number;
  readonly plainPort: number;
  /** The bound port of any listener, by name. */
  portOf(listener: string): number;
  readonly admin: AdminClient;
  readonly adminUrl: string;
  readonly adminToken: string;
  /** The supervisor's. */
  readonly pid: number;
  /** Holds the configuration (`crossfade.yaml`), the store (`crossfade.db`) and `pki/`. */
  readonly directory: string;
  readonly pki: string;
  /** Lines of stdout and stderr. */
  readonly log: readonly string[];
  logged(pattern: RegExp | string, from?: number): Promise<string>;
  readonly process: SpawnedProcess;
  /** Two SIGTERMs: ends it without waiting for the devices. Idempotent. */
  stop(): Promise<void>;
}

export async function startGatewayUnderTest(options: GatewayOptions): Promise<GatewayUnderTest> {
  const directory = await temporaryDirectory();
  const pki = await writePki(directory.path);
  const path = join(directory.path, 'crossfade.yaml');
  // JSON is YAML too.
  await writeFile(path, JSON.stringify(configurationOf(options), null, 2));
  const gateway = new SpawnedProcess(process.execPath, [program, 'run', '--config', path], options.environment);
  try {
    const ready = parseReady(await gateway.line('"event":"ready"'));
    return new RunningGateway({ gateway, ready, directory, pki });
  } catch (error) {
    await gateway.stop();
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

interface Ready {
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
  readonly admin: string;
}

function parseReady(line: string): Ready {
  return JSON.parse(line) as Ready;
}

class RunningGateway implements GatewayUnderTest {
  readonly process: SpawnedProcess;
  readonly directory: string;
  readonly pki: string;
  readonly adminUrl: string;
  readonly adminToken = adminToken;
  readonly admin: AdminClient;
  readonly #ready: Ready;
  readonly #directory: AsyncDisposable;

  constructor(options: {
    readonly gateway: SpawnedProcess;
    readonly ready: Ready;
    readonly directory: AsyncDisposable & { readonly path: string };
    readonly pki: string;
  }) {
    this.process = options.gateway;
    this.#ready = options.ready;
    this.directory = options.directory.path;
    this.#directory = options.directory;
    this.pki = options.pki;
    this.adminUrl = options.ready.admin;
    this.admin = createAdminClient({ url: this.adminUrl, token: adminToken });
  }

  get tlsPort(): number {
    return this.portOf('tls');
  }

  get openPort(): number {
    return this.portOf('open');
  }

  get plainPort(): number {
    return this.portOf('plain');
  }

  portOf(listener: string): number {
    const address = this.#ready.listeners.find(({ name }) => name === listener)?.address ?? '';
    return Number(address.slice(address.lastIndexOf(':') + 1));
  }

  get pid(): number {
    return this.process.child.pid ?? 0;
  }

  get log(): readonly string[] {
    return this.process.lines;
  }

  logged(pattern: RegExp | string, from = 0): Promise<string> {
    return this.process.line(pattern, from);
  }

  async stop(): Promise<void> {
    this.admin.close();
    if (!this.process.hasExited) {
      const from = this.log.length;
      this.process.kill('SIGTERM');
      // Signals that come together are one; the second is sent when the first was heard.
      await this.process.line('Draining', from).catch(() => {});
      await this.process.stop();
    }
    await this.#directory[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function configurationOf(options: GatewayOptions): Readonly<Record<string, unknown>> {
  const [firstBroker] = Object.keys(options.brokers);
  const certificates = [{ cert: 'pki/server.pem', key: 'pki/server.key' }];
  return {
    version: 1,
    fleet: {
      domain: 'mqtt.example.com',
      identity: options.identity ?? ['mqtt.clientId'],
      salt: options.salt ?? 'integration',
    },
    listeners: [
      { name: 'tls', bind: '127.0.0.1:0', tls: { certificates, trustedCas: ['pki/device-ca.pem'] } },
      { name: 'open', bind: '127.0.0.1:0', tls: { certificates, clientCertificates: 'off' } },
      { name: 'plain', bind: '127.0.0.1:0' },
      ...(options.listeners ?? []),
    ],
    brokers: options.brokers,
    plan: options.plan ?? { default: firstBroker },
    store: { kind: 'sqlite', path: 'crossfade.db', create: true },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'admin', token: adminToken }] },
    limits: options.limits ?? {},
    workers: options.workers ?? 1,
    log: { level: options.logLevel ?? 'info' },
    ...(options.aws !== undefined && { aws: options.aws }),
  };
}
