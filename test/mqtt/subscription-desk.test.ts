import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pairProperty, propertyId, utf8Property } from '../../src/mqtt/properties.ts';
import { encodeSubscribe } from '../../src/mqtt/subscribe-packet.ts';
import type { HeldSubscription } from '../../src/mqtt/subscription-table.ts';
import { DeskSession, requests } from './desk-session.ts';

const aws = { profile: 'aws-iot-core' } as const;

describe('SubscriptionDesk where nothing has to be adapted', () => {
  for (const version of ['3.1', '3.1.1', '5'] as const) {
    test(`${version}: SUBSCRIBE and its answer go on as they came, UNSUBSCRIBE too`, () => {
      const session = new DeskSession({ device: version });
      const sent = session.subscribe(7, requests('a/#:1', '+/b:2', 'c/#:0'));
      assert.deepEqual(session.asked[0]?.bytes, sent);
      const answer = session.answer(7, [1, 2, 0]);
      assert.deepEqual(session.told[0]?.bytes, answer);
      const left = session.unsubscribe(8, ['+/b']);
      assert.deepEqual(session.asked[1]?.bytes, left);
      assert.deepEqual(session.unsuback(8, version === '5' ? [0] : []), session.told[1]?.bytes);
      assert.deepEqual([...session.desk.subscriptions().keys()], ['a/#', 'c/#']);
      assert.deepEqual(session.adapted, []);
      assert.equal(session.taken.size, 0);
    });
  }

  test('options, subscription identifier and user properties of MQTT 5 go on to a broker of MQTT 5', () => {
    const session = new DeskSession({ device: '5' });
    const userProperties = [pairProperty(propertyId.userProperty, 'k', 'v')];
    const sent = session.subscribe(1, requests('a:1:nl,rap,rh2'), { subscriptionIdentifier: 9, userProperties });
    assert.deepEqual(session.asked[0]?.bytes, sent);
    const properties = [utf8Property(propertyId.reasonString, 'fine')];
    assert.deepEqual(session.answer(1, [0x87], { properties }), session.told[0]?.bytes);
    assert.equal(session.desk.subscriptions().size, 0);
    assert.equal(session.desk.judgesDeliveries, false);
  });

  test('an identifier that is taken upstream is another one there, and the same one for the device', () => {
    const session = new DeskSession();
    session.taken.add(7);
    const before = encodeSubscribe('3.1.1', { packetId: 7, requests: requests('a:1'), userProperties: [] });
    const sent = session.subscribe(7, requests('a:1'));
    assert.equal(session.asked[0]?.packet.packetId, 65_535);
    assert.deepEqual(session.asked[0]?.bytes.subarray(4), before.subarray(4));
    assert.deepEqual(sent, before, 'what came is not written to');
    session.answer(65_535, [1]);
    assert.equal(session.told[0]?.packet.packetId, 7);
    assert.deepEqual(session.taken, new Set([7]));
  });

  test('several are under way at once, and each answer finds its own', () => {
    const session = new DeskSession();
    session.subscribe(1, requests('a'));
    session.unsubscribe(2, ['b']);
    session.subscribe(3, requests('c:1'));
    assert.equal(session.asked.length, 3);
    assert.equal(session.desk.pending, 3);
    session.answer(3, [1]);
    session.unsuback(2);
    session.answer(1, [0]);
    assert.deepEqual(
      session.told.map(({ packet }) => packet.packetId),
      [3, 2, 1],
    );
  });

  test('an answer that is not for a packet of that kind is not the desk’s', () => {
    const session = new DeskSession();
    session.subscribe(1, requests('a'));
    assert.equal(session.answer(2, [0]), undefined);
    assert.equal(session.unsuback(1), undefined);
    assert.notEqual(session.answer(1, [0]), undefined);
    assert.equal(session.answer(1, [0]), undefined);
  });

  test('a device of MQTT 3.1 that sends again, with DUP, gets one answer; the broker sees no DUP', () => {
    const session = new DeskSession({ device: '3.1' });
    const bytes = encodeSubscribe('3.1', { packetId: 1, requests: requests('a:1'), userProperties: [] });
    bytes[0] = 0x8a;
    session.subscribeBytes(bytes);
    session.subscribeBytes(bytes);
    assert.equal(session.asked.length, 1);
    assert.equal(session.asked[0]?.bytes[0], 0x82);
    session.answer(1, [1]);
    assert.equal(session.told.length, 1);
    session.subscribeBytes(bytes);
    assert.equal(session.asked.length, 2);
  });

  test('a broker that gives too few or too many codes still leaves one for each filter', () => {
    const session = new DeskSession();
    session.subscribe(1, requests('a', 'b'));
    session.answer(1, [0]);
    session.subscribe(2, requests('c'));
    session.answer(2, [0, 0]);
    assert.deepEqual(session.codes(0), [0, 0x80]);
    assert.deepEqual(session.codes(1), [0]);
  });
});

