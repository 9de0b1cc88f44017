import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PendingSession, pendingReason } from '../../src/gateway/pending-reason.ts';

const idle: PendingSession = {
  ...{ isDetached: false, awaitsFilters: false },
  ...{ handover: undefined, contact: undefined, stays: undefined, setback: undefined },
};
const dialling: PendingSession['handover'] = { stage: { name: 'dialling' }, broker: 'aws' };
const warm: PendingSession['handover'] = {
  stage: { name: 'standing', leg: 1, isFormer: true },
  broker: 'aws',
};

const rows: readonly (readonly [Partial<PendingSession>, RegExp])[] = [
  [{}, /^it can move, and no move has begun with it$/],
  [{ handover: warm }, /^it can move/],
  [{ contact: 'unregistered', handover: dialling }, /^unregistered$/],
  [{ contact: 'unregistered', stays: 'no' }, /^no$/],
  [{ handover: warm, awaitsFilters: true }, /^its turn comes: aws takes only so many subscriptions a second$/],
  [{ setback: 'no CONNACK' }, /^the last attempt was given up: no CONNACK$/],
  [{ setback: 'no CONNACK', handover: dialling }, /^its handover is under way$/],
  [{ isDetached: true, handover: warm }, /^its broker is lost/],
  [{ isDetached: true, stays: 'the device sent no client ID' }, /^the device sent no client ID$/],
];
for (const [known, reason] of rows) {
  test(`a session that is not where the plan wants it says ${reason}`, () => {
    assert.match(pendingReason({ ...idle, ...known }), reason);
  });
}
