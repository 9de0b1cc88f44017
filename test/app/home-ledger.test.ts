import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HomeLedger } from '../../src/app/home-ledger.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const log = createLogger({ level: 'silent', component: 'test' });

/** A ledger on a disk whose writes take `writeMs`, under a clock of its own. */
function ledgerOn(writeMs: number) {
  const store = openSqliteHomeStore(':memory:');
  const written: number[] = [];
  let nowMs = 0;
  const slow = Object.create(store, {
    flush: {
      value: () => {
        nowMs += writeMs;
        written.push(nowMs);
      },
    },
  });
  const ledger = new HomeLedger(slow, { log, clock: { monotonicMs: () => nowMs } });
  return { ledger, written };
}

const home = { clientId: 'd1', broker: 'legacy' };

test('homes are written soon, and on a slow disk so seldom that writing takes a fifth of the time', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const [writeMs, restMs] of [
    [1, 20],
    [50, 200],
    [1_000, 500],
  ] as const) {
    const { ledger, written } = ledgerOn(writeMs);
    ledger.apply({ ...home, epoch: 1 });
    t.mock.timers.tick(20);
    assert.equal(written.length, 1, `${writeMs} ms: the first one`);
    ledger.apply({ ...home, epoch: 2 });
    t.mock.timers.tick(restMs - 1);
    assert.equal(written.length, 1, `${writeMs} ms: not before the rest is over`);
    t.mock.timers.tick(1);
    assert.equal(written.length, 2, `${writeMs} ms: then`);
  }
});
