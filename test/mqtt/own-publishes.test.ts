import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { maxOwnPublishes, OwnPublishes, ownPublishMs } from '../../src/mqtt/own-publishes.ts';

describe('OwnPublishes', () => {
  test('each message is consumed as often as it was noted', () => {
    const own = new OwnPublishes();
    own.note('a', 1, 0);
    own.note('a', 1, 0);
    own.note('a', 2, 0);
    const consumed = [1, 1, 1, 2, 2].map((digest) => own.consume('a', () => digest, 1));
    assert.deepEqual(consumed, [true, true, false, true, false]);
  });

  test('it is forgotten after ten seconds, and not before', () => {
    const own = new OwnPublishes();
    own.note('a', 1, 5);
    assert.equal(
      own.consume('a', () => 1, 5 + ownPublishMs),
      false,
    );
    own.note('a', 1, 5);
    assert.equal(
      own.consume('a', () => 1, 4 + ownPublishMs),
      true,
    );
  });

  test('of 65 messages the first is forgotten', () => {
    const own = new OwnPublishes();
    for (let digest = 0; digest <= maxOwnPublishes; digest += 1) own.note('a', digest, 0);
    const consumed = [0, 1, maxOwnPublishes].map((digest) => own.consume('a', () => digest, 0));
    assert.deepEqual(consumed, [false, true, true]);
  });

  test('the digest is asked for only where a topic is there', () => {
    const own = new OwnPublishes();
    own.note('a', 1, 0);
    const fail = () => assert.fail('the digest was asked for');
    assert.equal(own.consume('b', fail, 0), false);
  });

  test('it equals a list of the last 64, for any sequence', () => {
    const step = fc.record({
      isNote: fc.boolean(),
      topic: fc.constantFrom('a', 'b'),
      digest: fc.nat(2),
      waitMs: fc.constantFrom(0, 0, 1, 200, 9_999),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const own = new OwnPublishes();
        let list: { key: string; untilMs: number }[] = [];
        let nowMs = 0;
        for (const { isNote, topic, digest, waitMs } of steps) {
          nowMs += waitMs;
          const key = `${topic} ${digest}`;
          list = list.filter(({ untilMs }) => untilMs > nowMs);
          if (isNote) {
            own.note(topic, digest, nowMs);
            list = [...list, { key, untilMs: nowMs + ownPublishMs }].slice(-maxOwnPublishes);
            continue;
          }
          const at = list.findIndex((entry) => entry.key === key);
          assert.equal(
            own.consume(topic, () => digest, nowMs),
            at >= 0,
          );
          if (at >= 0) list.splice(at, 1);
        }
      }),
    );
  });
});
