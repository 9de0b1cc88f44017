import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reconnects } from '../../src/bridge/reconnects.ts';

const options = { baseMs: 250, maxMs: 5_000, leastMs: 0 };
const lost = { wasOpen: true, lastedMs: 10, wasTakenOver: false };

describe('Reconnects', () => {
  test('dials at once, then waits longer, and begins anew behind a connection that lasted', () => {
    const reconnects = new Reconnects(options);
    const delays = () => Array.from({ length: 3 }, () => reconnects.nextDelayMs(0.999));
    assert.deepEqual(delays(), [0, 249, 499]);
    reconnects.handleEnd({ ...lost, lastedMs: 5_000 });
    assert.equal(reconnects.nextDelayMs(0.999), 249);
  });

  test('between two that take each other over, connects become rare, though each lasts as long as the other waits', () => {
    const both = [new Reconnects(options), new Reconnects(options)] as const;
    let nowMs = 0;
    let connects = 0;
    for (let turn = 0; nowMs < 3_600_000; turn += 1) {
      const mine = both[turn % 2] as Reconnects;
      const delayMs = mine.nextDelayMs(0.5);
      nowMs += delayMs;
      connects += 1;
      both[(turn + 1) % 2]?.handleEnd({ wasOpen: true, lastedMs: delayMs, wasTakenOver: true });
    }
    assert.ok(connects < 40, `${connects} connects within an hour`);
    assert.ok(both[0].takeovers > 3 && both[0].looksContested);
  });

  test('forgets who took it over behind ten quiet minutes', () => {
    const reconnects = new Reconnects(options);
    for (let time = 0; time < 10; time += 1) reconnects.handleEnd({ ...lost, wasTakenOver: true });
    assert.ok(reconnects.nextDelayMs(0) >= 150_000);
    reconnects.handleEnd({ ...lost, lastedMs: 600_000 });
    assert.equal(reconnects.nextDelayMs(0), 0);
    assert.equal(reconnects.looksContested, false);
  });

  test('a broker that is away is back in use soon; one at which another client seems to come in waits longer', () => {
    const away = new Reconnects(options);
    for (let time = 0; time < 20; time += 1) {
      assert.ok(away.nextDelayMs(0.999) <= 5_000);
      away.handleEnd({ ...lost, wasOpen: false });
    }
    const contested = new Reconnects(options);
    for (let time = 0; time < 20; time += 1) {
      contested.nextDelayMs(0.999);
      contested.handleEnd(lost);
    }
    assert.ok(contested.nextDelayMs(0.999) > 29_000);
  });

  test('some brokers do not say that it was taken over: many short connections in a row look like it', () => {
    const reconnects = new Reconnects(options);
    for (let time = 0; time < 4; time += 1) reconnects.handleEnd(lost);
    assert.equal(reconnects.looksContested, false);
    reconnects.handleEnd(lost);
    assert.equal(reconnects.looksContested, true);
    // The other one waited for so long.
    reconnects.handleEnd({ ...lost, lastedMs: 20_000 });
    assert.equal(reconnects.looksContested, true);
    reconnects.handleEnd({ ...lost, lastedMs: 60_000 });
    assert.equal(reconnects.looksContested, false);
  });
});
