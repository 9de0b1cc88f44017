import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { jobNames } from './options.ts';
import { benchOrigin, sides, staticZone } from './queries.ts';

/** gdnsd with weights. It draws lots for every question, where the others hash the asking network. */
export const gdnsd: Contender = {
  name: 'gdnsd',
  label: 'gdnsd',
  jobs: jobNames,
  describe: () => {
    const { stderr, stdout } = spawnSync('gdnsd', ['-h'], { encoding: 'utf8' });
    return `gdnsd ${/version (\S+)/.exec(stdout + stderr)?.[1] ?? 'unknown'}, udp_threads 1, plugin weighted`;
  },
  start: (world) => {
    const folder = join(world.directory, 'gdnsd');
    for (const name of ['zones', 'run', 'state']) mkdirSync(join(folder, name), { recursive: true });
    const steered = 'front 30 DYNA weighted!split\n*.d 30 DYNA weighted!split\n';
    writeFileSync(join(folder, 'zones', benchOrigin), staticZone + steered);
    return startServer(world, (port) => {
      writeFileSync(
        join(folder, 'config'),
        `options => {
  listen => [ "127.0.0.1:${port}" ]
  udp_threads => 1
  tcp_threads => 1
  run_dir => "${join(folder, 'run')}"
  state_dir => "${join(folder, 'state')}"
}
plugins => { weighted => { split => { one => [ ${sides[0]}, 50 ], two => [ ${sides[1]}, 50 ] } } }
`,
      );
      return { command: 'gdnsd', args: ['-c', folder, 'start'] };
    });
  },
};
