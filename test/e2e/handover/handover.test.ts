import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runScript } from './handover-script.ts';
import { HandoverWorld } from './handover-world.ts';
import type { Live } from './operator.ts';
import { judge } from './verdict.ts';

const live = 'reconnect' as Live;

describe('200 devices go over and back twice under traffic', async () => {
  await using world = await HandoverWorld.start({ devices: 200 });
  const findings = await runScript(world, { rounds: 2, live, baselineMs: 3_000, holdMs: 2_000 });
  const isByReconnect = live === 'reconnect';
  const checks = judge(findings, {
    ...{ reconnects: isByReconnect, staying: isByReconnect },
    ...{ wills: false, failedMoves: false, retainedMissing: false },
  });
  for (const { name, ok, detail } of checks) test(name, () => assert.ok(ok, detail));
});
