import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BridgeFigures } from './bridge-process.ts';
import { failureKinds, planFailures } from './failure-plan.ts';
import { Hearing } from './hearing.ts';
import type { MadeFailure, SideFindings, SoakFindings } from './soak-run.ts';
import { parseMessage, payloadOf } from './traffic-plan.ts';
import { judgeSoak } from './verdict.ts';

const calmBridge: BridgeFigures = {
  ...{ spooled: 0, deadLetters: 0, lanes: 2, openLanes: 2, members: 2, subscribedMembers: 2 },
  ...{ messages: {}, sessionsLost: 0, stopped: 0 },
};
const failure: MadeFailure = {
  ...{ kind: 'kill-bridge', atMs: 10_000, lastsMs: 1_000 },
  ...{ beganMs: 110_000, mendedMs: 111_000, recoveredMs: 113_000 },
};
const fine: SideFindings = {
  figures: { published: 9, acknowledged: 9, refused: 0, pending: 0, heard: 9, stalls: 0 },
  report: { count: 9, disorders: [], disorderCount: 0, duplicatesMs: [], delays: {}, cameBack: 0 },
  missing: [],
};
const clean: SoakFindings = {
  ...{ world: 'mosquitto', beganMs: 100_000, endedMs: 200_000, failures: [failure] },
  sides: { legacy: fine, target: fine },
  ...{ bridge: calmBridge, bridgeStarts: 2, deadLetterBytes: 0, exitCode: 0 },
  sizes: [
    { atMs: 90_000, start: 0, isCalm: true, rssMiB: 300, descriptors: 90 },
    { atMs: 100_000, start: 1, isCalm: true, rssMiB: 50, descriptors: 10 },
    { atMs: 159_000, start: 1, isCalm: false, rssMiB: 60, descriptors: 12 },
    { atMs: 160_000, start: 1, isCalm: true, rssMiB: 100, descriptors: 30 },
    { atMs: 200_000, start: 1, isCalm: true, rssMiB: 110, descriptors: 32 },
  ],
};

function failed(change: Partial<SoakFindings>): readonly string[] {
  return judgeSoak({ ...clean, ...change })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
}

function atLegacy(change: Partial<SideFindings['report']>): Partial<SoakFindings> {
  return { sides: { legacy: { ...fine, report: { ...fine.report, ...change } }, target: fine } };
}

const late = (atMs: number) => atLegacy({ disorderCount: 1, disorders: [{ key: 1, number: 2, behind: 3, atMs }] });

