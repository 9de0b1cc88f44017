import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { brokerProfiles } from '../../src/mqtt/broker-profiles.ts';
import { mapClientId, mayOmitClientId } from '../../src/mqtt/client-id-mapping.ts';
import { anyText, versions } from './packet-arbitraries.ts';

const aws = brokerProfiles['aws-iot-core'];

describe('mapClientId', () => {
  // Made by Python's hashlib and base64.
  const rows: readonly [name: string, clientId: string, expected: string][] = [
    ['$ in front', '$meter', 'h-75ikgg3cg3ipufvtqcgt2r7bdcmcecggld7xhxfdke4ox33vw6ja'],
    ['129 bytes', 'x'.repeat(129), 'h-b3e6wm7hiuilzxi7f2svebxif4qwjhc4fpwl6k2dh22hlm2mag6q'],
    ['65 characters of 130 bytes', 'ü'.repeat(65), 'h-be6fn6ycydmvq6whgurg6f4c2ao7nshvb5r62skoylthdjv3buaa'],
    ['128 bytes', 'x'.repeat(128), 'x'.repeat(128)],
    ['wildcards, which AWS allows', 'a/+/#', 'a/+/#'],
    [
      'what another one is mapped to',
      'h-75ikgg3cg3ipufvtqcgt2r7bdcmcecggld7xhxfdke4ox33vw6ja',
      'h-cnkd4ve366yvq4ejejaa37ereruhctwsb2wfbblhbhrl6kg4h3xq',
    ],
  ];
  for (const [name, clientId, expected] of rows) {
    test(name, () => assert.equal(mapClientId(clientId, aws), expected));
  }

  test('changes nothing for a broker that takes what MQTT allows', () => {
    fc.assert(fc.property(anyText(200), (clientId) => mapClientId(clientId, brokerProfiles.mqtt) === clientId));
  });

  test('no device can choose what another one is mapped to', () => {
    fc.assert(
      fc.property(anyText(200), fc.integer({ min: 23, max: 200 }), (rest, maxBytes) => {
        const profile = { ...aws, clientId: { ...aws.clientId, maxBytes } };
        const victim = `$${rest}`;
        const taken = mapClientId(victim, profile);
        assert.notEqual(mapClientId(taken, profile), taken);
      }),
    );
  });

  test('is legal whatever the limit, and keeps different devices apart', () => {
    const anyLimit = fc.integer({ min: 23, max: 200 });
    fc.assert(
      fc.property(anyText(200, 1), anyText(200, 1), anyLimit, (one, other, maxBytes) => {
        const profile = { ...aws, clientId: { ...aws.clientId, maxBytes } };
        const [first, second] = [mapClientId(one, profile), mapClientId(other, profile)];
        assert.ok(Buffer.byteLength(first) <= maxBytes && !first.startsWith('$') && first !== '');
        assert.equal(first === second, one === other);
      }),
    );
  });
});

test('mayOmitClientId: only where the broker assigns one and the device is told, or need not be', () => {
  const pairs = versions.flatMap((device) => versions.map((upstream) => ({ device, upstream })));
  const allowed = pairs.filter((pair) => mayOmitClientId({ ...pair, profile: brokerProfiles.mqtt }));
  assert.deepEqual(
    allowed.map(({ device, upstream }) => `${device} → ${upstream}`),
    ['3.1 → 5', '3.1.1 → 3.1.1', '3.1.1 → 5', '5 → 5'],
  );
  assert.deepEqual(
    pairs.filter((pair) => mayOmitClientId({ ...pair, profile: aws })),
    [],
  );
});
