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
    { name: 'a fresh persistent one too', intent: 'fresh', home: 'legacy', homeIsKnown: true, expected: 'aws' },
  ] as const;
  for (const { name, expected, ...question } of rows) {
    it(name, () => assert.equal(placeSession({ ...question, desired: 'aws' }), expected));
  }
});
