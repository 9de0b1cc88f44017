import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminClient } from '../../src/admin/admin-client.ts';
import {
  gatewayConfiguration,
  gatewayProgram,
  parseGatewayReady,
} from '../../test/integration/nameserver/gateway-nameserver.ts';
import { LineProcess } from '../relay/line-process.ts';
import { processTree } from '../relay/process-usage.ts';
import type { Contender, RunningContender, World } from './contender.ts';
import { jobNames } from './options.ts';
import { benchOrigin, sides, staticZone } from './queries.ts';

export interface RunningGateway extends RunningContender {
  readonly admin: AdminClient;
}

/** `crossfade run` with one worker. `profile`: the folder for CPU profiles of its processes. */
export function crossfadeContender(profile?: string): Contender {
  return {
    name: 'crossfade',
    label: 'Crossfade',
    jobs: jobNames,
    describe: () =>
      `crossfade run, workers 1, split and cohort at 50 %, loopback not rate-limited, Node ${process.version}`,
    start: (world) => startGateway(world, profile),
  };
}

export async function startGateway(world: World, profile?: string): Promise<RunningGateway> {
  const folder = join(world.directory, 'crossfade');
  mkdirSync(folder);
  writeFileSync(join(folder, 'bench.zone'), staticZone);
  const path = join(folder, 'crossfade.yaml');
  writeFileSync(path, gatewayConfiguration({ zones: [zone], plan: planAt(half) }));
  const child = new LineProcess({
    command: process.execPath,
    args: [gatewayProgram, 'run', '--config', path],
    core: world.serverCore,
    ...(profile !== undefined && { env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` } }),
  });
  const ready = await child.next('ready', startDeadlineMs);
  return { ...parseGatewayReady(JSON.stringify(ready)), pids: processTree(child.pid), process: child };
}

const startDeadlineMs = 60_000;
const half = 5_000;

const zone = {
  origin: benchOrigin,
  file: 'bench.zone',
  steering: [
    {
      owner: 'front',
      by: 'split',
      split: 'front-door',
      parts: { one: { addresses: [sides[0]] }, two: { addresses: [sides[1]] } },
    },
    {
      owner: '*.d',
      by: 'cohort',
      label: 'clientid',
      source: { addresses: [sides[0]] },
      target: { addresses: [sides[1]] },
    },
  ],
};

/** The second side of split and cohort with this weight. */
export function planAt(weightBps: number) {
  return {
    default: 'legacy',
    cohorts: [{ name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps }],
    splits: [{ name: 'front-door', weights: { one: 10_000 - weightBps, two: weightBps } }],
  };
}
