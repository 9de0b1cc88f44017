import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { jobNames } from './options.ts';

/** What a Node program gets that uses the usual library for its server, too. */
export const dns2: Contender = {
  name: 'dns2',
  label: 'dns2',
  jobs: jobNames,
  describe: () => {
    const manifest = join(import.meta.dirname, '../../node_modules/dns2/package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return `dns2 ${version}, its own server, one process, Node ${process.version}`;
  },
  start: (world) =>
    startServer(world, (port) => ({
      command: process.execPath,
      args: [join(import.meta.dirname, 'dns2-server.ts'), String(port)],
    })),
};
