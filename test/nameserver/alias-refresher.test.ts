import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AliasRefresher, type ResolvedFamily } from '../../src/nameserver/alias-refresher.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

type Answers = Readonly<Record<4 | 6, readonly string[] | Error>>;

/** A refresher of one alias; each look takes the next answers, the last ones again and again. */
function createRefresher(
  looks: readonly Answers[],
  known: Readonly<Record<string, readonly string[]>> = {},
  allowsLoopback = false,
) {
  const asked = { 4: 0, 6: 0 };
  let changes = 0;
  let wake: () => void = () => {};
  const refresher = new AliasRefresher(
    { aliases: ['a.example'], minMs: 1, maxMs: 1, known, allowsLoopback },
    {
      log: createLogger({ level: 'silent', component: 'test' }),
      random: () => 0,
      wallMs: () => 1_000,
      onChange: () => {
        changes += 1;
        wake();
      },
      resolve: async (_name, family): Promise<ResolvedFamily> => {
        const answer = looks[Math.min(asked[family]++, looks.length - 1)]?.[family] ?? [];
        if (answer instanceof Error) throw answer;
        return { addresses: answer, ttl: 60 };
      },
    },
  );
  return {
    refresher,
    addresses: () => refresher.addresses()['a.example'],
    changed: async (count: number) => {
      while (changes < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const down = new Error('timed out');

describe('AliasRefresher', () => {
  test('has the addresses once it started, in one order, each once', async () => {
    const { refresher, addresses } = createRefresher([
      { 4: ['192.0.2.2', '192.0.2.1', '192.0.2.2'], 6: ['2001:db8::1'] },
    ]);
    await refresher.start();
    assert.deepEqual(addresses(), ['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    refresher.stop();
  });

  test('follows what changes, also a family that goes', async () => {
    const { refresher, addresses, changed } = createRefresher([
      { 4: ['192.0.2.1'], 6: ['2001:db8::1'] },
      { 4: ['192.0.2.2'], 6: [] },
    ]);
    await refresher.start();
    await changed(2);
    assert.deepEqual(addresses(), ['192.0.2.2']);
    refresher.stop();
  });

  test('a family that nobody answers for keeps its last addresses', async () => {
    const { refresher, addresses } = createRefresher([{ 4: ['192.0.2.9'], 6: down }], {
      'a.example': ['192.0.2.1', '2001:db8::1'],
    });
    await refresher.start();
    assert.deepEqual(addresses(), ['192.0.2.9', '2001:db8::1']);
    refresher.stop();
  });

  test('an alias without any address, or without an answer, keeps its last ones', async () => {
    for (const answers of [
      { 4: [], 6: [] },
      { 4: down, 6: down },
    ]) {
      const { refresher, addresses } = createRefresher([answers], { 'a.example': ['192.0.2.1'] });
      await refresher.start();
      assert.deepEqual(addresses(), ['192.0.2.1']);
      refresher.stop();
    }
  });

  test('addresses that no device can reach are left out, and an answer of nothing else is none', async () => {
    const bad = ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'];
    const bad6 = ['::', '::1', 'ff02::1', '::ffff:127.0.0.1'];
    const mixed = createRefresher([{ 4: [...bad, '192.0.2.2'], 6: [...bad6, '2001:db8::2'] }]);
    await mixed.refresher.start();
    assert.deepEqual(mixed.addresses(), ['192.0.2.2', '2001:db8::2']);
    const known = { 'a.example': ['192.0.2.1', '127.0.0.1', '2001:db8::1'] };
    const forged = createRefresher([{ 4: bad, 6: bad6 }], known);
    await forged.refresher.start();
    assert.deepEqual(forged.addresses(), ['192.0.2.1', '2001:db8::1']);
    const [state] = forged.refresher.states();
    assert.equal(state?.resolvedAtMs, undefined);
    assert.match(state?.problem ?? '', /^expected addresses that devices can reach, got 0\.0\.0\.0/);
    assert.deepEqual(mixed.refresher.states(), [
      { alias: 'a.example', addresses: mixed.addresses(), resolvedAtMs: 1_000, problem: undefined },
    ]);
    const local = createRefresher([{ 4: ['127.0.0.1', '0.0.0.0'], 6: [] }], {}, true);
    await local.refresher.start();
    assert.deepEqual(local.addresses(), ['127.0.0.1']);
    for (const { refresher } of [mixed, forged, local]) refresher.stop();
  });

  test('an alias that never had an address is absent', async () => {
    const { refresher, addresses } = createRefresher([{ 4: down, 6: [] }]);
    await refresher.start();
    assert.equal(addresses(), undefined);
    refresher.stop();
  });
});
