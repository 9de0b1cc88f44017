import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { IPublishPacket } from 'mqtt-packet';
import { LimitedWorld } from './limited-world.ts';

suite('A device of MQTT 5 has on AWS IoT Core what AWS has not', { timeout: 60_000 }, () => {
  let world: LimitedWorld;
  before(async () => {
    world = await LimitedWorld.open();
  });
  after(() => world[Symbol.asyncDispose]());

  test('CONNACK promises what the gateway makes good', async () => {
    using device = await world.dial(5);
    const { properties, reasonCode } = await device.connect('told', { keepalive: 0 });
    assert.equal(reasonCode, 0);
    // Absent means 2 and 1.
    assert.notEqual(properties?.maximumQoS, 0);
    assert.notEqual(properties?.maximumQoS, 1);
    assert.notEqual(properties?.subscriptionIdentifiersAvailable, false);
    assert.ok((properties?.receiveMaximum ?? 65_535) <= 100);
    assert.ok((properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY) <= 149_508);
  });

  test('QoS 2 with all properties, in their order', async () => {
    const device = await world.connect('qos2', 5);
    using other = await world.thirdParty(world.aws, 'qos2-other', 5);
    await other.subscribe([{ topic: 'qos2/x', qos: 1 }]);
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'qos2/answer',
      correlationData: Buffer.from([0, 255]),
      userProperties: { z: ['1', '2'], a: '3' },
    };
    const pubrec = await device.publish({ topic: 'qos2/x', payload: 'x', qos: 2, properties });
    assert.equal((pubrec as { reasonCode?: number }).reasonCode ?? 0, 0);
    const received = await other.receive();
    assert.deepEqual(plain(received.properties), plain(properties));
    assert.equal(received.qos, 1);
    assert.deepEqual(world.violations('qos2'), []);
  });

  test('topic aliases of the device end at the gateway; the broker’s own as well', async () => {
    const device = await world.dial(5);
    const { properties } = await device.connect('alias', { properties: { topicAliasMaximum: 3 } });
    const publish = (topic: string, topicAlias: number) =>
      device.publish({ topic, qos: 1, payload: `${topicAlias}`, properties: { topicAlias } });
    assert.ok((properties?.topicAliasMaximum ?? 0) >= 2, 'aliases are offered');
    for (const [topic, alias] of [
      ['alias/a', 1],
      ['alias/b', 2],
      ['', 1],
      ['alias/c', 1],
      ['', 1],
      ['', 2],
    ] as const) {
      await publish(topic, alias);
    }
    const connection = await world.aws.connection('alias');
    assert.deepEqual(
      connection.accepted.map(({ topic }) => topic),
      ['alias/a', 'alias/b', 'alias/a', 'alias/c', 'alias/c', 'alias/b'],
    );
    await device.subscribe([{ topic: 'alias/+', qos: 1 }]);
    const topics = ['alias/1', 'alias/2', 'alias/1', 'alias/1', 'alias/3', 'alias/4', 'alias/4'];
    for (const topic of topics) world.aws.publish(topic, 'x');
    const aliases = new Map<number, string>();
    for (const expected of topics) {
      const { topic, properties: given } = await device.receive();
      const alias = given?.topicAlias;
      assert.ok(alias === undefined || (alias >= 1 && alias <= 3), `alias ${alias}`);
      if (alias !== undefined && topic !== '') aliases.set(alias, topic);
      assert.equal(topic === '' ? aliases.get(alias ?? 0) : topic, expected);
    }
    assert.deepEqual(world.violations('alias'), []);
  });

  test('Subscription Identifiers and the parent level', async () => {
    const device = await world.connect('subid', 5);
    assert.deepEqual(await device.subscribe([{ topic: 'subid/t/#', qos: 2 }], { subscriptionIdentifier: 7 }), [2]);
    assert.deepEqual(await device.subscribe([{ topic: 'subid/t/x', qos: 1 }], { subscriptionIdentifier: 9 }), [1]);
    assert.deepEqual(await device.subscribe([{ topic: 'subid/plain', qos: 1 }]), [1]);
    const seen: unknown[] = [];
    for (const topic of ['subid/t', 'subid/t/deep', 'subid/plain', 'subid/t/x']) {
      world.aws.publish(topic, 'x');
      const { properties } = await device.receive();
      const identifiers = properties?.subscriptionIdentifier ?? [];
      seen.push([identifiers].flat().sort());
    }
    // One copy for overlapping filters, as the broker gave one: it names both.
    assert.deepEqual(seen, [[7], [7], [], [7, 9]]);
    assert.deepEqual(await device.unsubscribe('subid/t/#'), [0]);
    world.aws.publish('subid/t', 'gone');
    world.aws.publish('subid/plain', 'end');
    assert.equal((await device.receive()).payload.toString(), 'end');
    assert.deepEqual(world.violations('subid'), []);
  });

  test('No Local', async () => {
    const device = await world.connect('nl', 5);
    await device.subscribe([{ topic: 'nl/+', qos: 1, nl: true }]);
    await device.publish({ topic: 'nl/x', payload: 'own', qos: 1 });
    await device.publish({ topic: 'nl/x', payload: 'own too', qos: 2 });
    await device.publish({ topic: 'nl/x', payload: 'own at once', qos: 0 });
    // The same topic and payload, from somebody else: only the own copy is kept away.
    using other = await world.thirdParty(world.aws, 'nl-other');
    await other.publish({ topic: 'nl/x', payload: 'own', qos: 1 });
    await other.publish({ topic: 'nl/x', payload: 'end', qos: 1 });
    const payloads = [(await device.receive()).payload.toString(), (await device.receive()).payload.toString()];
    assert.deepEqual(payloads, ['own', 'end']);
    assert.deepEqual(world.violations('nl'), []);
  });

  test('subscription options and identifiers outlive the connection', async () => {
    const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const first = await world.connect('lasting', 5, fields);
    await first.subscribe([{ topic: 'lasting/+', qos: 1, nl: true }], { subscriptionIdentifier: 11 });
    await first.disconnect();
    const back = await world.dial(5);
    assert.equal((await back.connect('lasting', fields)).sessionPresent, true);
    await back.publish({ topic: 'lasting/x', payload: 'own', qos: 1 });
    world.aws.publish('lasting/x', 'other');
    const message = await back.receive();
    assert.deepEqual([message.payload.toString(), message.properties?.subscriptionIdentifier], ['other', 11]);
    assert.deepEqual(world.violations('lasting'), []);
  });

  test('Retain Handling', async () => {
    const device = await world.connect('rh', 5);
    world.aws.publish('rh/x', 'kept', { retain: true });
    const counts: number[] = [];
    for (const rh of [2, 0, 0, 1] as const) {
      const before = device.count('publish');
      await device.subscribe([{ topic: 'rh/x', qos: 1, rh }]);
      world.aws.publish('rh/x', 'live');
      let message = await device.receive();
      while (message.payload.toString() !== 'live') message = await device.receive();
      counts.push(device.count('publish') - before - 1);
    }
    assert.deepEqual(counts, [0, 1, 1, 0]);
    assert.deepEqual(world.violations('rh'), []);
  });

  test('a QoS 2 will after its delay, none when the device is back in time', async () => {
    const fields = (name: string) =>
      ({
        clean: false,
        properties: { sessionExpiryInterval: 60 },
        will: { topic: `will/${name}`, payload: Buffer.from(name), qos: 2, properties: { willDelayInterval: 1 } },
      }) as const;
    const lost = async (name: string) => {
      const device = await world.connect(name, 5, fields(name));
      device.socket.destroy();
      return performance.now();
    };
    await lost('back');
    await world.connect('back', 5, fields('back'));
    const lostAtMs = await lost('gone');
    await world.aws.until('a will', () => world.aws.accepted.some(({ topic }) => topic.startsWith('will/')));
    const waitedMs = performance.now() - lostAtMs;
    assert.ok(waitedMs > 950, `the will came after ${waitedMs} ms`);
    const wills = world.aws.accepted.filter(({ topic }) => topic.startsWith('will/'));
    assert.deepEqual(
      wills.map(({ topic, qos }) => `${topic} q${qos}`),
      ['will/gone q1'],
    );
    assert.deepEqual([...world.violations('back'), ...world.violations('gone')], []);
  });

  test('a session expiry beyond the broker’s is cut to it, and told', async () => {
    using device = await world.dial(5);
    const asked = { clean: false, properties: { sessionExpiryInterval: 1_000_000 } };
    const { properties } = await device.connect('expiry', asked);
    assert.equal(properties?.sessionExpiryInterval, 3_600);
  });

  test('twenty filters with options in one SUBSCRIBE, one code each; UNSUBSCRIBE alike', async () => {
    const device = await world.connect('many', 5);
    const filters = Array.from({ length: 20 }, (_, index) => `many/${index}`);
    const qosOf = (index: number) => ((index * 2) % 3) as 0 | 1 | 2;
    const granted = await device.subscribe(
      filters.map((topic, index) => ({ topic, qos: qosOf(index) })),
      { subscriptionIdentifier: 3 },
    );
    assert.deepEqual(
      granted,
      filters.map((_, index) => qosOf(index)),
    );
    assert.deepEqual(await device.unsubscribe(...filters, 'many/never'), [...filters.map(() => 0), 0x11]);
    const connection = await world.aws.connection('many');
    assert.equal(connection.unanswered, 0);
    assert.deepEqual(world.violations('many'), []);
  });

  test('its Receive Maximum and Maximum Packet Size hold on the device’s leg', async () => {
    const limits = { receiveMaximum: 2, maximumPacketSize: 100 };
    const device = await world.connect('narrow', 5, { properties: limits });
    await device.subscribe([{ topic: 'narrow/#', qos: 1 }]);
    const isDone = () => world.aws.session('narrow')?.unacknowledged === 0;
    world.aws.publish('narrow/large', 'x'.repeat(100));
    await world.aws.until('the large one acknowledged', isDone);
    for (const number of [1, 2, 3, 4]) world.aws.publish('narrow/x', `${number}`);
    const first = [await device.next('publish'), await device.next('publish')];
    // Whatever more would come is there before this answer.
    await device.subscribe([{ topic: 'another', qos: 1 }]);
    assert.equal(device.count('publish'), 2);
    for (const { messageId = 0 } of first) device.send({ cmd: 'puback', messageId });
    const rest = [await device.receive(), await device.receive()];
    assert.deepEqual(
      [...first, ...rest].map(({ payload }) => payload.toString()),
      ['1', '2', '3', '4'],
    );
    await world.aws.until('all acknowledged', isDone);
    assert.deepEqual(world.violations('narrow'), []);
  });

  test('a take-over reaches the older connection with its reason, and leaves one session at the broker', async () => {
    const older = await world.connect('twice', 5, { will: { topic: 'twice/will', payload: Buffer.from('x') } });
    const newer = await world.connect('twice', 5);
    assert.equal((await older.next('disconnect')).reasonCode, 0x8e);
    await older.closed();
    await newer.publish({ topic: 'twice/x', qos: 1 });
    const topics = world.aws.accepted.map(({ topic }) => topic).filter((topic) => topic.startsWith('twice/'));
    assert.deepEqual(topics, ['twice/will', 'twice/x']);
    assert.deepEqual(world.violations('twice'), []);
  });
});

function plain(properties: IPublishPacket['properties']): unknown {
  return JSON.parse(JSON.stringify(properties));
}
