import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineProcess } from '../relay/line-process.ts';
import { type Contender, type Place, type RunningContender, startBroker, startTarget } from './contender.ts';

const root = join(import.meta.dirname, '../..');

interface RuleForm {
  readonly lanes: number;
  readonly order: 'parallel' | { readonly keyLevel: number };
}

export const oneLane = contender('one-lane', '1 lane, per key', { lanes: 1, order: { keyLevel: 2 } });
export const keyed = contender('keyed', '4 lanes, per key', { lanes: 4, order: { keyLevel: 2 } });
export const parallel = contender('parallel', '4 lanes, parallel', { lanes: 4, order: 'parallel' });

/** `crossfade bridge run` as an operator starts it, with one rule. */
function contender(name: string, text: string, form: RuleForm): Contender {
  return {
    name,
    label: `Crossfade, ${text}`,
    keepsOrder: form.order !== 'parallel',
    describe: () =>
      `crossfade bridge run on Node ${process.versions.node}, one rule, ${text}, one source connection, MQTT 5`,
    start: (place) => start(place, form),
  };
}

async function start(place: Place, form: RuleForm): Promise<RunningContender> {
  const side = await startTarget(place);
  const source = await startBroker();
  const directory = mkdtempSync(join(place.directory, 'crossfade-'));
  const path = join(directory, 'crossfade.yaml');
  writeFileSync(path, configuration(directory, { source: source.port, target: side.port }, form));
  const { profileTo } = place.options;
  const profile = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  const bridge = new LineProcess({
    command: process.execPath,
    args: [...profile, join(root, 'bin/crossfade.js'), 'bridge', 'run', '--config', path],
    cwd: root,
  });
  await bridge.next('ready', 30_000);
  return {
    source,
    target: side.target,
    ...(side.distancePid !== undefined && { distancePid: side.distancePid }),
    bridgePid: bridge.pid,
    async stop() {
      await bridge.stop();
      await source.stop();
      await side.stop();
    },
  };
}

function configuration(directory: string, ports: { source: number; target: number }, form: RuleForm): string {
  // YAML takes JSON as it is.
  return JSON.stringify({
    version: 1,
    fleet: { domain: 'mqtt.bench.test', identity: ['mqtt.clientId'], salt: 'bench' },
    listeners: [{ name: 'devices', bind: '127.0.0.1:0' }],
    brokers: {
      source: { url: `mqtt://127.0.0.1:${ports.source}` },
      target: { url: `mqtt://127.0.0.1:${ports.target}` },
    },
    plan: { default: 'source', cohorts: [] },
    admin: { bind: '127.0.0.1:0', tokens: [{ name: 'bench', role: 'viewer', token: 'bench-viewer-token' }] },
    bridge: {
      directory: join(directory, 'bridge'),
      rules: [{ name: 'bench', from: 'source', to: 'target', filter: 'dt/#', qos: 1, ...form }],
    },
    log: { level: 'warn' },
  });
}
