import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeSession } from '../../src/session/placement.ts';

describe('placeSession', () => {
  const rows = [
    {
      name: 'a session taken up again goes home',
      intent: 'resume',
      home: 'legacy',
      homeIsKnown: true,
      expected: 'legacy',
    },
    {
      name: 'without a home it goes where the plan says',
      intent: 'resume',
      home: undefined,
      homeIsKnown: false,
      expected: 'aws',
    },
    {
      name: 'a home that the configuration no longer has is none',
      intent: 'resume',
      home: 'old',
      homeIsKnown: false,
      expected: 'aws',
    },
    {
      name: 'a clean session goes where the plan says',
      intent: 'clean',
      home: 'legacy',
      homeIsKnown: true,
      expected: 'aws',
    },
    {
      name: 'a session whose emulated expiry has run out is none',
      intent: 'resume',
      home: 'legacy',
      homeIsKnown: true,
      isExpired: true,
      expected: 'aws',
    },
    { name: 'a fresh persistent one too', intent: 'fresh', home: 'legacy', homeIsKnown: true, expected: 'aws' },
  ] as const;
  for (const { name, expected, ...question } of rows) {
    it(name, () => assert.deepEqual(placeSession({ ...question, desired: 'aws' }), { broker: expected }));
  }
});

describe('placeSession of a device that the target cannot carry', () => {
  const fallback = { target: 'aws', source: 'legacy' };
  const rows = [
    { name: 'it goes to the source', intent: 'clean', home: undefined, expected: 'legacy', isHeldBack: true },
    { name: 'a fresh session too', intent: 'fresh', home: 'aws', expected: 'legacy', isHeldBack: true },
    {
      name: 'a session at home on the source stays',
      intent: 'resume',
      home: 'legacy',
      expected: 'legacy',
      isHeldBack: true,
    },
    { name: 'a session on the target leaves it', intent: 'resume', home: 'aws', expected: 'legacy', isHeldBack: true },
    { name: 'a session on a third broker stays', intent: 'resume', home: 'eu', expected: 'eu', isHeldBack: false },
  ] as const;
  for (const { name, intent, home, expected, isHeldBack } of rows) {
    it(name, () => {
      const placement = placeSession({
        intent,
        desired: 'aws',
        home,
        homeIsKnown: home !== undefined,
        fallback,
        obstacle: 'topic-depth',
      });
      assert.deepEqual(placement, { broker: expected, ...(isHeldBack && { heldBack: 'topic-depth' }) });
    });
  }

  it('an obstacle of the target means nothing to another broker that the plan wants', () => {
    const question = { intent: 'clean', desired: 'eu', home: undefined, homeIsKnown: false } as const;
    assert.deepEqual(placeSession({ ...question, fallback, obstacle: 'topic-depth' }), { broker: 'eu' });
  });

  it('a device that the plan leaves on the source is known to be held there', () => {
    const question = { intent: 'clean', desired: 'legacy', home: undefined, homeIsKnown: false } as const;
    const expected = { broker: 'legacy', heldBack: 'topic-depth' };
    assert.deepEqual(placeSession({ ...question, fallback, obstacle: 'topic-depth' }), expected);
  });

  it('without a known obstacle it goes where the plan says', () => {
    const question = { intent: 'clean', desired: 'aws', home: undefined, homeIsKnown: false } as const;
    assert.deepEqual(placeSession({ ...question, fallback, obstacle: undefined }), { broker: 'aws' });
  });
});
