import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HomeLedger } from '../../src/app/home-ledger.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const log = createLogger({ level: 'silent', component: 'test' });

/** A ledger on a disk that takes `syncMs`, under a clock of its own. */
function ledgerOn(syncMs: number) {
  const store = openSqliteHomeStore(':memory:');
  const said: string[] = [];
  let nowMs = 0;
  const slow = Object.create(store, {
    flush: { value: () => said.push('flush') },
    sync: {
      value: () => {
        nowMs += syncMs;
        said.push('sync');
      },
    },
  });
  const ledger = new HomeLedger(slow, { log, clock: { monotonicMs: () => nowMs } });
  return { ledger, said };
}

const home = { clientId: 'd1', broker: 'legacy' };

test('homes are in the file soon, and a slow disk is waited for a fifth of the time', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const [syncMs, restMs] of [
    [1, 50],
    [50, 200],
    [1_000, 500],
  ] as const) {
    const { ledger, said } = ledgerOn(syncMs);
    ledger.apply({ ...home, epoch: 1 });
    t.mock.timers.tick(5);
    assert.deepEqual(said, ['flush'], `${syncMs} ms: in the file`);
    t.mock.timers.tick(50);
    assert.deepEqual(said.splice(0), ['flush', 'sync'], `${syncMs} ms: on the disk`);
    ledger.apply({ ...home, epoch: 2 });
    t.mock.timers.tick(5);
    assert.deepEqual(said, ['flush'], `${syncMs} ms: in the file, whatever the disk does`);
    t.mock.timers.tick(restMs - 1);
    assert.deepEqual(said, ['flush'], `${syncMs} ms: the disk rests`);
    t.mock.timers.tick(1);
    assert.deepEqual(said, ['flush', 'sync'], `${syncMs} ms: then`);
  }
});

test('a disk that fails is asked again', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = openSqliteHomeStore(':memory:');
  let syncs = 0;
  const sync = () => {
    syncs += 1;
    if (syncs === 1) throw new Error('disk I/O error');
  };
  const ledger = new HomeLedger(Object.create(store, { flush: { value: () => {} }, sync: { value: sync } }), {
    log,
    clock: { monotonicMs: () => 0 },
  });
  ledger.apply({ ...home, epoch: 1 });
  t.mock.timers.tick(5);
  t.mock.timers.tick(50);
  assert.equal(syncs, 1);
  t.mock.timers.tick(4_999);
  assert.equal(syncs, 1);
  t.mock.timers.tick(1);
  assert.equal(syncs, 2);
  t.mock.timers.tick(60_000);
  assert.equal(syncs, 2, 'and not for ever');
});
