import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Agenda } from '../../src/emulator/data/agenda.ts';
import type { ApplicationMessage } from '../../src/emulator/data/application-message.ts';
import { brokerTerms } from '../../src/emulator/data/broker-terms.ts';
import { ConnectRates } from '../../src/emulator/data/connect-rates.ts';
import { ConnectionLedger } from '../../src/emulator/data/connection-ledger.ts';
import { FilterTree } from '../../src/emulator/data/filter-tree.ts';
import { MessageQueue, StoredBytes } from '../../src/emulator/data/message-queue.ts';
import { RetainedMessages } from '../../src/emulator/data/retained-messages.ts';
import { SlidingRate } from '../../src/emulator/data/sliding-rate.ts';
import { matchesTopicFilter } from '../../src/mqtt/topic.ts';

const level = fc.constantFrom('a', 'b', '', '$x');
const topicNames = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filterTexts = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '', '+', '$x'), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));

function message(topic: string, more: Partial<ApplicationMessage> = {}): ApplicationMessage {
  const expiresAtMs = Number.POSITIVE_INFINITY;
  return { topic, payload: Buffer.from('x'), qos: 1, retain: false, properties: [], expiresAtMs, ...more };
}

suite('The parts of the message broker', () => {
  test('Agenda: everything runs once, in the order of its moments, and what was cancelled never', () => {
    const steps = fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 50 }), isCancelled: fc.boolean() }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(steps, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 }), (plans, moments) => {
        const agenda = new Agenda();
        const ran: number[] = [];
        const cancels = plans.map(({ atMs }) => agenda.at(atMs, () => ran.push(atMs)));
        for (const [index, { isCancelled }] of plans.entries()) if (isCancelled) cancels[index]?.();
        const live = plans.filter(({ isCancelled }) => !isCancelled).map(({ atMs }) => atMs);
        for (const nowMs of [...moments].sort((one, other) => one - other)) {
          agenda.runDue(nowMs);
          assert.deepEqual(
            ran,
            live.filter((atMs) => atMs <= nowMs).sort((one, other) => one - other),
          );
        }
        agenda.runDue(60);
        assert.equal(ran.length, live.length);
        assert.equal(agenda.nextAtMs, undefined);
      }),
    );
  });

  test('Agenda: tells of the earliest deadline whenever it is another', () => {
    const told: (number | undefined)[] = [];
    const agenda = new Agenda((nextAtMs) => told.push(nextAtMs));
    agenda.at(20, () => {});
    agenda.at(30, () => {});
    agenda.at(10, () => agenda.at(15, () => {}));
    agenda.runDue(12);
    agenda.runDue(40);
    assert.deepEqual(told, [20, 10, 15, undefined]);
  });

  test('SlidingRate: no second sees more than the limit, and what it refuses it refuses rightly', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 5 }), (gaps, limit) => {
        const rate = new SlidingRate(limit);
        const taken: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          const inWindow = taken.filter((atMs) => atMs > nowMs - 1_000).length;
          const roomAtMs = rate.roomAtMs(nowMs);
          assert.equal(roomAtMs === nowMs, inWindow < limit);
          if (rate.take(nowMs)) taken.push(nowMs);
          else assert.ok(inWindow >= limit && roomAtMs > nowMs);
        }
        for (const atMs of taken)
          assert.ok(taken.filter((other) => other >= atMs && other < atMs + 1_000).length <= limit);
      }),
    );
  });

  for (const matchesParent of [false, true]) {
    test(`FilterTree: finds who a look at every filter finds${matchesParent ? ', a parent level too' : ''}`, () => {
      fc.assert(
        fc.property(fc.array(filterTexts, { maxLength: 12 }), topicNames, fc.nat(), (filters, topic, removed) => {
          const tree = new FilterTree<number>(matchesParent);
          for (const [subscriber, filter] of filters.entries())
            tree.add(filter, subscriber, subscriber % 2 === 0 ? 1 : 0);
          const gone = filters.length === 0 ? -1 : removed % filters.length;
          if (gone >= 0) tree.remove(filters[gone] as string, gone);
          const expected = filters.flatMap((filter, subscriber) => {
            const isParent = filter.endsWith('/#') && filter.split('/').length === topic.split('/').length + 1;
            const isMatch = matchesTopicFilter(filter, topic) && (matchesParent || !isParent);
            return isMatch && subscriber !== gone ? [subscriber] : [];
          });
          assert.deepEqual(
            [...tree.match(topic).keys()].sort((one, other) => one - other),
            expected,
          );
        }),
        { numRuns: 500 },
      );
    });
  }

  test('FilterTree: one with two filters that match is found once, at the higher QoS', () => {
    const tree = new FilterTree<string>(false);
    tree.add('a/+', 'one', 0);
    tree.add('a/b', 'one', 1);
    tree.add('#', 'one', 0);
    assert.deepEqual([...tree.match('a/b')], [['one', 1]]);
  });

  test('MessageQueue: bounded in messages and, with all others, in bytes; new ones are dropped', () => {
    const stored = new StoredBytes(1_000);
    const [one, other] = [new MessageQueue(stored, 2), new MessageQueue(stored, 10)];
    const queued = { message: message('t'), sinceMs: 0 };
    assert.deepEqual([one.push(queued), one.push(queued), one.push(queued)], [true, true, false]);
    const results = Array.from({ length: 5 }, () => other.push(queued));
    assert.ok(results.includes(true) && results.includes(false));
    one.clear();
    while (other.shift(0) !== undefined);
    assert.equal(stored.used, 0);
  });

  test('MessageQueue: what expired is gone, what came back stands in front', () => {
    const stored = new StoredBytes(100_000);
    const queue = new MessageQueue(stored, 3);
    queue.push({ message: message('short', { expiresAtMs: 10 }), sinceMs: 0 });
    queue.push({ message: message('kept'), sinceMs: 0, untilMs: 20 });
    queue.push({ message: message('last'), sinceMs: 0 });
    assert.equal(queue.shift(15)?.message.topic, 'kept');
    assert.equal(queue.unshift(['x', 'y', 'z'].map((topic) => ({ message: message(topic), sinceMs: 0 }))), 1);
    const left = [queue.shift(30), queue.shift(30), queue.shift(30), queue.shift(30)].map(
      (item) => item?.message.topic,
    );
    assert.deepEqual(left, ['x', 'y', 'last', undefined]);
    assert.equal(stored.used, 0);
  });

  test('RetainedMessages: replaced, deleted and expired ones give their bytes back', () => {
    const stored = new StoredBytes(100_000);
    const retained = new RetainedMessages(stored, 10);
    retained.set(message('a', { payload: Buffer.alloc(1_000) }), 1);
    retained.set(message('a'), 2);
    retained.set(message('b', { expiresAtMs: 5 }), 3);
    assert.deepEqual(
      retained.list(4).map((one) => [one.message.topic, one.lastModifiedMs]),
      [
        ['a', 2],
        ['b', 3],
      ],
    );
    assert.equal(retained.get('b', 5), undefined);
    retained.set(message('a', { payload: Buffer.alloc(0) }), 6);
    assert.equal(retained.size, 0);
    assert.equal(stored.used, 0);
  });

  test('RetainedMessages: without room for the new value the old one stays', () => {
    const retained = new RetainedMessages(new StoredBytes(2_000), 10);
    assert.ok(retained.set(message('a'), 1));
    assert.equal(retained.set(message('a', { payload: Buffer.alloc(5_000) }), 2), false);
    assert.equal(retained.get('a', 3)?.lastModifiedMs, 1);
  });

  test('ConnectRates: a throttled CONNECT counts for neither rate', () => {
    const rates = new ConnectRates(brokerTerms({ connectsPerSecond: 2 }));
    const answers = [
      ['a', 0],
      ['a', 500],
      ['a', 999],
      ['b', 999],
      ['c', 999],
      ['a', 1_000],
      ['c', 1_999],
    ] as const;
    assert.deepEqual(
      answers.map(([clientId, atMs]) => rates.take(clientId, atMs) ?? 'taken'),
      ['taken', 'client-id-connect-rate', 'client-id-connect-rate', 'taken', 'connect-rate', 'taken', 'taken'],
    );
  });

  test('ConnectionLedger: the version number of a client ID goes up, and begins anew after an hour offline', () => {
    const agenda = new Agenda();
    const ledger = new ConnectionLedger(agenda, { rememberMs: 3_600_000, maxEntries: 2 });
    assert.deepEqual([ledger.begin('a'), ledger.begin('a')], [0, 1]);
    ledger.end('a', 'CONNECTION_LOST', 1_000);
    agenda.runDue(3_600_999);
    assert.deepEqual(ledger.past('a'), { disconnectedSinceMs: 1_000, disconnectReason: 'CONNECTION_LOST' });
    assert.equal(ledger.begin('a'), 2);
    ledger.end('a', 'CONNECTION_LOST', 2_000);
    agenda.runDue(3_602_000);
    assert.equal(ledger.begin('a'), 0);
  });

  test('ConnectionLedger: beyond its bound the one that ended longest ago is forgotten', () => {
    const ledger = new ConnectionLedger(new Agenda(), { rememberMs: 1_000, maxEntries: 2 });
    for (const clientId of ['live', 'b', 'c']) ledger.begin(clientId);
    ledger.end('b', 'CONNECTION_LOST', 1);
    assert.equal(ledger.past('b'), undefined);
    ledger.end('c', 'CONNECTION_LOST', 2);
    assert.notEqual(ledger.past('c'), undefined);
    assert.equal(ledger.begin('live'), 1);
  });
});
