import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deviceTraits } from '../../src/demo/device-traits.ts';

const fleet = Array.from({ length: 200 }, (_, index) => deviceTraits(index));

describe('deviceTraits', () => {
  test('names are different and fit the client ID of MQTT 3.1', () => {
    assert.equal(new Set(fleet.map(({ name }) => name)).size, fleet.length);
    assert.ok([...fleet, deviceTraits(999_999)].every(({ name }) => name.length <= 23));
  });

  test('one device in twenty is persistent', () => {
    assert.equal(fleet.filter(({ isPersistent }) => isPersistent).length, 10);
  });

  test('both protocols come with and without SNI, and with every ALPN offer', () => {
    const mixes = new Set(
      fleet.map(({ protocol, sendsServerName, alpn }) => `${protocol} ${sendsServerName} ${alpn ?? 'none'}`),
    );
    assert.equal(mixes.size, 2 * 2 * 3);
  });

  test('every QoS of a subscription comes in both protocols', () => {
    assert.equal(new Set(fleet.map(({ protocol, commandQos }) => `${protocol} ${commandQos}`)).size, 2 * 3);
  });
});
