import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runScript } from './handover-script.ts';
import { HandoverWorld } from './handover-world.ts';
import { judge } from './verdict.ts';

describe('200 devices go over and back under traffic', async () => {
  await using world = await HandoverWorld.start({ devices: 200, mirrorLagMs: 300 });
  const findings = await runScript(world, { rounds: 1, live: 'handover', baselineMs: 2_000, holdMs: 3_000 });
  const checks = judge(findings, {
    ...{ reconnects: false, staying: false },
    ...{ wills: false, failedMoves: false, retainedMissing: false },
  });
  for (const { name, ok, detail } of checks) test(name, () => assert.ok(ok, detail));
});
