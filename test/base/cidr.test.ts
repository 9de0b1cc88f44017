import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type CidrBlock, createCidrMatcher, parseCidr } from '../../src/base/cidr.ts';

function matcherOf(...texts: readonly string[]): (ip: string) => boolean {
  return createCidrMatcher(
    texts.map((text): CidrBlock => {
      const parsed = parseCidr(text);
      assert.ok(parsed.ok);
      return parsed.value;
    }),
  );
}

describe('parseCidr', () => {
  test('a bare address is a network of one', () => {
    assert.deepEqual(parseCidr('192.0.2.1'), { ok: true, value: { address: '192.0.2.1', prefixLength: 32 } });
    assert.deepEqual(parseCidr('::1'), { ok: true, value: { address: '::1', prefixLength: 128 } });
  });

  for (const text of [
    '',
    '1',
    '010.1.1.1/8',
    '1.2.3.4/33',
    '::/129',
    '1.2.3.4/',
    '1.2.3.4/8/8',
    '1.2.3.4/-1',
    'host/8',
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const parsed = parseCidr(text);
      assert.ok(!parsed.ok && parsed.error.startsWith('expected a network such as'));
    });
  }
});

describe('createCidrMatcher', () => {
  test('an IPv4-mapped address counts as its IPv4 address', () => {
    const matches = matcherOf('198.51.100.0/24');
    assert.deepEqual(['198.51.100.7', '::ffff:198.51.100.7', '198.51.101.7', '::1'].map(matches), [
      true,
      true,
      false,
      false,
    ]);
  });

  test('what is no address is in no network, and no network holds nothing', () => {
    assert.equal(matcherOf('0.0.0.0/0')('host'), false);
    assert.equal(matcherOf()('192.0.2.1'), false);
  });

  test('agrees with net.BlockList', () => {
    const ips = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(ips, fc.nat(128), ips, (address, bits, ip) => {
        const prefixLength = isIP(address) === 4 ? bits % 33 : bits;
        const list = new BlockList();
        list.addSubnet(address, prefixLength, isIP(address) === 4 ? 'ipv4' : 'ipv6');
        if (isIP(address) === isIP(ip) && !/^::(ffff:)?/i.test(`${ip}${address}`)) {
          assert.equal(matcherOf(`${address}/${prefixLength}`)(ip), list.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6'));
        }
      }),
    );
  });
});
