import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { jobNames } from './options.ts';

/** The floor under any nameserver in Node: it answers without looking. */
export const bare: Contender = {
  name: 'bare',
  label: 'bare Node',
  jobs: jobNames,
  describe: () => `a socket of node:dgram that sends back what came, Node ${process.version}`,
  start: (world) =>
    startServer(world, (port) => ({
      command: process.execPath,
      args: [join(import.meta.dirname, 'bare-server.ts'), String(port)],
    })),
};
