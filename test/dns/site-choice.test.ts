import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createSiteChoice, type Site, type SiteConditions } from '../../src/dns/site-choice.ts';
import { createSubnetPoints } from '../../src/dns/subnet-points.ts';
import { network, networkNumber, sampleSite } from './steering-world.ts';

const points = createSubnetPoints('demo');
const cidr = (text: string) => {
  const [address = '', prefixLength] = text.split('/');
  return { address, prefixLength: Number(prefixLength) };
};
const near = (...texts: readonly string[]) => ({ near: texts.map(cidr) });
const choose = (sites: readonly Site[], asking: string, conditions: SiteConditions = {}) => {
  const chosen = createSiteChoice(sites, conditions, points).choose(network(asking));
  return chosen && `${chosen.site.name} ${chosen.reason}`;
};

describe('createSiteChoice', () => {
  test('the longest near block wins, both families, mapped blocks included', () => {
    const sites = [
      sampleSite('a', near('198.51.0.0/16', '2001:db8::/32')),
      sampleSite('b', near('198.51.100.0/24', '2001:db8:1::/48')),
      sampleSite('c', near('::ffff:203.0.113.0/120')),
    ];
    assert.equal(choose(sites, '198.51.7.0/24'), 'a near');
    assert.equal(choose(sites, '198.51.100.0/24'), 'b near');
    assert.equal(choose(sites, '2001:db8:2::/56'), 'a near');
    assert.equal(choose(sites, '2001:db8:1:100::/56'), 'b near');
    assert.equal(choose(sites, '203.0.113.0/24'), 'c near');
  });

  test('a block that is longer than what is known of the network does not count', () => {
    const sites = [sampleSite('a', near('198.0.0.0/8')), sampleSite('b', near('198.51.100.0/24'))];
    assert.equal(choose(sites, '198.51.0.0/16'), 'a near');
  });

  test('a block longer than a hashed network counts, and lengthens the scope of that network only', () => {
    const sites = [sampleSite('a', near('198.51.100.128/25')), sampleSite('b', near('198.51.100.0/24'))];
    assert.equal(choose(sites, '198.51.100.200/32'), 'a near');
    assert.equal(choose(sites, '198.51.100.7/32'), 'b near');
    const choice = createSiteChoice(sites, {}, points);
    assert.equal(choice.scopeOf(network('198.51.100.7/32')), 25);
    assert.equal(choice.scopeOf(network('198.51.101.7/32')), 24);
    assert.equal(choice.scopeOf(network('2001:db8::/64')), 56);
  });

  test('the next nearest takes over from one that is down or drained; unknown counts as up', () => {
    const sites = [sampleSite('a', near('198.0.0.0/8')), sampleSite('b', near('198.51.0.0/16')), sampleSite('c')];
    assert.equal(choose(sites, '198.51.7.0/24', { b: { health: 'down', drained: false } }), 'a near');
    assert.equal(choose(sites, '198.51.7.0/24', { b: { health: 'up', drained: true } }), 'a near');
    assert.equal(choose(sites, '198.51.7.0/24', { b: { health: 'unknown', drained: false } }), 'b near');
  });

  test('one that is left is the only one, none is none, and a weight of 0 is out of the draw', () => {
    const sites = [sampleSite('a', { weight: 0 }), sampleSite('b')];
    assert.equal(choose(sites, '198.51.7.0/24'), 'b only');
    assert.equal(choose([sampleSite('a', { weight: 0 })], '198.51.7.0/24'), undefined);
    assert.equal(createSiteChoice(sites, {}, points).scopeOf(network('198.51.7.0/24')), 0);
  });

  test('networks are shared by weight, within five standard deviations', () => {
    const sites = [
      sampleSite('a', { weight: 100 }),
      sampleSite('b', { weight: 300 }),
      sampleSite('c', { weight: 600 }),
    ];
    const choice = createSiteChoice(sites, {}, points);
    const count = 30_000;
    const counts: Record<string, number> = {};
    for (let number = 0; number < count; number += 1) {
      const name = choice.choose(networkNumber(number))?.site.name ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    for (const { name, weight } of sites) {
      const share = weight / 1_000;
      const deviation = Math.sqrt(count * share * (1 - share));
      assert.ok(Math.abs((counts[name] ?? 0) - count * share) < 5 * deviation, `${name} ${counts[name]}`);
    }
  });

  test('a network keeps its site while that can be answered with', () => {
    const sites = ['a', 'b', 'c', 'd'].map((name, index) => sampleSite(name, { weight: 50 * (index + 1) }));
    const names = fc.subarray(sites.map(({ name }) => name));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffff }), names, (number, downNames) => {
        const conditions = Object.fromEntries(
          downNames.map((name) => [name, { health: 'down', drained: false } as const]),
        );
        const before = createSiteChoice(sites, {}, points).choose(networkNumber(number))?.site.name ?? '';
        const after = createSiteChoice(sites, conditions, points).choose(networkNumber(number))?.site.name;
        if (!downNames.includes(before)) assert.equal(after, before);
        else assert.ok(after === undefined || !downNames.includes(after));
      }),
    );
  });
});
