import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  decodeSubscriptions,
  encodeSubscriptions,
  maxRememberedBytes,
  unknownSubscriptions,
} from '../../src/mqtt/remembered-subscriptions.ts';
import type { HeldSubscription } from '../../src/mqtt/subscription-table.ts';
import { DeskSession, requests } from './desk-session.ts';

const notKnown = { subscriptionsKnown: false, held: [] };

const subscriptions: fc.Arbitrary<HeldSubscription> = fc.record(
  {
    filter: fc.stringMatching(/^[a-z"\\é\u{1F600}]{1,20}(\/[+])?$/u),
    qos: fc.constantFrom(0, 1, 2),
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    retainHandling: fc.constantFrom(0, 1, 2),
    granted: fc.constantFrom(0, 1, 2),
    subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
  },
  {
    requiredKeys: ['filter', 'qos', 'noLocal', 'retainAsPublished', 'retainHandling', 'granted'],
    noNullPrototype: true,
  },
);

describe('remembered subscriptions', () => {
  it('come back as they were (property)', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(subscriptions), (subscriptionsKnown, held) => {
        const remembered = { subscriptionsKnown, held };
        assert.deepEqual(decodeSubscriptions(encodeSubscriptions(remembered)), remembered);
      }),
    );
  });

  it('are not known beyond 256 KiB, whatever their characters', () => {
    const held = (filter: string, count: number) => Array.from({ length: count }, (_, at) => one(`${filter}${at}`));
    const fits = encodeSubscriptions({ subscriptionsKnown: true, held: held('é'.repeat(1_000), 129) });
    assert.ok(Buffer.byteLength(fits) > maxRememberedBytes - 4_000 && Buffer.byteLength(fits) <= maxRememberedBytes);
    const larger = encodeSubscriptions({ subscriptionsKnown: true, held: held('é'.repeat(1_000), 131) });
    assert.equal(larger, unknownSubscriptions);
    assert.deepEqual(decodeSubscriptions(larger), notKnown);
  });

  const damaged = [
    undefined,
    '',
    'null',
    '{"known":true}',
    '{"known":true,"held":[["a#",1,1]]}',
    '{"known":true,"held":[["a",3,1]]}',
    '{"known":true,"held":[["a",64,1]]}',
    '{"known":true,"held":[["a",1,128]]}',
    '{"known":true,"held":[["a",1,1,0]]}',
    '{"known":true,"held":[["a",1]]}',
    `{"known":true,"held":[${'["a",1,1],'.repeat(10_000)}["a",1,1]]}`,
  ];
  for (const text of damaged) {
    it(`are not known of ${text?.slice(0, 40)}`, () => assert.deepEqual(decodeSubscriptions(text), notKnown));
  }
});

describe('a filter that is only remembered', () => {
  it('is asked for again, because the broker may have less than is remembered', () => {
    const held = [one('t')];
    const session = new DeskSession({ device: '5', upstream: '3.1.1', held, sessionPresent: true });
    for (const packetId of [1, 2]) {
      session.subscribe(packetId, requests('t:1:rh1'));
      session.grantAll(packetId - 1);
      assert.equal(session.asked.length, 1, 'once');
      assert.equal(session.judge('t', { retain: true }), 'left');
    }
    assert.equal(session.desk.hasChanged, true, 'Retain Handling 1 is remembered');
  });

  it('is nothing new when it is asked for as before', () => {
    const session = new DeskSession({ device: '5', held: [one('t'), one('u')], sessionPresent: true });
    session.subscribe(1, requests('t:1', 'u:1'));
    session.grantAll();
    assert.equal(session.desk.hasChanged, false);
    session.unsubscribe(2, ['v']);
    session.grantAll(1);
    assert.equal(session.desk.hasChanged, false);
    session.unsubscribe(3, ['t']);
    session.grantAll(2);
    assert.equal(session.desk.hasChanged, true);
  });
});

function one(filter: string): HeldSubscription {
  return { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, granted: 1 };
}
