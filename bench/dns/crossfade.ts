import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { jobNames } from './options.ts';

/** One worker's part of the gateway: sockets, responder, zone, plan. `profile`: the folder of a CPU profile. */
export function crossfadeServer(profile?: string): Contender {
  const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
  return {
    name: 'crossfade',
    label: 'Crossfade',
    jobs: jobNames,
    describe: () => `Crossfade, one worker’s nameserver in a process of its own, Node ${process.version}`,
    start: (world) =>
      startServer(world, (port) => ({
        command: process.execPath,
        args: [...flags, join(import.meta.dirname, 'crossfade-server.ts'), String(port)],
      })),
  };
}