describe('judgeSoak', () => {
  test('fails nothing where nothing went wrong', () => assert.deepEqual(failed({}), []));

  test('a duplicate belongs to a failure from its beginning to five seconds behind its recovery', () => {
    const name = 'legacy: duplicates only around failures';
    assert.deepEqual(failed(atLegacy({ duplicatesMs: [110_000, 112_000, 118_000] })), []);
    assert.deepEqual(failed(atLegacy({ duplicatesMs: [109_999] })), [name]);
    assert.deepEqual(failed(atLegacy({ duplicatesMs: [118_001] })), [name]);
    assert.deepEqual(failed({ ...atLegacy({ duplicatesMs: [110_000] }), failures: [] }), [name]);
  });

  test('a message that came late fails, but what AWS sent out of order around a failure', () => {
    const name = 'legacy: first deliveries in the order of their key';
    assert.deepEqual(failed(late(112_000)), [name]);
    assert.deepEqual(failed({ ...late(112_000), world: 'aws' }), []);
    assert.deepEqual(failed({ ...late(150_000), world: 'aws' }), [name]);
    const elsewhere: MadeFailure = { ...failure, kind: 'cut-legacy' };
    assert.deepEqual(failed({ ...late(112_000), world: 'aws', failures: [elsewhere] }), [name]);
    const { legacy, target } = late(112_000).sides as SoakFindings['sides'];
    assert.deepEqual(failed({ world: 'aws', sides: { legacy: target, target: legacy } }), [
      'target: first deliveries in the order of their key',
    ]);
  });

  const faults = [
    [
      { sides: { legacy: { ...fine, missing: [{ key: 3, numbers: [7] }] }, target: fine } },
      'legacy: heard every acknowledged message',
    ],
    [
      { sides: { legacy: { ...fine, figures: { ...fine.figures, refused: 1 } }, target: fine } },
      'legacy: every message was acknowledged to its publisher',
    ],
    [
      { sides: { legacy: { ...fine, figures: { ...fine.figures, pending: 1 } }, target: fine } },
      'legacy: every message was acknowledged to its publisher',
    ],
    [atLegacy({ cameBack: 1 }), 'legacy: nothing came back'],
    [{ deadLetterBytes: 1 }, 'no dead letters'],
    [{ bridge: { ...calmBridge, spooled: 1 } }, 'the spools are empty in the end'],
    [{ bridge: { ...calmBridge, stopped: 1 } }, 'no rule was stopped'],
    [{ failures: [{ ...failure, recoveredMs: 171_001 }] }, 'every failure was recovered from'],
    [{ exitCode: 1 }, 'SIGTERM ends the bridge in order'],
    [
      { sizes: [...clean.sizes, { atMs: 200_001, start: 1, isCalm: true, rssMiB: 181, descriptors: 30 }] },
      'the memory of the bridge does not grow',
    ],
    [
      { sizes: [...clean.sizes, { atMs: 200_001, start: 1, isCalm: true, rssMiB: 100, descriptors: 39 }] },
      'its descriptors do not grow',
    ],
  ] as const;
  for (const [change, name] of faults) test(`fails: ${name}`, () => assert.deepEqual(failed(change), [name]));
});

test('Hearing: what is new and behind a later one of its key is late, what is not new is a duplicate', () => {
  const hearing = new Hearing();
  const hear = (key: number, number: number, nowMs: number) =>
    hearing.hear({ side: 'legacy', key, number, madeMs: nowMs - 5 }, nowMs);
  hear(0, 1, 10);
  hear(1, 1, 20);
  hear(0, 3, 30);
  hear(0, 2, 40);
  hear(0, 1, 50);
  const { count, disorders, duplicatesMs } = hearing.report();
  assert.equal(count, 4);
  assert.deepEqual(disorders, [{ key: 0, number: 2, behind: 3, atMs: 40 }]);
  assert.deepEqual(duplicatesMs, [50]);
  assert.deepEqual(hearing.missing([4, 1, 2]), [
    { key: 0, numbers: [4] },
    { key: 2, numbers: [1, 2] },
  ]);
});

test('planFailures: each kind in turn, one in each part of the run, the same for the same seed', () => {
  const options = { count: 20, runMs: 600_000, kinds: failureKinds };
  const plan = planFailures({ ...options, seed: 7 });
  assert.deepEqual(plan, planFailures({ ...options, seed: 7 }));
  assert.notDeepEqual(plan, planFailures({ ...options, seed: 8 }));
  assert.equal(new Set(plan.slice(0, 10).map(({ kind }) => kind)).size, 10);
  for (const [part, { atMs, lastsMs }] of plan.entries()) {
    assert.ok(atMs >= part * 30_000 && atMs + lastsMs <= (part + 1) * 30_000, `part ${part}: ${atMs}, ${lastsMs}`);
  }
});

test('a payload says what it is, and another one is refused', () => {
  const message = { side: 'legacy', key: 12, number: 3, madeMs: 4_000.5 } as const;
  assert.deepEqual(parseMessage('all/g0/k12/legacy', payloadOf(message)), message);
  assert.throws(() => parseMessage('all/g0/k12/elsewhere', payloadOf(message)));
  assert.throws(() => parseMessage('all/g0/k12/legacy', 'something'));
});
