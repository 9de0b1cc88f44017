import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageOf } from '../../../src/bridge/link/bridged-message.ts';
import { judgeMessage } from '../../../src/bridge/link/message-judgement.ts';
import { type BrokerProfile, brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import { PublishHead } from '../../../src/mqtt/publish-head.ts';
import { LinkWorld, plainSetting, testRule } from './link-world.ts';
import { ModelBridge, modelRule, plainBroker } from './model-bridge.ts';

const five = { ...plainBroker, version: 5 as const };

function publishesAt(bridge: ModelBridge, broker: string): number {
  return [...bridge.publishes].reduce((sum, [name, count]) => sum + (name.startsWith(`${broker} `) ? count : 0), 0);
}

describe('bad input', () => {
  for (const [version, broker] of [
    ['3', plainBroker],
    ['5', five],
  ] as const) {
    test(`a message that comes back under another topic goes no second time, MQTT ${version}`, () => {
      const out = { ...modelRule('out', 'local', 'cloud', 'x/#'), topicChange: { stripPrefix: 'x/', addPrefix: '' } };
      const back = { ...modelRule('back', 'cloud', 'local', '#'), topicChange: { stripPrefix: '', addPrefix: 'x/' } };
      const bridge = new ModelBridge({ local: broker, cloud: broker }, [out, back]);
      bridge.connect();
      bridge.run(5);
      bridge.publish('local', { key: 'a', number: 0, qos: 1, topic: 'x/a' });
      bridge.run();
      assert.deepEqual([publishesAt(bridge, 'local'), publishesAt(bridge, 'cloud')], [1, 1]);
    });
  }

  test('a poison message at the head of an ordered lane: those behind it, of its key too, get through', () => {
    const world = new LinkWorld({ ...plainSetting, poison: ['a:0'] });
    world.settle(2);
    for (let number = 0; number < 5; number += 1) world.source.publish({ key: 'a', number, qos: 1 });
    world.settle(100);
    assert.deepEqual([...world.deadLetters.reasonByName], [['a:0', 'broker-closes']]);
    assert.deepEqual(world.firstDeliveries().get('a'), [1, 2, 3, 4]);
  });

  test('two bridges with the same rules: without marks neither knows what the other publishes, and the breaker ends it', () => {
    const rules = ['one', 'two'].flatMap((name) => [
      modelRule(`${name}-up`, 'legacy', 'aws', 'dt/#'),
      modelRule(`${name}-down`, 'aws', 'legacy', 'dt/#'),
    ]);
    const bridge = new ModelBridge({ legacy: plainBroker, aws: plainBroker }, rules, {
      breaker: { repeats: 20, windowMs: 10_000 },
    });
    // Two processes do not know each other's echoes.
    bridge.forgetEchoes();
    bridge.connect();
    bridge.run(5);
    bridge.publish('legacy', { key: 'a', number: 0, qos: 1 });
    bridge.run(400);
    assert.ok([...bridge.worlds.values()].some(({ link }) => link.isStopped));
    assert.ok(publishesAt(bridge, 'aws') < 200, `${publishesAt(bridge, 'aws')} times`);
  });

  for (const hours of [-1, 1]) {
    test(`clocks apart: the wall clock goes ${hours} h, and nothing is lost, too old or out of order`, () => {
      const world = new LinkWorld({ ...plainSetting, maxAgeMs: 2 * 3_600_000 });
      world.settle(2);
      for (let number = 0; number < 20; number += 1) world.source.publish({ key: 'a', number, qos: 1 });
      world.targets[0]?.lose(world.link.lanes[0] as never, world.nowMs);
      for (let round = 0; round < 10; round += 1) {
        world.deliverFromSource(10);
        world.tick(500);
        world.sync();
        world.wallOffsetMs = (hours * 3_600_000 * round) / 9;
      }
      world.settle(50);
      assert.equal(world.deadLetters.reasonByName.size, 0);
      assert.deepEqual(
        world.firstDeliveries().get('a'),
        Array.from({ length: 20 }, (_, number) => number),
      );
    });
  }

  const longest = 'a'.repeat(65_535);
  const cases: readonly (readonly [what: string, topic: string, profile: BrokerProfile, becomes: string])[] = [
    ['a plus', 'dt/+/x', brokerProfiles.mqtt, 'topic-malformed'],
    ['a hash', 'dt/#', brokerProfiles.mqtt, 'topic-malformed'],
    ['a NUL', 'dt/a\0b', brokerProfiles.mqtt, 'topic-malformed'],
    ['nothing', '', brokerProfiles.mqtt, 'topic-malformed'],
    ['65 535 bytes', longest, brokerProfiles.mqtt, 'carry'],
    ['65 535 bytes for AWS', longest, brokerProfiles['aws-iot-core'], 'topic-length'],
  ];
  for (const [what, topic, profile, becomes] of cases) {
    test(`a topic with ${what}: ${becomes}`, () => {
      const message = messageOf(headOf(topic), () => 0);
      assert.equal(message.topic, topic);
      const source = { showsRetain: true, isSeeding: false };
      const judged = judgeMessage(message, { rule: testRule, target: profile, source, isWhole: true, isEcho: false });
      assert.equal(judged.kind === 'undeliverable' ? judged.reason : judged.kind, becomes);
    });
  }

  test('a prefix that makes a topic longer than MQTT can say is a dead letter, and no exception', () => {
    const topicChange = { stripPrefix: '', addPrefix: 'p/' };
    const world = new LinkWorld(plainSetting, { topicChange });
    world.settle(2);
    world.source.publish({ key: 'a', number: 0, qos: 1, topic: longest });
    world.source.publish({ key: 'a', number: 1, qos: 1 });
    world.settle(10);
    assert.deepEqual([...world.deadLetters.reasonByName], [['a:0', 'topic-length']]);
    assert.ok(world.takenNames.has('a:1'));
  });

  test('a rule that matches everything matches no topic that begins with $', () => {
    const bridge = new ModelBridge({ legacy: five, aws: five }, [modelRule('all', 'legacy', 'aws', '#')]);
    bridge.connect();
    bridge.run(5);
    bridge.publish('legacy', { key: 'a', number: 0, qos: 1, topic: '$SYS/broker/uptime' });
    bridge.publish('legacy', { key: 'a', number: 1, qos: 1, topic: 'a' });
    bridge.run();
    assert.equal(publishesAt(bridge, 'aws'), 1);
  });
});

/** As its broker would send it, whether a topic may be so or not. */
function headOf(topic: string): PublishHead {
  const name = Buffer.from(topic);
  const body = Buffer.concat([Buffer.from([name.length >> 8, name.length & 0xff]), name, Buffer.from('21.5')]);
  const bytes = Buffer.concat([Buffer.from([0x30]), body]);
  const head = new PublishHead('3.1.1', false);
  head.read({ bytes, start: 0, body: 1, end: bytes.length, packetBytes: bytes.length });
  return head;
}
