import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import fc from 'fast-check';
import { type DeadlineHolder, SessionDeadlines } from '../../src/gateway/session-deadlines.ts';

let nowMs = 0;
const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };

beforeEach(() => {
  nowMs = 0;
  mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
});

afterEach(() => mock.timers.reset());

function travel(milliseconds: number): void {
  for (let left = milliseconds; left > 0; ) {
    const step = Math.min(left, 5);
    nowMs += step;
    left -= step;
    mock.timers.tick(step);
    // The sweep comes a turn after its timer.
    mock.timers.tick(0);
  }
}

class Holder implements DeadlineHolder {
  deadlineMs: number;
  looks = 0;
  readonly handledAtMs: number[] = [];

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }

  nextDeadlineMs(): number {
    this.looks += 1;
    return this.deadlineMs;
  }

  handleDeadline(atMs: number): void {
    this.handledAtMs.push(atMs);
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }
}

describe('SessionDeadlines', () => {
  it('calls a session at its deadline and not before, near ones to some milliseconds', () => {
    const deadlines = new SessionDeadlines(clock);
    const [near, far] = [new Holder(100), new Holder(60_000)];
    for (const holder of [far, near]) deadlines.schedule(holder);
    travel(99);
    assert.deepEqual(near.handledAtMs, []);
    travel(11);
    assert.equal(near.handledAtMs.length, 1);
    travel(59_800);
    assert.deepEqual(far.handledAtMs, []);
    travel(400);
    assert.equal(far.handledAtMs.length, 1);
    assert.equal(deadlines.size, 0);
  });

  it('looks at a session whose deadline moves on once per deadline, however busy it is', () => {
    const deadlines = new SessionDeadlines(clock);
    const holder = new Holder(90_000);
    deadlines.schedule(holder);
    const before = holder.looks;
    for (let second = 0; second < 600; second += 1) {
      travel(1_000);
      holder.deadlineMs = nowMs + 90_000;
    }
    assert.deepEqual(holder.handledAtMs, []);
    assert.ok(holder.looks - before <= 2 * 7, `${holder.looks - before} looks in ten minutes`);
  });

  it('brings a session forward, and forgets one that is removed', () => {
    const deadlines = new SessionDeadlines(clock);
    const [moved, removed] = [new Holder(60_000), new Holder(1_000)];
    for (const holder of [moved, removed]) deadlines.schedule(holder);
    moved.deadlineMs = 50;
    deadlines.schedule(moved);
    deadlines.remove(removed);
    travel(2_000);
    assert.equal(moved.handledAtMs.length, 1);
    assert.deepEqual(removed.handledAtMs, []);
    assert.equal(deadlines.size, 0);
  });

  it('gives a session whose deadline stays in the past its turn again and again, and the others theirs', () => {
    const deadlines = new SessionDeadlines(clock);
    const stuck = new Holder(10);
    stuck.handleDeadline = (atMs) => void stuck.handledAtMs.push(atMs);
    const other = new Holder(20);
    for (const holder of [stuck, other]) deadlines.schedule(holder);
    travel(100);
    assert.ok(stuck.handledAtMs.length > 2);
    assert.equal(other.handledAtMs.length, 1);
  });

  it('calls everybody in time, whatever moves (property)', () => {
    const steps = fc.array(
      fc.record({
        holder: fc.nat(9),
        inMs: fc.integer({ min: 1, max: 5_000 }),
        waitMs: fc.integer({ min: 1, max: 700 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (plan) => {
        const deadlines = new SessionDeadlines(clock);
        const holders = Array.from({ length: 10 }, () => new Holder(Number.POSITIVE_INFINITY));
        const dueMs = new Map<Holder, number>();
        for (const { holder: index, inMs, waitMs } of plan) {
          const holder = holders[index] as Holder;
          holder.deadlineMs = nowMs + inMs;
          holder.handledAtMs.length = 0;
          dueMs.set(holder, holder.deadlineMs);
          deadlines.schedule(holder);
          travel(waitMs);
          for (const [other, due] of dueMs) {
            const [at] = other.handledAtMs;
            if (at !== undefined) assert.ok(at >= due, `called at ${at} for ${due}`);
            else assert.ok(nowMs <= due + 260, `not called at ${nowMs} for ${due}`);
          }
        }
        deadlines.close();
      }),
      { numRuns: 100 },
    );
  });
});
