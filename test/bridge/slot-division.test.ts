import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Slot, slotKey, slotsOf } from '../../src/bridge/division/slot.ts';
import { byPreference, slotQuota } from '../../src/bridge/division/slot-division.ts';
import { isInPartition, keyHash, laneOfKey } from '../../src/bridge/link/lane-choice.ts';
import { type TopicRule, unchangedTopic } from '../../src/mqtt/topic-rule.ts';

const rule: TopicRule = {
  ...{ name: 'commands', from: 'aws', to: 'legacy', filter: 'cmd/#', qos: 1, topicChange: unchangedTopic },
  ...{ order: { keyLevel: 2 }, retained: 'never', undeliverable: 'dead-letter' },
};
const one = { members: 1, partitions: 1 };
const processes = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });

describe('the division of slots among processes', () => {
  test('quotas add up to all slots, and differ by one at most', () => {
    fc.assert(
      fc.property(fc.nat(200), processes, (slots, names) => {
        const quotas = names.map((name) => slotQuota(slots, names, name));
        assert.equal(
          quotas.reduce((sum, quota) => sum + quota, 0),
          slots,
        );
        assert.ok(Math.max(...quotas) - Math.min(...quotas) <= 1);
      }),
    );
  });

  test('the order of preference holds every slot once, and hangs on nothing but the names', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 20 }), fc.string(), (slots, me) => {
        const order = byPreference(slots, me);
        assert.deepEqual(new Set(order), new Set(slots));
        assert.equal(order.length, slots.length);
        assert.deepEqual(byPreference(slots.toReversed(), me), order);
      }),
    );
  });
});

describe('the slots of a rule', () => {
  test('are the members of its share group, else the partitions of its keys', () => {
    const places = (slots: readonly Slot[]) =>
      slots.map(({ place }) => `${place.kind} ${place.index} of ${place.count}`);
    assert.deepEqual(places(slotsOf({ ...rule, share: 'billing' }, { members: 2, partitions: 1 })), [
      'member 0 of 1',
      'member 1 of 1',
    ]);
    assert.deepEqual(places(slotsOf(rule, { members: 1, partitions: 2 })), ['partition 0 of 2', 'partition 1 of 2']);
    assert.deepEqual(slotsOf({ ...rule, share: 'billing' }, { members: 0, partitions: 1 }), []);
  });

  test('are others when they are subscribed to something else or publish elsewhere, and the same otherwise', () => {
    const [slot] = slotsOf(rule, one);
    const keyOf = (changed: Partial<TopicRule>) => slotKey(slotsOf({ ...rule, ...changed }, one)[0] as Slot);
    for (const changed of [{ filter: 'cmd/+' }, { from: 'old' }, { to: 'other' }])
      assert.notEqual(keyOf(changed), slotKey(slot as Slot));
    for (const changed of [{ qos: 0 }, { retained: 'asIs' }, { undeliverable: 'drop' }] as const)
      assert.equal(keyOf(changed), slotKey(slot as Slot));
  });

  test('partitions: every topic is in exactly one, keys spread over them, and over the lanes in each', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (topic, count, keyLevel) => {
          const own = Array.from({ length: count }, (_, index) => isInPartition(topic, { keyLevel, index, count }));
          assert.equal(own.filter(Boolean).length, 1);
        },
      ),
    );
    const keys = Array.from({ length: 4_000 }, (_, number) => `device-${number}`);
    const first = keys.filter((key) => isInPartition(`cmd/${key}/x`, { keyLevel: 2, index: 0, count: 4 }));
    assert.ok(Math.abs(first.length - 1_000) < 150, `${first.length}`);
    const onFirstLane = first.filter((key) => laneOfKey(keyHash(key), 4) === 0);
    assert.ok(Math.abs(onFirstLane.length - 250) < 75, `${onFirstLane.length}`);
  });
});
