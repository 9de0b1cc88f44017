import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from '@prometheus-io/client';
import { registerBridgeMetrics } from '../../src/bridge/bridge-metrics.ts';
import type { SlotStatus } from '../../src/bridge/bridge-status.ts';
import { slotStatus } from '../app/fake-board.ts';

function scrapeOf(read: () => readonly SlotStatus[]) {
  const registry = new Registry();
  registerBridgeMetrics(registry, read);
  return async () => (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a slot shows what was carried, lost and kept, by rule, slot and lane', async () => {
  const slot = slotStatus('dt', 0, {
    slot: 'm0',
    messages: { received: 5, carried: 3, carriedBytes: 99, loopsBroken: 1, deadLetters: { refused: 2 } },
    lag: { p50Ms: 2, p999Ms: 40 },
    spool: { messages: 7, bytes: 1_000 },
    lanes: [
      { number: 0, isOpen: true, messages: 4 },
      { number: 1, isOpen: false, messages: 0 },
    ],
  });
  const lines = await scrapeOf(() => [slot])();
  for (const line of [
    'crossfade_bridge_messages_total{rule="dt",slot="m0",result="received"} 5',
    'crossfade_bridge_messages_total{rule="dt",slot="m0",result="loop-broken"} 1',
    'crossfade_bridge_carried_bytes_total{rule="dt",slot="m0"} 99',
    'crossfade_bridge_dead_letters_total{rule="dt",slot="m0",reason="refused"} 2',
    'crossfade_bridge_lag_seconds{rule="dt",slot="m0",quantile="0.5"} 0.002',
    'crossfade_bridge_lag_seconds{rule="dt",slot="m0",quantile="0.999"} 0.04',
    'crossfade_bridge_spool_bytes{rule="dt",slot="m0"} 1000',
    'crossfade_bridge_state{rule="dt",slot="m0",state="running"} 1',
    'crossfade_bridge_state{rule="dt",slot="m0",state="stopped"} 0',
    'crossfade_bridge_lane_open{rule="dt",slot="m0",lane="1"} 0',
    'crossfade_bridge_lane_messages{rule="dt",slot="m0",lane="0"} 4',
  ])
    assert.ok(lines.includes(line), line);
});

test('every scrape shows slots as they are then, read once, and none that is gone', async () => {
  let slots: readonly SlotStatus[] = [slotStatus('dt', 0, { messages: { received: 5 } }), slotStatus('dt', 1)];
  let reads = 0;
  const scrape = scrapeOf(() => {
    reads += 1;
    return slots;
  });
  await scrape();
  assert.equal(reads, 1);
  slots = [slotStatus('dt', 0, { messages: { received: 6 } })];
  await new Promise(setImmediate);
  const lines = await scrape();
  assert.equal(reads, 2);
  assert.ok(lines.includes('crossfade_bridge_messages_total{rule="dt",slot="0",result="received"} 6'));
  assert.deepEqual(
    lines.filter((line) => line.includes('slot="1"')),
    [],
  );
  assert.ok(!lines.some((line) => line.includes('lag_seconds')), 'no lag where nothing was carried');
});