describe('SubscriptionDesk between versions', () => {
  const rows = [
    ['3.1.1', '5', 0x87, 0x80],
    ['3.1', '5', 0x87, 1],
    ['3.1', '3.1.1', 0x80, 1],
    ['3.1', '3.1', 0x80, 1],
    ['5', '3.1.1', 0x80, 0x80],
    ['5', '5', 0x97, 0x97],
  ] as const;
  for (const [device, upstream, given, told] of rows) {
    test(`${device} on ${upstream}: 0x${given.toString(16)} becomes ${told}, and nothing is kept`, () => {
      const session = new DeskSession({ device, upstream });
      session.subscribe(1, requests('a:1', 'b:1'));
      session.answer(1, [given, 1]);
      assert.deepEqual(session.codes(0), [told, 1]);
      assert.deepEqual([...session.desk.subscriptions().keys()], ['b']);
    });
  }

  test('MQTT 5 on 3.1.1: options and properties are left out, and counted', () => {
    const session = new DeskSession({ device: '5', upstream: '3.1.1' });
    const userProperties = [pairProperty(propertyId.userProperty, 'k', 'v')];
    session.subscribe(1, requests('a:1:nl,rap,rh2', 'b'), { subscriptionIdentifier: 9, userProperties });
    const expected = encodeSubscribe('3.1.1', { packetId: 1, requests: requests('a:1', 'b'), userProperties: [] });
    assert.deepEqual(session.asked[0]?.bytes, expected);
    assert.deepEqual(session.adapted.toSorted(), [
      'no-local',
      'properties',
      'retain-handling',
      'subscription-identifier',
    ]);
    assert.deepEqual(session.obstructed, ['retain-as-published a']);
    session.answer(1, [1, 0]);
    assert.deepEqual(session.codes(0), [1, 0]);
  });

  test('MQTT 5 on 3.1.1: an UNSUBACK gets codes, 0x11 where nothing was held', () => {
    const session = new DeskSession({ device: '5', upstream: '3.1.1' });
    session.subscribe(1, requests('a'));
    session.grantAll();
    session.unsubscribe(2, ['a', 'b']);
    session.unsuback(2);
    assert.deepEqual(session.codes(1), [0, 0x11]);
  });

  test('MQTT 5 on 3.1.1 with an earlier session: nobody knows, so it is 0', () => {
    const session = new DeskSession({ device: '5', upstream: '3.1.1', sessionPresent: true });
    session.unsubscribe(2, ['b']);
    session.unsuback(2);
    assert.deepEqual(session.codes(0), [0]);
  });

  test('an UNSUBSCRIBE that the broker refuses leaves the subscription to a device that can be told', () => {
    for (const [device, left] of [
      ['5', ['a']],
      ['3.1.1', []],
    ] as const) {
      const session = new DeskSession({ device, upstream: '5' });
      session.subscribe(1, requests('a', 'b'));
      session.grantAll();
      session.unsubscribe(2, ['a', 'b']);
      session.unsuback(2, [0x87, 0]);
      assert.deepEqual(session.codes(1), device === '5' ? [0x87, 0] : []);
      assert.deepEqual([...session.desk.subscriptions().keys()], left);
    }
  });

  test('a Reason String of the broker is left out for an older device, and where the device takes no such packet', () => {
    const properties = [utf8Property(propertyId.reasonString, 'x'.repeat(50))];
    const older = new DeskSession({ device: '3.1.1', upstream: '5' });
    older.subscribe(1, requests('a'));
    older.answer(1, [0], { properties });
    assert.deepEqual(older.told[0]?.bytes, Buffer.from([0x90, 3, 0, 1, 0]));
    assert.ok(older.adapted.includes('properties'));
    const small = new DeskSession({ device: '5', ...aws, deviceMaximumPacketSize: 20 });
    small.subscribe(1, requests('a/#'));
    small.answer(1, [0, 0], { properties });
    assert.equal(small.told[0]?.packet.properties.length, 0);
    const large = new DeskSession({ device: '5', ...aws });
    large.subscribe(1, requests('a/#'));
    large.answer(1, [0, 0], { properties });
    assert.equal(large.told[0]?.packet.properties.length, 1);
  });
});

