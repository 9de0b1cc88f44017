import { join } from 'node:path';
import type { BareRelayOptions } from './bare-relay.ts';
import { type Contender, type RunningContender, runningContender } from './contender.ts';
import { LineProcess } from './line-process.ts';
import { brokerDomain, type World } from './world.ts';

/** The baseline, with upstream TLS sessions resumed. */
export const bare: Contender = {
  name: 'bare',
  label: 'bare Node relay',
  describe: () => `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, resumes upstream TLS sessions`,
  start: (world) => start(world, true),
};

/** The same with a full handshake upstream for every device; it differs in connects only. */
export const bareFull: Contender = {
  name: 'bare-full',
  label: 'bare Node relay, full upstream handshake',
  describe: () => `the bare Node relay with a full upstream handshake for every device`,
  start: (world) => start(world, false),
};

async function start(world: World, resume: boolean): Promise<RunningContender> {
  const { files } = world;
  const options: BareRelayOptions = {
    cert: files.server.cert,
    key: files.server.key,
    deviceCa: files.deviceCa,
    upstreamCa: files.brokerCa,
    upstreamServername: brokerDomain,
    upstreamPorts: world.brokerPorts,
    ...(world.mutualUpstream && { upstreamIdentity: files.gateway }),
    resume,
  };
  const child = new LineProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'bare-relay.ts'), JSON.stringify(options)],
    ...(world.cores.proxy !== undefined && { core: world.cores.proxy }),
  });
  return runningContender(child, Number((await child.next('ready'))['port']));
}
