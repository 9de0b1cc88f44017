import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BrokerProfile, brokerProfiles, profileNamed, topicObstacle } from '../../src/mqtt/broker-profiles.ts';
import { maxPacketBytes } from '../../src/mqtt/control-packet.ts';

test('profileNamed gives an unknown name the profile that promises nothing and forbids nothing', () => {
  assert.equal(profileNamed('aws-iot-core'), brokerProfiles['aws-iot-core']);
  for (const name of ['mqtt', undefined, 'toString', 'activemq']) assert.equal(profileNamed(name), brokerProfiles.mqtt);
});

describe('brokerProfiles', () => {
  for (const [name, profile] of Object.entries<BrokerProfile>(brokerProfiles)) {
    test(`${name} stays within what MQTT allows and can be lived with`, () => {
      const { min, max } = profile.keepAliveSeconds;
      const taken = profile.keepAliveTaken ?? { min: 0, max: 65_535 };
      assert.ok(0 < min && min <= max && taken.min <= min && max <= taken.max, 'the gateway asks for what is taken');
      assert.ok(profile.versions.length > 0 && new Set(profile.versions).size === profile.versions.length);
      assert.ok(profile.maxPayloadBytes <= profile.maxPacketBytes && profile.maxPacketBytes <= maxPacketBytes);
      assert.ok(profile.maxTopicBytes <= 65_535 && profile.clientId.maxBytes <= 65_535);
      for (const count of ['filtersPerSubscribe', 'filtersPerUnsubscribe', 'subscriptionsPerConnection'] as const) {
        assert.ok(profile[count] >= 1, count);
      }
      for (const window of [profile.inflightFromDevice, profile.inflightToDevice]) {
        assert.ok(Number.isInteger(window) && window >= 1 && window <= 65_535);
      }
      assert.ok(profile.maxSessionExpirySeconds <= 0xffff_ffff && profile.publishesPerSecond >= 1);
    });
  }
});

describe('topicObstacle', () => {
  const rows: readonly [name: string, topic: string, expected: string | undefined][] = [
    ['256 bytes', 'x'.repeat(256), undefined],
    ['257 bytes', 'x'.repeat(257), 'topic-length'],
    ['129 umlauts, 258 bytes', 'ü'.repeat(129), 'topic-length'],
    ['seven slashes', '1/2/3/4/5/6/7/8', undefined],
    ['eight slashes', '1/2/3/4/5/6/7/8/9', 'topic-depth'],
    ['eight slashes of a filter', '+/+/+/+/+/+/+/+/#', 'topic-depth'],
    ['a shadow', '$aws/things/m/shadow/update', undefined],
    ['another topic with $', '$SYS/broker', 'reserved-topic'],
    ['$ alone', '$', 'reserved-topic'],
    ['$ behind the first level', 'a/$SYS', undefined],
    ['Basic Ingest with seven slashes behind its rule', '$aws/rules/r/1/2/3/4/5/6/7/8', undefined],
    ['Basic Ingest with eight', '$aws/rules/r/1/2/3/4/5/6/7/8/9', 'topic-depth'],
    ['Basic Ingest with 256 bytes behind its rule', `$aws/rules/r/${'x'.repeat(256)}`, undefined],
    ['Basic Ingest with 257', `$aws/rules/r/${'x'.repeat(257)}`, 'topic-length'],
    ['a rule without a topic', '$aws/rules/r', undefined],
  ];
  for (const [name, topic, expected] of rows) {
    test(name, () => {
      assert.equal(topicObstacle(topic, brokerProfiles['aws-iot-core']), expected);
      assert.equal(topicObstacle(topic, brokerProfiles.mqtt), undefined);
    });
  }
});