describe('SubscriptionDesk on a broker with limits', () => {
  test('20 filters go in chunks of 8, one after the other, and come back as one SUBACK in order', () => {
    const session = new DeskSession(aws);
    session.subscribe(5, requests(...Array.from({ length: 20 }, (_, at) => `t/${at}:${at % 2}`)));
    assert.equal(session.asked.length, 1);
    session.grantAll();
    assert.deepEqual(
      session.asked.map(({ packet }) => packet.packetId),
      [5, 65_535, 65_535],
    );
    assert.deepEqual(
      session.askedFilters().map(({ length }) => length),
      [8, 8, 4],
    );
    assert.equal(session.told.length, 1);
    assert.deepEqual(
      session.codes(0),
      Array.from({ length: 20 }, (_, at) => at % 2),
    );
    assert.deepEqual(session.adapted, ['split-subscribe']);
    session.unsubscribe(
      6,
      Array.from({ length: 9 }, (_, at) => `t/${at}`),
    );
    session.grantAll(3);
    assert.deepEqual(
      session.askedFilters().map(({ length }) => length),
      [8, 8, 4, 8, 1],
    );
    assert.equal(session.desk.subscriptions().size, 11);
    assert.deepEqual(session.adapted, ['split-subscribe', 'split-unsubscribe']);
  });

  test('what the broker takes goes on as it came', () => {
    const session = new DeskSession(aws);
    const sent = session.subscribe(5, requests('a', '+/b:1', '$aws/things/x:1', '$share/g/c/+'));
    assert.deepEqual(session.asked[0]?.bytes, sent);
    assert.deepEqual(session.adapted, []);
  });

  test('a/# takes a along, and is granted what both were', () => {
    const rows: [codes: number[], expected: number][] = [
      [[1, 1], 1],
      [[1, 0], 0],
      [[0x80, 1], 0x80],
      [[1, 0x80], 0x80],
    ];
    for (const [codes, expected] of rows) {
      const session = new DeskSession(aws);
      session.subscribe(1, requests('a/#:1'));
      assert.deepEqual(session.askedFilters(), [['a/#', 'a']]);
      session.answer(1, codes);
      assert.deepEqual(session.codes(0), [expected]);
      assert.deepEqual(session.adapted, ['parent-level']);
    }
  });

  test('what was granted of a filter that was refused is given up again', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests('a/#:1', 'b'));
    session.answer(1, [1, 0x80, 0]);
    assert.deepEqual(session.askedFilters().at(-1), ['a/#']);
    session.unsuback(65_535);
    assert.deepEqual(
      session.told.map(({ type }) => type),
      ['suback'],
    );
    assert.deepEqual([...session.desk.subscriptions().keys()], ['b']);
    assert.equal(session.desk.pending, 0);
  });

  test('filters without a parent to miss stay alone; shared ones and + have one', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests('#', '/#', '$aws/#'));
    session.grantAll();
    session.subscribe(2, requests('+/#', '$share/g/a/#'));
    session.grantAll(1);
    assert.deepEqual(session.askedFilters(), [
      ['#', '/#', '$aws/#'],
      ['+/#', '+', '$share/g/a/#', '$share/g/a'],
    ]);
  });

  test('a filter that two subscriptions need keeps the higher QoS', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests('a:1'));
    session.grantAll();
    session.subscribe(2, requests('a/#:0'));
    const [, second] = session.asked;
    assert.ok(second?.type === 'subscribe');
    assert.deepEqual(
      second.packet.requests.map(({ filter, qos }) => [filter, qos]),
      [
        ['a/#', 0],
        ['a', 1],
      ],
    );
    session.grantAll(1);
    assert.deepEqual(session.codes(1), [0]);
  });

  test('a filter keeps its own options where it also completes another', () => {
    const session = new DeskSession({ device: '5', limits: { multiLevelMatchesParent: false } });
    session.subscribe(1, requests('a:0:nl', 'a/#:1'));
    const [asked] = session.asked;
    assert.ok(asked?.type === 'subscribe');
    assert.deepEqual(asked.packet.requests, requests('a:1:nl', 'a/#:1'));
  });

  test('UNSUBSCRIBE of a/# takes a along unless it is held; that of a stays here while a/# needs it', () => {
    const session = new DeskSession({ ...aws, device: '5', upstream: '5' });
    session.subscribe(1, requests('a/#', 'b/#', 'b'));
    session.grantAll();
    const from = session.asked.length;
    session.unsubscribe(2, ['b']);
    assert.equal(session.asked.length, from, 'the broker goes on sending b, for b/#');
    assert.deepEqual(session.codes(-1), [0]);
    session.unsubscribe(3, ['b']);
    assert.deepEqual(session.codes(-1), [0], 'the broker holds it');
    session.unsubscribe(4, ['a/#', 'b/#']);
    assert.deepEqual(session.askedFilters().at(-1), ['a/#', 'a', 'b/#', 'b']);
    session.grantAll(from);
    session.subscribe(5, requests('c', 'c/#'));
    session.grantAll(from + 1);
    session.unsubscribe(6, ['c/#']);
    assert.deepEqual(session.askedFilters().at(-1), ['c/#']);
  });

  test('one filter several times in a packet: asked for once, as the last says, and a code for each place', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests('a:0', 'b:1', 'a:1', 'a:1'));
    assert.deepEqual(session.askedFilters(), [['a', 'b']]);
    session.grantAll();
    assert.deepEqual(session.codes(0), [0, 1, 1, 1]);
    assert.equal(session.desk.subscriptions().get('a')?.granted, 1);
    session.unsubscribe(2, ['a', 'a']);
    assert.deepEqual(session.askedFilters().at(-1), ['a']);
  });

  test('QoS 2 is asked for at 1 and granted as 2; what is granted lower stays low', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests('a:2', 'b:2', 'c:1'));
    const [asked] = session.asked;
    assert.ok(asked?.type === 'subscribe');
    assert.deepEqual(
      asked.packet.requests.map(({ qos }) => qos),
      [1, 1, 1],
    );
    session.answer(1, [1, 0, 1]);
    assert.deepEqual(session.codes(0), [2, 0, 1]);
    assert.deepEqual(session.adapted, ['qos2-subscription']);
    const capable = new DeskSession({ device: '5', capabilities: { maximumQos: 1 } });
    capable.subscribe(1, requests('a:2'));
    capable.answer(1, [1]);
    assert.deepEqual(capable.codes(0), [2]);
    const whole = new DeskSession();
    whole.subscribe(1, requests('a:2'));
    whole.answer(1, [1]);
    assert.deepEqual(whole.codes(0), [1], 'a broker that has QoS 2 means what it says');
  });
});

