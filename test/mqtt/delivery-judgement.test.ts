import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { matchesTopicFilter, parseTopicFilter } from '../../src/mqtt/topic.ts';
import { DeskSession, requests } from './desk-session.ts';

const lacking = { device: '5', upstream: '3.1.1' } as const;

describe('deliveries where nothing is emulated', () => {
  test('are not judged: an older device, or a broker that has the options, or a device that uses none', () => {
    for (const setting of [{ device: '3.1.1', upstream: '5' } as const, { device: '5' } as const, lacking]) {
      const session = new DeskSession(setting);
      const options = setting.device === '5' && setting !== lacking ? 'a:0:nl,rh2' : 'a';
      session.subscribe(1, requests(options));
      assert.equal(session.desk.judgesDeliveries, false);
      session.grantAll();
      assert.equal(session.desk.judgesDeliveries, false);
      assert.equal(session.desk.watchesOwnPublishes, false);
      assert.equal(session.judge('a', { retain: true }), 'delivered');
    }
  });
});

describe('Subscription Identifiers that the broker does not have', () => {
  test('all that match are given, from the SUBSCRIBE on until the UNSUBSCRIBE', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a/#'), { subscriptionIdentifier: 7 });
    assert.equal(session.judge('a/b'), 'delivered 7', 'a message may come before SUBACK');
    session.grantAll();
    session.subscribe(2, requests('a/b', '$share/g/+/b'), { subscriptionIdentifier: 300 });
    session.subscribe(3, requests('+/b'));
    session.grantAll(1);
    assert.equal(session.desk.judgesDeliveries, true);
    assert.equal(session.judge('a/b'), 'delivered 300 7 300');
    assert.equal(session.judge('a'), 'delivered 7');
    assert.equal(session.judge('c/b'), 'delivered 300');
    assert.equal(session.judge('c'), 'delivered');
    session.unsubscribe(4, ['a/#', 'a/b']);
    session.grantAll(3);
    assert.equal(session.judge('a/b'), 'delivered 300');
    session.subscribe(5, requests('$share/g/+/b'));
    session.grantAll(4);
    assert.equal(session.judge('a/b'), 'delivered');
    assert.equal(session.desk.judgesDeliveries, false);
    assert.deepEqual(session.adapted, ['subscription-identifier', 'subscription-identifier']);
  });

  test('one of a SUBSCRIBE that was refused is not given; the one before it is', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a', 'b'), { subscriptionIdentifier: 7 });
    session.answer(1, [0, 0x80]);
    session.subscribe(2, requests('a'), { subscriptionIdentifier: 8 });
    session.answer(2, [0x80]);
    assert.equal(session.judge('a'), 'delivered 7');
    assert.equal(session.judge('b'), 'delivered');
  });

  test('they are those that an obvious scan finds', () => {
    const level = fc.constantFrom('a', 'b', '+', '$x', '');
    const filter = fc
      .tuple(fc.boolean(), fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(
        ([isShared, levels, isOpen]) =>
          `${isShared ? '$share/g/' : ''}${[...levels, ...(isOpen ? ['#'] : [])].join('/')}`,
      )
      .filter((text) => text !== '' && !text.endsWith('g/'));
    const topic = fc
      .array(fc.constantFrom('a', 'b', '$x', ''), { minLength: 1, maxLength: 4 })
      .map((levels) => levels.join('/'))
      .filter((text) => text !== '');
    fc.assert(
      fc.property(fc.uniqueArray(filter, { minLength: 1, maxLength: 8 }), topic, (filters, name) => {
        const session = new DeskSession(lacking);
        filters.forEach((text, at) => {
          session.subscribe(at + 1, requests(text), { subscriptionIdentifier: at + 1 });
          session.grantAll(at);
        });
        const expected = filters.flatMap((text, at) =>
          matchesTopicFilter(parseTopicFilter(text).filter, name) ? [at + 1] : [],
        );
        const given = session.judge(name).split(' ').slice(1).map(Number);
        assert.deepEqual(given.toSorted(), expected.toSorted());
      }),
    );
  });
});

