import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { PlacementWatch } from '../../src/demo/placement-watch.ts';

describe('PlacementWatch', () => {
  let ready: Set<string>;
  let holdersOf: Map<string, string[]>;
  let watch: PlacementWatch;
  const { signal } = new AbortController();

  beforeEach(() => {
    ready = new Set(['a', 'b']);
    holdersOf = new Map([
      ['a', ['legacy']],
      ['b', ['legacy']],
    ]);
    watch = new PlacementWatch({
      isReady: (device) => ready.has(device),
      holders: (device) => holdersOf.get(device) ?? [],
      lastError: () => null,
    });
    watch.expect(
      new Map([
        ['a', 'legacy'],
        ['b', 'aws'],
      ]),
    );
  });

  test('settles when the last device has come to its broker', async () => {
    assert.equal(watch.inPlace, 1);
    const settled = watch.settle({ timeoutMs: 5_000, signal });
    holdersOf.set('b', ['aws']);
    watch.handleChange('b');
    assert.equal(await settled, true);
    assert.deepEqual(watch.strays(), []);
  });

  test('a device on two brokers is not in place', () => {
    holdersOf.set('b', ['legacy', 'aws']);
    watch.handleChange('b');
    assert.deepEqual(watch.strays(), [
      { device: 'b', expected: 'aws', heldBy: ['legacy', 'aws'], isConnected: true, lastError: null },
    ]);
  });

  test('a device that the broker still holds and that lost its connection is not in place', () => {
    ready.delete('a');
    watch.handleChange('a');
    assert.equal(watch.inPlace, 0);
  });

  test('gives up at the bound, and at once when it is interrupted', async () => {
    assert.equal(await watch.settle({ timeoutMs: 1, signal }), false);
    const interruption = new AbortController();
    const settled = watch.settle({ timeoutMs: 60_000, signal: interruption.signal });
    interruption.abort(new Error('stop'));
    await assert.rejects(settled, /stop/);
  });
});
