import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, startServer } from './contender.ts';
import { jobNames } from './options.ts';
import { benchOrigin, sides, staticZone } from './queries.ts';

const choice = `"pickwhashed({{5000,'${sides[0]}'},{5000,'${sides[1]}'}})"`;

/** PowerDNS with the Lua record that steers as our split does; its packet cache answers static names. */
export const powerdns: Contender = {
  name: 'powerdns',
  label: 'PowerDNS',
  jobs: jobNames,
  describe: () => {
    const { stderr, stdout } = spawnSync('pdns_server', ['--version'], { encoding: 'utf8' });
    const version = /PowerDNS Authoritative Server (\S+)/.exec(stdout + stderr)?.[1] ?? 'unknown';
    return `PowerDNS ${version}, bind backend, receiver-threads 1, distributor-threads 1, LUA A "pickwhashed(…)" with enable-lua-records=shared, edns-subnet-processing`;
  },
  start: (world) => {
    const folder = join(world.directory, 'powerdns');
    mkdirSync(folder);
    const zone = join(folder, 'bench.zone');
    writeFileSync(zone, `${staticZone}front 30 IN LUA A ${choice}\n*.d 30 IN LUA A ${choice}\n`);
    writeFileSync(join(folder, 'named.conf'), `zone "${benchOrigin}" { type native; file "${zone}"; };\n`);
    return startServer(world, (port) => {
      writeFileSync(
        join(folder, 'pdns.conf'),
        `launch=bind
bind-config=${join(folder, 'named.conf')}
local-address=127.0.0.1
local-port=${port}
socket-dir=${folder}
receiver-threads=1
distributor-threads=1
enable-lua-records=shared
edns-subnet-processing=yes
daemon=no
guardian=no
write-pid=no
security-poll-suffix=
`,
      );
      return { command: 'pdns_server', args: [`--config-dir=${folder}`] };
    });
  },
};
