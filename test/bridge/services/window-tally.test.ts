import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CarriedFigures, serviceVerdict } from '../../../src/bridge/services/service-verdict.ts';
import { WindowTally } from '../../../src/bridge/services/window-tally.ts';

function atSource(tally: WindowTally, text: string, more: { qos?: 0 | 1; key?: string; atMs?: number } = {}): void {
  const { qos = 1, key, atMs = 0 } = more;
  tally.hearSource({ topicAtTarget: `dt/${text}`, payload: Buffer.from(text), atMs, qos, key });
}

function atTarget(tally: WindowTally, text: string, atMs = 0): void {
  tally.hearTarget(`dt/${text}`, Buffer.from(text), atMs);
}

describe('a window tally', () => {
  test('counts what came out, whichever side hears it first', () => {
    const tally = new WindowTally();
    atSource(tally, 'a');
    atTarget(tally, 'a');
    atTarget(tally, 'b');
    atSource(tally, 'b');
    const { source, target, missing, duplicates, others } = tally.figures(true);
    assert.deepEqual(
      { source, target, missing, duplicates, others },
      { source: 2, target: 2, missing: 0, duplicates: 0, others: 0 },
    );
    assert.equal(tally.waiting, 0);
  });

  test('equal messages are as many as they are, and no duplicates of each other', () => {
    const tally = new WindowTally();
    for (let count = 0; count < 3; count += 1) atSource(tally, 'same');
    for (let count = 0; count < 2; count += 1) atTarget(tally, 'same');
    assert.deepEqual([tally.figures(true).missing, tally.figures(true).duplicates, tally.waiting], [1, 0, 1]);
    atTarget(tally, 'same');
    atTarget(tally, 'same');
    assert.deepEqual([tally.figures(true).missing, tally.figures(true).duplicates], [0, 1]);
  });

  test('the same payload under another topic is another message', () => {
    const tally = new WindowTally();
    tally.hearSource({ topicAtTarget: 'x', payload: Buffer.from('p'), atMs: 0, qos: 1, key: undefined });
    tally.hearTarget('y', Buffer.from('p'), 0);
    assert.deepEqual(
      [tally.figures(true).missing, tally.figures(true).others, tally.figures(true).missingTopics],
      [1, 1, ['x']],
    );
  });

  test('what comes behind the window only says what a delivery stands for', () => {
    const tally = new WindowTally();
    atSource(tally, 'in');
    tally.close();
    atSource(tally, 'behind');
    atTarget(tally, 'behind');
    const { source, missing, others, duplicates } = tally.figures(true);
    assert.deepEqual([source, missing, others, duplicates], [1, 1, 0, 0]);
  });

  test('with others that get a share nothing is missing, and nothing late', () => {
    const tally = new WindowTally();
    for (const text of ['a', 'b', 'c']) atSource(tally, text);
    atTarget(tally, 'b', 5_000);
    const { target, missing, elsewhere, late, missingTopics } = tally.figures(false);
    assert.deepEqual([target, missing, elsewhere, late, missingTopics], [1, 0, 2, 0, []]);
    assert.equal(tally.figures(true).late, 1);
  });

  test('late, of QoS 0, out of order', () => {
    const tally = new WindowTally();
    for (const [text, key] of [
      ['1', 'k'],
      ['2', 'k'],
      ['3', 'other'],
    ] as const)
      atSource(tally, text, { key });
    atSource(tally, 'nought', { qos: 0 });
    for (const text of ['3', '2']) atTarget(tally, text, 1_000);
    atTarget(tally, '1', 1_001);
    const { late, outOfOrder, missing, missingQos0 } = tally.figures(true);
    assert.deepEqual(
      { late, outOfOrder, missing, missingQos0 },
      { late: 1, outOfOrder: 1, missing: 0, missingQos0: 1 },
    );
    assert.equal(tally.deliveredBetween(999, 1_000), 2);
  });
});

const nothing: CarriedFigures = {
  ...{ received: 0, carried: 0, dropped: 0, deadLetters: 0, echoes: 0, underWay: 0, heard: 0, uncertain: 0 },
};

describe('a verdict', () => {
  const grounds = (texts: readonly string[], heard: readonly string[]) => {
    const tally = new WindowTally();
    for (const text of texts) atSource(tally, text);
    for (const text of heard) atTarget(tally, text);
    return {
      window: tally.figures(true),
      bridge: nothing,
      windowMs: 60_000,
      target: 'aws',
      legacy: 0,
      isOrdered: false,
    };
  };

  test('with no instance left, every message must be there', () => {
    assert.deepEqual(serviceVerdict(grounds(['a', 'b'], ['b', 'a', 'a'])), {
      isComplete: true,
      text: 'all 2 messages of 60 s came out at aws; 1 came twice',
    });
    assert.deepEqual(serviceVerdict(grounds(['a', 'b', 'c'], ['b', 'c'])), {
      isComplete: false,
      text: 'missing 1 of 3 messages at aws, for example on "dt/a"',
    });
  });

  test('a window in which nothing came proves nothing', () => {
    assert.equal(serviceVerdict(grounds([], [])).isComplete, false);
  });

  test('with instances left, the share of the bridge is followed from its members to the target', () => {
    const base = { ...grounds(['a', 'b', 'c'], ['a']), legacy: 2 };
    const judged = (bridge: Partial<CarriedFigures>) => serviceVerdict({ ...base, bridge: { ...nothing, ...bridge } });
    assert.deepEqual(judged({ received: 1, carried: 1, heard: 1 }), {
      isComplete: true,
      text: 'of 3 messages of 60 s the members received 1, carried 1, and 1 came out at aws; 2 instances have the others',
    });
    assert.equal(judged({}).isComplete, false);
    assert.match(judged({ received: 9, carried: 7 }).text, /missing 2 of 9 messages that the members received/);
    assert.equal(judged({ received: 9, carried: 7, heard: 7, underWay: 2 }).isComplete, true);
    assert.match(judged({ received: 9, carried: 9, heard: 6, uncertain: 1 }).text, /missing 2 of 9 carried/);
    assert.equal(judged({ received: 9, carried: 9, heard: 6, uncertain: 3 }).isComplete, true);
    assert.match(judged({ received: 9, carried: 8, heard: 8, deadLetters: 1 }).text, /1 became dead letters/);
  });

  test('order counts where the rule promises it', () => {
    const tally = new WindowTally();
    for (const text of ['1', '2']) atSource(tally, text, { key: 'k' });
    for (const text of ['2', '1']) atTarget(tally, text);
    const of = { ...grounds([], []), window: tally.figures(true) };
    assert.equal(serviceVerdict(of).isComplete, true);
    assert.match(serviceVerdict({ ...of, isOrdered: true }).text, /1 came behind a later one of their key/);
  });
});
