import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brokerLife, EndpointWatch } from '../../src/gateway/endpoint-watch.ts';

function watch({ heardMs = Number.NEGATIVE_INFINITY, unansweredMs = 0 } = {}): EndpointWatch {
  const made = new EndpointWatch();
  if (unansweredMs > 0) made.noteUnanswered(unansweredMs, unansweredMs);
  made.heardMs = heardMs;
  return made;
}

describe('an endpoint', () => {
  it('has not failed before it was asked, nor once it is heard from again', () => {
    assert.equal(watch().failedMs, undefined);
    assert.equal(watch({ unansweredMs: 5 }).failedMs, 5);
    assert.equal(watch({ unansweredMs: 5, heardMs: 5 }).failedMs, undefined);
  });

  it('has not failed where another connection was heard after the question', () => {
    const busy = watch({ heardMs: 110 });
    busy.noteUnanswered(100, 10_100);
    assert.equal(busy.failedMs, undefined);
    busy.noteUnanswered(111, 10_111);
    assert.equal(busy.failedMs, 10_111);
  });
});

describe('a broker', () => {
  const rows: readonly (readonly [string, readonly EndpointWatch[], number | undefined, number | undefined])[] = [
    ['that nobody asked', [watch(), watch()], undefined, undefined],
    ['with one of two endpoints failed', [watch({ unansweredMs: 5 }), watch()], undefined, undefined],
    ['with both failed', [watch({ unansweredMs: 5, heardMs: 1 }), watch({ unansweredMs: 7 })], 1, 7],
    ['with one back', [watch({ unansweredMs: 5, heardMs: 9 }), watch({ unansweredMs: 7 })], 9, undefined],
  ];
  for (const [name, watches, heardMs, failedMs] of rows) {
    it(name, () => assert.deepEqual(brokerLife(watches), { heardMs, failedMs }));
  }
});