describe('Retain Handling that the broker does not have', () => {
  test('2: retained messages are left out from the SUBSCRIBE until 10 s after SUBACK, others are not', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a/+:1:rh2'));
    assert.equal(session.desk.judgesDeliveries, true);
    session.nowMs += 20_000;
    assert.equal(session.judge('a/b', { retain: true }), 'left');
    session.grantAll();
    session.nowMs += 9_999;
    assert.equal(session.judge('a/b', { retain: true }), 'left');
    assert.equal(session.judge('a/b'), 'delivered');
    assert.equal(session.judge('c', { retain: true }), 'delivered');
    session.nowMs += 1;
    assert.equal(session.judge('a/b', { retain: true }), 'delivered');
    assert.equal(session.desk.judgesDeliveries, false, 'the window is closed, and nothing else is emulated');
    assert.deepEqual(session.adapted, ['retain-handling']);
  });

  test('another filter that was just subscribed with 0 wants them; one that was subscribed long ago does not', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a/#:0'));
    session.grantAll();
    session.nowMs += 5_000;
    session.subscribe(2, requests('+/b:0:rh2'));
    session.grantAll(1);
    assert.equal(session.judge('a/b', { retain: true }), 'delivered');
    session.nowMs += 5_000;
    assert.equal(session.judge('a/b', { retain: true }), 'left');
  });

  test('1: a new filter gets them; one held with the same options is answered here; with others it is asked for', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a:1:rh1'));
    session.grantAll();
    assert.equal(session.judge('a', { retain: true }), 'delivered');
    session.nowMs += 20_000;
    session.subscribe(2, requests('a:1:rh1'));
    assert.equal(session.asked.length, 1);
    assert.deepEqual(session.codes(1), [1]);
    session.subscribe(3, requests('a:0:rh1'));
    assert.equal(session.asked.length, 2);
    assert.equal(session.judge('a', { retain: true }), 'left');
    session.grantAll(1);
    assert.equal(session.judge('a', { retain: true }), 'left');
    session.subscribe(4, requests('a:0'));
    assert.equal(session.asked.length, 3, 'Retain Handling 0 wants the retained messages again');
  });

  test('a SUBSCRIBE that was refused leaves nothing out', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a:1:rh2'));
    session.answer(1, [0x80]);
    assert.equal(session.judge('a', { retain: true }), 'delivered');
    assert.equal(session.desk.judgesDeliveries, false);
  });
});

describe('No Local that the broker does not have', () => {
  test('the echo of an own message is left out once', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a/+:1:nl'));
    session.grantAll();
    assert.equal(session.desk.watchesOwnPublishes, true);
    session.desk.noteOwnPublish('a/b', 5, session.nowMs);
    assert.equal(session.judge('a/b', { digest: 6 }), 'delivered');
    assert.equal(session.judge('a/b', { digest: 5, retain: true }), 'delivered', 'a retained one is no echo');
    assert.equal(session.judge('a/b', { digest: 5 }), 'left');
    assert.equal(session.judge('a/b', { digest: 5 }), 'delivered', 'the second is another device’s');
    session.unsubscribe(2, ['a/+']);
    session.grantAll(1);
    assert.equal(session.desk.watchesOwnPublishes, false);
  });

  test('another subscription that wants it gets it', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a/+:1:nl', 'a/b'));
    session.grantAll();
    session.desk.noteOwnPublish('a/b', 5, session.nowMs);
    assert.equal(session.judge('a/b', { digest: 5 }), 'delivered');
  });

  test('own messages elsewhere do not push it out of the memory', () => {
    const session = new DeskSession(lacking);
    session.subscribe(1, requests('a:1:nl'));
    session.grantAll();
    session.desk.noteOwnPublish('a', 5, session.nowMs);
    for (let digest = 0; digest < 100; digest += 1) session.desk.noteOwnPublish('elsewhere', digest, session.nowMs);
    assert.equal(session.judge('a', { digest: 5 }), 'left');
  });
});
