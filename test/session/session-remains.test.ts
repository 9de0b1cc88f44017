import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unknownSubscriptions } from '../../src/mqtt/remembered-subscriptions.ts';
import { boundedRemains, remainsForClaim } from '../../src/session/session-remains.ts';

describe('remainsForClaim', () => {
  const remains = { received: [1, 2], expiresAtMs: 1_000 };
  const rows = [
    { name: 'nothing kept', kept: undefined, isAtHome: true, nowMs: 0, expected: undefined },
    {
      name: 'at home, in time',
      kept: remains,
      isAtHome: true,
      nowMs: 999,
      expected: { received: [1, 2], expired: false },
    },
    {
      name: 'at home, expired',
      kept: remains,
      isAtHome: true,
      nowMs: 1_000,
      expected: { received: [], expired: true },
    },
    { name: 'elsewhere, in time', kept: remains, isAtHome: false, nowMs: 999, expected: undefined },
    {
      name: 'elsewhere, expired',
      kept: remains,
      isAtHome: false,
      nowMs: 1_001,
      expected: { received: [], expired: true },
    },
    {
      name: 'subscriptions at home',
      kept: { received: [], subscriptions: 'some' },
      isAtHome: true,
      nowMs: 0,
      expected: { received: [], subscriptions: 'some', expired: false },
    },
    {
      name: 'subscriptions elsewhere',
      kept: { received: [], subscriptions: 'some' },
      isAtHome: false,
      nowMs: 0,
      expected: undefined,
    },
    {
      name: 'subscriptions of a session that expired',
      kept: { received: [], subscriptions: 'some', expiresAtMs: 5 },
      isAtHome: true,
      nowMs: 5,
      expected: { received: [], expired: true },
    },
    {
      name: 'no expiry of the gateway',
      kept: { received: [7] },
      isAtHome: true,
      nowMs: Number.MAX_SAFE_INTEGER,
      expected: { received: [7], expired: false },
    },
  ];
  for (const { name, kept, isAtHome, nowMs, expected } of rows) {
    it(name, () => assert.deepEqual(remainsForClaim(kept, { isAtHome, nowMs }), expected));
  }
});

describe('boundedRemains', () => {
  it('is nothing when nothing is left', () => {
    assert.equal(boundedRemains(undefined), undefined);
    assert.equal(boundedRemains({ received: [] }), undefined);
  });
  it('keeps an expiry without exchanges', () =>
    assert.deepEqual(boundedRemains({ received: [], expiresAtMs: 5 }), { received: [], expiresAtMs: 5 }));
  it('takes subscriptions beyond 256 KiB for not known', () => {
    const subscriptions = 'x'.repeat(262_144);
    assert.equal(boundedRemains({ received: [], subscriptions })?.subscriptions, subscriptions);
    const more = boundedRemains({ received: [], subscriptions: `${subscriptions}x` });
    assert.equal(more?.subscriptions, unknownSubscriptions);
  });
});
