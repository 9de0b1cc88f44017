import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type RunningContender, runningContender } from './contender.ts';
import { LineProcess } from './line-process.ts';
import { brokerDomain, deviceDomain, type World } from './world.ts';

const root = join(import.meta.dirname, '../..');

/** The gateway as an operator starts it: one worker, one cohort of everyone, half of it on either broker. */
export const crossfade: Contender = {
  name: 'crossfade',
  label: 'Crossfade',
  describe: () => `Crossfade on Node ${process.versions.node}, workers: 1, one cohort at 50 % over two brokers`,
  start,
};

async function start(world: World): Promise<RunningContender> {
  const directory = mkdtempSync(join(world.directory, 'crossfade-'));
  const path = join(directory, 'crossfade.yaml');
  writeFileSync(path, configuration(world, directory));
  const child = new LineProcess({
    command: process.execPath,
    args: [join(root, 'bin/crossfade.js'), 'run', '--config', path],
    cwd: root,
    ...(world.cores.proxy !== undefined && { core: world.cores.proxy }),
  });
  const ready = await child.next('ready', 30_000);
  const listeners = ready['listeners'] as readonly { readonly name: string; readonly address: string }[];
  const address = listeners.find((listener) => listener.name === 'devices')?.address ?? '';
  return runningContender(child, Number(address.slice(address.lastIndexOf(':') + 1)));
}

function configuration(world: World, directory: string): string {
  const { files } = world;
  const upstreamIdentity = world.mutualUpstream ? { cert: files.gateway.cert, key: files.gateway.key } : {};
  const broker = (port: number | undefined) => ({
    url: `mqtts://127.0.0.1:${port}`,
    profile: 'mqtt',
    tls: { ca: files.brokerCa, servername: brokerDomain },
    identity: { mode: 'forward', ...upstreamIdentity },
  });
  // YAML takes JSON as it is.
  return JSON.stringify({
    version: 1,
    fleet: { domain: deviceDomain, identity: ['mqtt.clientId'], salt: 'bench' },
    listeners: [
      {
        name: 'devices',
        bind: '127.0.0.1:0',
        tls: {
          certificates: [{ cert: files.server.cert, key: files.server.key }],
          clientCertificates: 'required',
          trustedCas: [files.deviceCa],
        },
      },
    ],
    brokers: { legacy: broker(world.brokerPorts[0]), target: broker(world.brokerPorts[1]) },
    plan: {
      default: 'legacy',
      cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'target', weightBps: 5_000 }],
    },
    store: { kind: 'sqlite', path: join(directory, 'crossfade.db') },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'bench', role: 'viewer', token: 'bench-viewer-token' }] },
    workers: 1,
    log: { level: 'warn' },
  });
}