describe('SubscriptionDesk and what a broker cannot take', () => {
  const rows = [
    ['$SYS/#', 'reserved-topic', 0x8f],
    ['a/b/c/d/e/f/g/h/i', 'topic-depth', 0x8f],
    [`${'x'.repeat(257)}`, 'topic-length', 0x8f],
  ] as const;
  for (const [filter, obstacle, code] of rows) {
    test(`${obstacle}: refused here, in each version's code`, () => {
      for (const [device, expected] of [
        ['5', code],
        ['3.1.1', 0x80],
        ['3.1', 1],
      ] as const) {
        const session = new DeskSession({ ...aws, device, upstream: device === '5' ? '5' : '3.1.1' });
        session.subscribe(1, requests(`${filter}:1`, 'ok:1'));
        assert.deepEqual(session.askedFilters(), [['ok']]);
        session.grantAll();
        assert.deepEqual(session.codes(0), [expected, 1]);
        assert.deepEqual(session.obstructed, [`${obstacle} ${filter.slice(0, 120)}`]);
        assert.deepEqual([...session.desk.subscriptions().keys()], ['ok']);
        session.unsubscribe(2, [filter]);
        assert.equal(session.asked.length, 1, 'nor is the broker asked to drop it');
        assert.deepEqual(session.codes(-1), device === '5' ? [0x11] : []);
      }
    });
  }

  test('shared subscriptions that the broker lacks: 0x9E', () => {
    const session = new DeskSession({ device: '5', capabilities: { sharedSubscriptions: false } });
    session.subscribe(1, requests('$share/g/a'));
    assert.deepEqual(session.codes(0), [0x9e]);
    assert.deepEqual(session.obstructed, ['shared-subscription $share/g/a']);
    assert.equal(session.asked.length, 0);
  });

  test('the 51st subscription is refused before it is asked for, counting parents, and one given up makes room', () => {
    const session = new DeskSession({ ...aws, device: '5', upstream: '5' });
    session.subscribe(1, requests(...Array.from({ length: 49 }, (_, at) => `t/${at}`)));
    session.grantAll();
    session.subscribe(2, requests('a/#', 'b', 'c', 't/1'));
    session.grantAll(7);
    assert.deepEqual(session.codes(-1), [0x97, 0, 0x97, 0]);
    assert.deepEqual(session.obstructed, ['subscriptions a/#', 'subscriptions c']);
    session.unsubscribe(3, ['t/2']);
    session.grantAll(8);
    session.subscribe(4, requests('c'));
    session.grantAll(9);
    assert.deepEqual(session.codes(-1), [0]);
  });

  test('a filter that stands for itself and for a parent takes one place', () => {
    const session = new DeskSession(aws);
    session.subscribe(1, requests(...Array.from({ length: 48 }, (_, at) => `t/${at}`)));
    session.grantAll();
    session.subscribe(2, requests('a/#', 'a'));
    session.grantAll(6);
    assert.deepEqual(session.codes(-1), [0, 0]);
  });

  test('no more than 10 000 filters of a session, and no more than so many characters', () => {
    const session = new DeskSession({ device: '3.1.1' });
    for (let at = 0; at < 10; at += 1) {
      session.subscribe(at + 1, requests(...Array.from({ length: 1_001 }, (_, index) => `t/${at}/${index}`)));
      session.grantAll(at);
    }
    assert.equal(session.desk.subscriptions().size, 10_000);
    assert.deepEqual(session.codes(-1).slice(990), [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]);
    const wide = new DeskSession({ device: '3.1.1' });
    for (let at = 0; at < 40; at += 1) {
      wide.subscribe(at + 1, requests(`${at}/${'x'.repeat(60_000)}`));
      wide.grantAll();
    }
    assert.equal(wide.desk.subscriptions().size, 33);
    const same = new DeskSession({ device: '3.1.1' });
    for (let at = 0; at < 40; at += 1) {
      same.subscribe(at + 1, requests('x'.repeat(60_000)));
      same.grantAll();
    }
    assert.deepEqual(same.codes(-1), [0], 'a filter that is held is no further one');
  });

  test('a packet that is larger than the broker takes is split by its bytes', () => {
    const session = new DeskSession({ upstream: '5', capabilities: { maximumPacketSize: 100 } });
    session.subscribe(1, requests(`a${'x'.repeat(60)}`, `b${'x'.repeat(60)}`, `c${'x'.repeat(99)}`));
    session.grantAll();
    assert.deepEqual(session.codes(0), [0, 0, 0x80]);
    assert.ok(session.asked.every(({ bytes }) => bytes.length <= 100));
    assert.equal(session.asked.length, 2);
  });
});

