import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { likelyFreePort, SpawnedProcess, temporaryDirectory } from '../spawned-process.ts';
import { type ServerUnderTest, serverIdentifier } from './zone-server.ts';

export interface KnotOptions {
  /** Absolute path by origin. */
  readonly files: Readonly<Record<string, string>>;
}

const bindAttempts = 8;

/** Knot with the same zones: one thread for UDP, so that it answers in the order in which it is asked. */
export async function startKnot(options: KnotOptions): Promise<ServerUnderTest> {
  const directory = await temporaryDirectory();
  for (let attempt = 1; ; attempt += 1) {
    const port = likelyFreePort();
    const path = join(directory.path, 'knot.conf');
    await writeFile(path, configuration(directory.path, port, options));
    const knot = new SpawnedProcess('knotd', ['-c', path]);
    try {
      await knot.line('server started');
    } catch (error) {
      await knot.stop();
      const isTaken = knot.lines.some((line) => line.includes('in use'));
      if (isTaken && attempt < bindAttempts) continue;
      await directory[Symbol.asyncDispose]();
      throw error;
    }
    return {
      name: 'Knot',
      port,
      async [Symbol.asyncDispose]() {
        await knot.stop();
        await directory[Symbol.asyncDispose]();
      },
    };
  }
}

function configuration(directory: string, port: number, { files }: KnotOptions): string {
  const zones = Object.entries(files).map(([origin, file]) => `  - domain: ${origin}.\n    file: ${file}\n`);
  return `server:
    rundir: ${directory}
    listen: 127.0.0.1@${port}
    nsid: "${serverIdentifier}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
    tcp-reuseport: on
database:
    storage: ${directory}
mod-cookies:
  - id: default
template:
  - id: default
    zonefile-sync: -1
    journal-content: none
    global-module: mod-cookies/default
zone:
${zones.join('')}`;
}
