import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdminClient, createAdminClient } from '../../../src/admin/admin-client.ts';
import { SpawnedProcess, temporaryDirectory } from '../spawned-process.ts';
import { type ServerUnderTest, serverIdentifier } from './zone-server.ts';

export const gatewayProgram = fileURLToPath(new URL('../../../bin/crossfade.js', import.meta.url));
const adminToken = 'token-of-the-nameserver-tests';

export interface GatewayZones {
  /** The `zones` section. */
  readonly zones: readonly Readonly<Record<string, unknown>>[];
  /** The `plan` section; default: everybody to the legacy broker. */
  readonly plan?: Readonly<Record<string, unknown>>;
  readonly workers?: number;
}

/** A configuration of which only the nameserver is used: no device can connect, and no broker is there. */
export function gatewayConfiguration({ zones, plan, workers = 1 }: GatewayZones): string {
  // JSON is YAML too.
  return JSON.stringify({
    version: 1,
    fleet: { domain: 'mqtt.example.com', identity: ['mqtt.clientId'], salt: 'nameserver' },
    listeners: [{ name: 'plain', bind: '127.0.0.1:0' }],
    brokers: { legacy: { url: 'mqtt://127.0.0.1:1' }, aws: { url: 'mqtt://127.0.0.1:1' } },
    plan: plan ?? { default: 'legacy' },
    store: { kind: 'sqlite', path: 'crossfade.db', create: true },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'ops', role: 'admin', token: adminToken }] },
    // The limiter has tests of its own; here one address asks everything.
    nameserver: { bind: ['127.0.0.1:0'], zones, nsid: serverIdentifier, unlimited: ['127.0.0.0/8'] },
    workers,
    log: { level: 'info' },
  });
}

/** What the line says that a gateway prints when all is bound. */
export function parseGatewayReady(line: string): { readonly port: number; readonly admin: AdminClient } {
  const ready = JSON.parse(line) as { nameserver: readonly string[]; admin: string };
  return {
    port: Number(/:(\d+)$/.exec(ready.nameserver[0] ?? '')?.[1]),
    admin: createAdminClient({ url: ready.admin, token: adminToken }),
  };
}

/** `crossfade run` with these zones. */
export async function startGatewayNameserver(zones: GatewayZones): Promise<ServerUnderTest> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, 'crossfade.yaml');
  await writeFile(path, gatewayConfiguration(zones));
  const gateway = new SpawnedProcess(process.execPath, [gatewayProgram, 'run', '--config', path]);
  try {
    const { port, admin } = parseGatewayReady(await readyLine(gateway));
    return {
      name: 'crossfade run',
      port,
      async [Symbol.asyncDispose]() {
        admin.close();
        await gateway.stop();
        await directory[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await gateway.stop();
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** On a crowded machine its three processes may take longer to start than a line is waited for. */
async function readyLine(gateway: SpawnedProcess): Promise<string> {
  for (let patience = 4; ; patience -= 1) {
    try {
      return await gateway.line('"event":"ready"');
    } catch (error) {
      if (gateway.hasExited || patience === 1) throw error;
    }
  }
}