describe('SubscriptionDesk under pressure', () => {
  test('what has to be adapted waits for what is under way, and what comes behind it waits too', () => {
    const session = new DeskSession({ device: '5', capabilities: { maximumQos: 1 } });
    session.subscribe(1, requests('a'));
    session.subscribe(2, requests('b:2'));
    session.subscribe(3, requests('c'));
    assert.deepEqual(session.askedFilters(), [['a']]);
    session.answer(1, [0]);
    assert.deepEqual(session.askedFilters(), [['a'], ['b']]);
    session.answer(2, [1]);
    assert.deepEqual(session.askedFilters(), [['a'], ['b'], ['c']]);
  });

  test('64 packets wait, the next is refused place by place', () => {
    for (const [device, code] of [
      ['5', 0x97],
      ['3.1.1', 0x80],
      ['3.1', 1],
    ] as const) {
      const session = new DeskSession({ ...aws, device, upstream: '5' });
      for (let id = 1; id <= 65; id += 1) session.subscribe(id, requests(`t/${id % 40}`));
      assert.equal(session.told.length, 0);
      session.subscribe(66, requests('x:1', 'y:1'));
      assert.deepEqual(session.codes(0), [code, code]);
      session.unsubscribe(67, ['x']);
      assert.equal(session.told.length, device === '5' ? 2 : 1);
      session.grantAll();
      assert.equal(session.told.length, device === '5' ? 67 : 66);
      assert.equal(session.desk.pending, 0);
    }
  });

  test('2 MiB wait for an answer, what is beyond is refused, and what was answered counts no more', () => {
    const session = new DeskSession({ device: '5' });
    const large = ['x'.repeat(60_000)];
    session.subscribe(1, requests('a'));
    for (let id = 2; id < 52; id += 1) {
      session.unsubscribe(id, large);
      session.unsuback(id, [0]);
    }
    assert.equal(session.told.length, 50);
    assert.ok(session.told.every(({ packet }) => packet.codes[0] === 0));
    for (let id = 52; id < 92; id += 1) session.unsubscribe(id, large);
    assert.deepEqual(session.codes(50), [0x83]);
    assert.equal(session.asked.length, 51 + 34);
  });

  test('a chunk that is not answered passes its deadline after 10 s; what was not adapted has the time it always had', () => {
    const session = new DeskSession(aws);
    assert.equal(session.desk.nextDeadlineMs(), Number.POSITIVE_INFINITY);
    session.subscribe(1, requests('a'));
    assert.equal(session.desk.nextDeadlineMs(), 11_000);
    assert.equal(session.desk.handleTick(10_999), 'waiting');
    assert.equal(session.desk.handleTick(11_000), 'unanswered');
    session.answer(1, [0]);
    assert.equal(session.desk.nextDeadlineMs(), Number.POSITIVE_INFINITY);
    const free = new DeskSession();
    free.subscribe(1, requests('a'));
    assert.equal(free.desk.nextDeadlineMs(), Number.POSITIVE_INFINITY);
  });

  test('when no identifier is left the filters are refused', () => {
    const session = new DeskSession({ device: '5' });
    for (let id = 1; id < 65_536; id += 1) session.taken.add(id);
    session.subscribe(1, requests('a'));
    session.unsubscribe(2, ['a']);
    assert.deepEqual(session.codes(0), [0x97]);
    assert.deepEqual(session.codes(1), [0x83]);
    assert.equal(session.desk.pending, 0);
  });

  test('what an earlier connection left is held, and counted against the bound', () => {
    const held = Array.from({ length: 25 }, (_, at) => ({ ...requests(`t/${at}/#:1`)[0], granted: 1 }));
    const session = new DeskSession({ ...aws, held: held as never, sessionPresent: true });
    session.subscribe(1, requests('a'));
    assert.deepEqual(session.codes(0), [0x80]);
    session.unsubscribe(2, ['t/0/#']);
    assert.deepEqual(session.askedFilters(), [['t/0/#', 't/0']]);
  });
});

