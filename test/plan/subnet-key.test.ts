import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { pointOf, positionOf } from '../../src/plan/position.ts';
import { subnetKeyOf } from '../../src/plan/subnet-key.ts';

const octets = (text: string) => Uint8Array.from(ipaddr.parse(text).toByteArray());

describe('subnetKeyOf', () => {
  test('is the canonical network, whatever lies beyond its prefix', () => {
    const keys = {
      '198.51.100.7': '198.51.100.0/24',
      '0.0.0.0': '0.0.0.0/24',
      '2001:db8::1': '2001:db8::/56',
      '2001:db8:0:1ff::1': '2001:db8:0:100::/56',
      '2001:db8:0:ff::1': '2001:db8::/56',
      '::1': '::/56',
      '0:0:0:ff00::': '0:0:0:ff00::/56',
      'a:0:b:1::': 'a:0:b::/56',
    };
    for (const [address, key] of Object.entries(keys)) assert.equal(subnetKeyOf(octets(address)), key);
  });

  test('the vectors of the contract hold', () => {
    const v4 = subnetKeyOf(octets('198.51.100.201'));
    const v6 = subnetKeyOf(octets('2001:db8:0:7f::9'));
    assert.equal(pointOf('demo', 'subnet', v4), 2_434_068_114);
    assert.equal(positionOf('demo', 'subnet', v4).toFixed(4), '5667.2565');
    assert.equal(pointOf('demo', 'subnet', v6), 1_551_696_961);
    assert.equal(positionOf('demo', 'subnet', v6).toFixed(4), '3612.8260');
  });

  test('agrees with an IP library on every address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = ipaddr.parse(text);
        const prefix = address.kind() === 'ipv4' ? 24 : 56;
        const network = (address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(
          `${address.toString()}/${prefix}`,
        );
        assert.equal(subnetKeyOf(octets(text)), `${network.toString()}/${prefix}`);
      }),
    );
  });
});
