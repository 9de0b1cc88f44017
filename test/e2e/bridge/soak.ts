/** `npm run soak:bridge`: the bridge between real brokers, under load, with failures. See README.md beside it. */
import { parseArgs } from 'node:util';
import { failureKinds, planFailures } from './failure-plan.ts';
import { kindsFor } from './failures.ts';
import { renderSoak } from './soak-report.ts';
import { runSoak } from './soak-run.ts';
import { SoakWorld, type WorldName } from './soak-world.ts';
import { judgeSoak } from './verdict.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    failures: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    world: { type: 'string', default: 'mosquitto' },
    kinds: { type: 'string', default: '' },
    log: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const runMs = number('minutes', values.minutes) * 60_000;
const rate = number('rate', values.rate);
const count = number('failures', values.failures);
const seed = number('seed', values.seed);
const name = worldOf(values.world);
const wanted = failureKinds.filter((kind) => values.kinds === '' || values.kinds.split(',').includes(kind));
const failures = planFailures({ seed, count, runMs, kinds: kindsFor(name, wanted) });
const startedMs = performance.now();
console.error(`world ${name}, ${rate} messages a second each way, seed ${seed}`);
for (const { kind, atMs, lastsMs } of failures) console.error(`  planned at ${atMs} ms: ${kind} for ${lastsMs} ms`);

await using world = await SoakWorld.start({ world: name, rate });
const findings = await runSoak(world, {
  ...{ runMs, failures },
  onProgress: (text) => console.error(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`),
}).catch((error: unknown) => {
  console.error(world.bridge.lines.slice(-40).join('\n'));
  throw error;
});
const checks = judgeSoak(findings);
console.log(values.json ? JSON.stringify({ seed, rate, findings, checks }) : renderSoak(findings, checks));
const isProved = checks.every(({ ok }) => ok);
if (values.log || !isProved) console.error(world.bridge.lines.slice(values.log ? 0 : -40).join('\n'));
process.exitCode = isProved ? 0 : 1;

function worldOf(text: string): WorldName {
  if (text === 'mosquitto' || text === 'aws') return text;
  throw new Error(`--world: expected mosquitto | aws, got ${text}`);
}

function number(option: string, text: string): number {
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text)) throw new Error(`--${option}: expected a number, got ${text}`);
  return Number(text);
}
