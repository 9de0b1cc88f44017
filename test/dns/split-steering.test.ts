import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createSteering } from '../../src/dns/steering.ts';
import type { SplitRule } from '../../src/dns/steering-rule.ts';
import { positionOf } from '../../src/plan/position.ts';
import { splitPartAt } from '../../src/plan/split.ts';
import { subnetKeyOf } from '../../src/plan/subnet-key.ts';
import { frontDoor, network, networkNumber, outcomeOf, sampleFacts, sampleSite } from './steering-world.ts';

const parts = Object.keys(frontDoor.parts);

function splitAt(weights: Readonly<Record<string, number>>) {
  return createSteering(frontDoor, sampleFacts({ plan: { splits: [{ name: 'front-door', weights }] } }));
}

describe('a split', () => {
  test('is the formula of the contract for every asking network', () => {
    const weights = { gateway: 2_000, bypass: 5_000, direct: 3_000 };
    const steering = splitAt(weights);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const asking = network(address);
        const position = positionOf('demo', 'subnet', subnetKeyOf(asking.address));
        const expected = splitPartAt(position, parts, weights);
        assert.equal(outcomeOf(steering.decide([], asking)).split('/')[0], expected);
      }),
    );
  });

  test('the same network always gets the same part, however much of it is known', () => {
    const steering = splitAt({ gateway: 5_000, bypass: 5_000, direct: 0 });
    for (const suffix of ['0/24', '7/32', '128/25', '255/32']) {
      assert.equal(
        steering.decide([], network(`198.51.100.${suffix}`)),
        steering.decide([], network('198.51.100.0/24')),
      );
    }
  });

  test('raising a weight only adds networks to it, in proportion', () => {
    const count = 20_000;
    let before = new Set<number>();
    for (const gateway of [0, 1, 137, 500, 5_000, 9_999, 10_000]) {
      const steering = splitAt({ gateway, bypass: 10_000 - gateway, direct: 0 });
      const now = new Set<number>();
      for (let number = 0; number < count; number += 1) {
        if (outcomeOf(steering.decide([], networkNumber(number))) === 'gateway/a') now.add(number);
      }
      for (const number of before) assert.ok(now.has(number));
      const expected = (gateway / 10_000) * count;
      // Five standard deviations of the binomial.
      assert.ok(Math.abs(now.size - expected) <= 5 * Math.sqrt(expected * (1 - gateway / 10_000)) + 1e-9);
      before = now;
    }
  });

  test('never gives sites the share of a part that is not configured', () => {
    const { gateway, bypass, direct } = frontDoor.parts;
    const weights = { gateway: 0, bypass: 6_000, direct: 4_000 };
    const plan = { splits: [{ name: 'front-door', weights }] };
    const rows = [
      [{ gateway, bypass }, 'bypass'],
      [{ gateway, direct }, 'direct'],
    ] as const;
    for (const [configured, heir] of rows) {
      const parts = configured as SplitRule['parts'];
      const steering = createSteering({ ...frontDoor, parts }, sampleFacts({ plan }));
      for (let number = 0; number < 1_000; number += 1) {
        assert.equal(outcomeOf(steering.decide([], networkNumber(number))), heir);
      }
    }
  });

  test('without weights everything goes to the first part', () => {
    const steering = createSteering(frontDoor, sampleFacts());
    assert.equal(outcomeOf(steering.decide([], network('198.51.100.0/24'))), 'gateway/a');
  });

  test('an alias answers with its last good addresses, and SERVFAIL before the first', () => {
    const weights = { gateway: 0, bypass: 0, direct: 10_000 };
    const decision = splitAt(weights).decide([], network('198.51.100.0/24'));
    assert.ok(decision.kind === 'addresses');
    assert.deepEqual(decision.addresses.a, [Uint8Array.of(198, 51, 100, 1), Uint8Array.of(198, 51, 100, 2)]);
    assert.equal(decision.addresses.aaaa.length, 1);
    const facts = sampleFacts({ plan: { splits: [{ name: 'front-door', weights }] }, aliases: {} });
    const unresolved = createSteering(frontDoor, facts).decide([], network('198.51.100.0/24'));
    assert.ok(unresolved.kind === 'unresolved');
    assert.equal(unresolved.alias, 'ats.iot.example.net');
  });

  test('the scope is the hashed network where the answer depends on it, and 0 where it does not', () => {
    const divided = splitAt({ gateway: 1, bypass: 9_999, direct: 0 });
    assert.equal(divided.scopeOf(network('198.51.100.0/24')), 24);
    assert.equal(divided.scopeOf(network('198.0.0.0/8')), 24);
    assert.equal(divided.scopeOf(network('2001:db8::/32')), 56);
    for (const weights of [
      { gateway: 10_000, bypass: 0, direct: 0 },
      { gateway: 0, bypass: 10_000, direct: 0 },
    ]) {
      assert.equal(splitAt(weights).scopeOf(network('198.51.100.0/24')), 0);
    }
  });
});

describe('a part of sites', () => {
  const down = { health: 'down', drained: false } as const;
  const drained = { health: 'up', drained: true } as const;
  const anywhere = network('198.51.100.0/24');

  test('all down: the bypass', () => {
    const steering = createSteering(frontDoor, sampleFacts({ conditions: { a: down } }));
    const decision = steering.decide([], anywhere);
    assert.ok(decision.kind === 'addresses');
    assert.deepEqual(decision.addresses.a, [Uint8Array.of(192, 0, 2, 1)]);
    assert.deepEqual(decision.from, { part: 'bypass', allDown: true });
  });

  test('all down with answer-all: every site that is not drained, or every one', () => {
    const rule = { ...frontDoor, parts: { gateway: { sites: 'all', allDown: 'answer-all' } } } as const;
    const sites = [sampleSite('a'), sampleSite('b')];
    const addressesWith = (conditions: Parameters<typeof sampleFacts>[0]) => {
      const decision = createSteering(rule, sampleFacts({ sites, ...conditions })).decide([], anywhere);
      return decision.kind === 'addresses' ? decision.addresses.a.map((octets) => octets.at(-1)) : decision.kind;
    };
    assert.deepEqual(addressesWith({ conditions: { a: down, b: down } }), [97, 98]);
    assert.deepEqual(addressesWith({ conditions: { a: down, b: drained } }), [97]);
    assert.deepEqual(addressesWith({ conditions: { a: drained, b: drained } }), [97, 98]);
  });

  test('addresses that are down are left out while the site has another', () => {
    const sites = [sampleSite('a', { addresses: ['203.0.113.1', '203.0.113.2'] })];
    const lastOctets = (downAddresses: readonly string[]) => {
      const conditions = { a: { health: 'up', drained: false, downAddresses } } as const;
      const decision = createSteering(frontDoor, sampleFacts({ sites, conditions })).decide([], anywhere);
      return decision.kind === 'addresses' ? decision.addresses.a.map((octets) => octets.at(-1)) : decision.kind;
    };
    assert.deepEqual(lastOctets([]), [1, 2]);
    assert.deepEqual(lastOctets(['203.0.113.1']), [2]);
    assert.deepEqual(lastOctets(['203.0.113.1', '203.0.113.2']), [1, 2]);
  });

  test('only the named sites take part', () => {
    const rule = { ...frontDoor, parts: { gateway: { sites: ['b'], allDown: 'answer-all' } } } as const;
    const steering = createSteering(rule, sampleFacts({ sites: [sampleSite('a'), sampleSite('b')] }));
    assert.equal(outcomeOf(steering.decide([], anywhere)), 'gateway/b');
    assert.equal(steering.scopeOf(anywhere), 0);
  });
});