describe('SubscriptionDesk of a broker that bounds what it is asked for', () => {
  const held = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...{ filter: `f/${at}`, qos: 1, granted: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    })) as HeldSubscription[];

  test('what the gateway asks for waits until it may, and everything later behind it', () => {
    const session = new DeskSession({ device: '3.1.1', ...aws });
    session.mayAsk = false;
    session.desk.restore(held(10), session.nowMs);
    assert.deepEqual(session.wishes, [{ filters: 8, remaining: 10, isOwn: true }]);
    session.subscribe(1, requests('own:1'));
    assert.deepEqual(session.askedFilters(), []);
    assert.deepEqual([session.desk.pending, session.desk.isRestoring], [2, true]);
    assert.equal(session.desk.nextDeadlineMs(), Number.POSITIVE_INFINITY, 'nobody owes an answer');
    session.mayAsk = true;
    session.desk.resume(session.nowMs);
    session.grantAll();
    assert.deepEqual(
      session.askedFilters().map(({ length }) => length),
      [8, 2, 1],
    );
    assert.equal(session.desk.subscriptions().size, 11);
    assert.deepEqual([session.desk.pending, session.desk.isRestoring], [0, false]);
  });

  test('what the device asks for is only told', () => {
    const session = new DeskSession({ device: '3.1.1', ...aws });
    session.mayAsk = false;
    session.subscribe(1, requests('a:1', 'b/#:1'));
    assert.deepEqual(session.wishes, [{ filters: 3, remaining: 3, isOwn: false }], 'with the parent of b/#');
    assert.equal(session.asked.length, 1);
    session.desk.resume(session.nowMs);
    assert.equal(session.asked.length, 1);
  });
});
