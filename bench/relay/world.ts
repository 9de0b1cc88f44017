import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type MintedCertificate,
  mintCertificate,
  mintCertificateAuthority,
} from '../../src/tls/certificate-minting.ts';
import { LineProcess } from './line-process.ts';

/** What every run stands on: certificates, the compiled tools, the two brokers. */
export interface World {
  readonly directory: string;
  readonly files: CertificateFiles;
  readonly tools: Tools;
  readonly cores: Cores;
  readonly brokers: LineProcess;
  readonly brokerPorts: readonly number[];
  readonly mutualUpstream: boolean;
  close(): Promise<void>;
}

/** Paths of PEM files. All keys are P-256. */
export interface CertificateFiles {
  readonly server: PairFiles;
  readonly deviceCa: string;
  /** `devicePrefix0.pem`, `devicePrefix0.key`, … */
  readonly devicePrefix: string;
  readonly broker: PairFiles;
  readonly brokerCa: string;
  /** The proxy's own identity towards the brokers. */
  readonly gateway: PairFiles;
  /** What the brokers trust: the gateway's CA, and the devices' for the runs without a proxy. */
  readonly brokerTrust: string;
}

export interface PairFiles {
  readonly cert: string;
  readonly key: string;
  /** Both in one file, as HAProxy wants it. */
  readonly bundle: string;
}

export interface Tools {
  readonly load: string;
  readonly brokerStub: string;
}

/** Core numbers; empty where there is only one core or no taskset. */
export interface Cores {
  readonly proxy?: number;
  readonly peers?: number;
}

export const deviceDomain = 'mqtt.bench.test';
export const brokerDomain = 'broker.bench.test';
export const deviceCertificateCount = 16;
const brokerCount = 2;

export async function openWorld(options: { readonly mutualUpstream: boolean }): Promise<World> {
  requireInstalled();
  const tools = compileTools();
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const files = mintFiles(directory);
  const cores = chooseCores();
  const brokers = new LineProcess({
    command: tools.brokerStub,
    args: [
      ...['--cert', files.broker.cert, '--key', files.broker.key],
      ...(options.mutualUpstream ? ['--ca', files.brokerTrust] : []),
      String(brokerCount),
    ],
    ...(cores.peers !== undefined && { core: cores.peers }),
  });
  const ready = await brokers.next('ready');
  return {
    directory,
    files,
    tools,
    cores,
    brokers,
    brokerPorts: ready['ports'] as readonly number[],
    mutualUpstream: options.mutualUpstream,
    close: () => brokers.stop(),
  };
}

function requireInstalled(): void {
  const missing = [
    ...(installed('cc') ? [] : ['gcc']),
    ...(existsSync('/usr/include/openssl/ssl.h') ? [] : ['libssl-dev']),
    ...(installed('haproxy') ? [] : ['haproxy']),
    ...(installed('taskset') ? [] : ['util-linux']),
  ];
  if (missing.length > 0) {
    throw new Error(`The benchmark needs Debian packages that are not here: apt-get install -y ${missing.join(' ')}`);
  }
}

export function installed(command: string): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return path.split(':').some((folder) => existsSync(join(folder, command)));
}

/** Compiles the C tools into var/bench/ where a source is newer than its program. */
function compileTools(): Tools {
  const target = join(import.meta.dirname, '../../var/bench');
  mkdirSync(target, { recursive: true });
  const header = join(import.meta.dirname, 'wire.h');
  const [load = '', brokerStub = ''] = ['load', 'broker-stub'].map((name) => {
    const source = join(import.meta.dirname, `${name}.c`);
    const program = join(target, name);
    const newest = Math.max(statSync(source).mtimeMs, statSync(header).mtimeMs);
    if (!existsSync(program) || statSync(program).mtimeMs < newest) {
      execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', program, source, '-lssl', '-lcrypto', '-lm']);
    }
    return program;
  });
  return { load, brokerStub };
}

function chooseCores(): Cores {
  return availableParallelism() > 1 && installed('taskset') ? { proxy: 0, peers: 1 } : {};
}

function mintFiles(directory: string): CertificateFiles {
  const deviceCa = mintCertificateAuthority('Bench device CA');
  const brokerCa = mintCertificateAuthority('Bench broker CA');
  const gatewayCa = mintCertificateAuthority('Bench gateway CA');
  const server = (name: string) =>
    mintCertificate({
      subject: { commonName: name },
      dnsNames: [name],
      extendedKeyUsage: ['serverAuth'],
      issuer: brokerCa,
    });
  const client = (name: string, issuer: MintedCertificate) =>
    mintCertificate({ subject: { commonName: name }, extendedKeyUsage: ['clientAuth'], issuer });
  for (let i = 0; i < deviceCertificateCount; i++) {
    writePair(directory, `device${i}`, client(`bench-device-${i}`, deviceCa));
  }
  return {
    server: writePair(directory, 'server', server(deviceDomain)),
    broker: writePair(directory, 'broker', server(brokerDomain)),
    gateway: writePair(directory, 'gateway', client('bench-gateway', gatewayCa)),
    deviceCa: write(directory, 'device-ca.pem', deviceCa.certificate),
    brokerCa: write(directory, 'broker-ca.pem', brokerCa.certificate),
    brokerTrust: write(directory, 'broker-trust.pem', `${gatewayCa.certificate}\n${deviceCa.certificate}`),
    devicePrefix: join(directory, 'device'),
  };
}

function writePair(directory: string, name: string, minted: MintedCertificate): PairFiles {
  return {
    cert: write(directory, `${name}.pem`, minted.certificate),
    key: write(directory, `${name}.key`, minted.key),
    bundle: write(directory, `${name}.bundle.pem`, `${minted.certificate}\n${minted.key}`),
  };
}

function write(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** The hard limit of open files that children inherit. */
export function openFileLimit(): number {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
}
