import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { benchOrigin, staticZone } from './queries.ts';

/** Knot, which answers as fast as any: what a static name can cost. It does not steer. */
export const knot: Contender = {
  name: 'knot',
  label: 'Knot',
  jobs: ['static'],
  describe: () => `${execFileSync('knotd', ['--version'], { encoding: 'utf8' }).trim()}, udp-workers 1`,
  start: (world) => {
    const folder = join(world.directory, 'knot');
    mkdirSync(folder);
    writeFileSync(join(folder, 'bench.zone'), staticZone);
    return startServer(world, (port) => {
      writeFileSync(
        join(folder, 'knot.conf'),
        `server:
    rundir: ${folder}
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: ${folder}
template:
  - id: default
    storage: ${folder}
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: ${benchOrigin}.
    file: bench.zone
`,
      );
      return { command: 'knotd', args: ['-c', join(folder, 'knot.conf')] };
    });
  },
};
