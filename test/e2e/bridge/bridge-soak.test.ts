import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FailureKind, planFailures } from './failure-plan.ts';
import { runSoak } from './soak-run.ts';
import { SoakWorld } from './soak-world.ts';
import { judgeSoak } from './verdict.ts';

const runMs = 12_000;
const kinds: readonly FailureKind[] = ['strand-target', 'freeze-legacy', 'cut-legacy', 'restart-target'];

describe('200 messages a second each way, while the bridge and its brokers fail (npm run soak:bridge is the whole)', async () => {
  await using world = await SoakWorld.start({ world: 'mosquitto', rate: 200 });
  const findings = await runSoak(world, { runMs, failures: planFailures({ seed: 4, count: 4, runMs, kinds }) });
  for (const { name, ok, detail } of judgeSoak(findings)) test(name, () => assert.ok(ok, detail));
});
