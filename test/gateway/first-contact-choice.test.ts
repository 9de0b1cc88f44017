import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AcceptedIdentities } from '../../src/gateway/accepted-identities.ts';
import {
  type ArrivalQuestion,
  afterClose,
  afterContact,
  afterRefusal,
  chooseAfterClose,
  chooseAtArrival,
  contactRank,
  isMetered,
  isTurnedAway,
  openReception,
  type Reception,
  type RetryQuestion,
  retryMs,
  uncontacted,
  type Waiting,
} from '../../src/gateway/first-contact-choice.ts';

const terms = { refusedAfterCloses: 3, refusedAfterMs: 10_000 };

function receive(outcomes: readonly boolean[], everyMs = 1, from: Reception = openReception): Reception {
  return outcomes.reduce((reception, wasClosed) => afterContact(reception, wasClosed, reception.atMs + everyMs), from);
}

const times = (count: number, wasClosed: boolean) => Array.from({ length: count }, () => wasClosed);

describe('how a broker receives who is not known to be accepted', () => {
  it('is metered from the fifth close in a row, and open again behind 22 acceptances', () => {
    const four = receive(times(4, true));
    assert.equal(isMetered(four, four.atMs), false);
    const five = receive([true], 1, four);
    assert.equal(isMetered(five, five.atMs), true);
    const all = receive(times(500, true));
    const nearly = receive(times(21, false), 1, all);
    assert.equal(isMetered(nearly, nearly.atMs), true);
    const enough = receive([false], 1, nearly);
    assert.equal(isMetered(enough, enough.atMs), false);
  });

  it('stays open where a registered fleet comes back with one new device in a hundred', () => {
    let reception = openReception;
    for (let device = 0; device < 10_000; device += 1) {
      reception = afterContact(reception, device % 100 === 0, device * 2);
      assert.equal(isMetered(reception, device * 2), false);
    }
  });

  it('is open again in silence, so that nobody is metered for ever', () => {
    const { atMs, ...rest } = receive(times(500, true));
    const reception = { atMs, ...rest };
    assert.equal(isMetered(reception, atMs + 19_000), true);
    assert.equal(isMetered(reception, atMs + 21_000), false);
  });

  it('keeps a share between 0 and 1 whatever comes, and steps back in time count as none', () => {
    const contacts = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -10_000, max: 100_000 })));
    fc.assert(
      fc.property(contacts, (list) => {
        let reception = openReception;
        let nowMs = 0;
        for (const [wasClosed, stepMs] of list) {
          nowMs += stepMs;
          reception = afterContact(reception, wasClosed, nowMs);
          assert.ok(reception.closedShare >= 0 && reception.closedShare <= 1);
        }
      }),
    );
  });
});

describe('an identity that is closed', () => {
  it('rests longer each time, and is refused only when both closes and time say so', () => {
    let waiting: Waiting | undefined;
    const rests: number[] = [];
    let nowMs = 5;
    for (let close = 0; close < 8; close += 1) {
      waiting = afterClose(waiting, { refusedAfterCloses: 100, refusedAfterMs: 1 }, { nowMs, random: 0 });
      rests.push(waiting.dueMs - nowMs);
      nowMs = waiting.dueMs;
    }
    assert.deepEqual(rests, [1_500, 3_000, 6_000, 12_000, 24_000, 48_000, 60_000, 60_000]);
    const at = (ms: number) => ({ nowMs: ms, random: 0.5 });
    const twice = afterClose(afterClose(undefined, terms, at(0)), terms, at(20_000));
    assert.equal(twice.isRefused, false);
    const early = afterClose(afterClose(afterClose(undefined, terms, at(0)), terms, at(1)), terms, at(9_999));
    assert.equal(early.isRefused, false);
    const thrice = afterClose(twice, terms, at(20_001));
    assert.deepEqual([thrice.isRefused, thrice.dueMs], [true, 20_001 + 1_350_000]);
  });

  it('counts its time from the first close, not from when it was kept waiting for one', () => {
    const first = afterClose(uncontacted(0), terms, { nowMs: 50_000, random: 0 });
    assert.deepEqual([first.firstMs, first.closes], [50_000, 1]);
  });

  it('is refused at once where the broker says so', () => {
    const refused = afterRefusal(undefined, { nowMs: 7, random: 0 });
    assert.deepEqual(refused, { closes: 1, firstMs: 7, isRefused: true, dueMs: 900_007 });
  });

  it('comes before new ones for three closes, and behind them after that', () => {
    assert.deepEqual(
      [0, 1, 3, 4, 100].map((closes) => contactRank({ closes })),
      [1, 0, 0, 2, 2],
    );
  });
});

const arrival: ArrivalQuestion = {
  ...{ isAccepted: false, waiting: undefined, isMetered: false, hasSource: true },
  nowMs: 1_000,
};
const resting: Waiting = { closes: 1, firstMs: 0, dueMs: 2_000, isRefused: false };
const rested: Waiting = { ...resting, dueMs: 900 };

describe('a CONNECT for a broker that may not know its device', () => {
  const rows: readonly (readonly [string, Partial<ArrivalQuestion>, ReturnType<typeof chooseAtArrival>])[] = [
    ['an unknown one, open', {}, 'dial'],
    ['an unknown one, metered', { isMetered: true }, 'source'],
    ['an unknown one, metered, without a source', { isMetered: true, hasSource: false }, 'line'],
    ['an accepted one, metered', { isMetered: true, isAccepted: true }, 'dial'],
    ['closed just now', { waiting: resting }, 'source'],
    ['closed just now, without a source', { waiting: resting, hasSource: false }, 'dial'],
    ['closed a while ago', { waiting: rested }, 'dial'],
    ['closed a while ago, metered', { waiting: rested, isMetered: true }, 'source'],
    ['never asked for, open again', { waiting: uncontacted(999) }, 'dial'],
    ['refused', { waiting: { ...resting, isRefused: true } }, 'source'],
    ['refused a quarter of an hour ago', { waiting: { ...rested, isRefused: true } }, 'dial'],
  ];
  for (const [name, question, choice] of rows) {
    it(`${name}: ${choice}`, () => assert.equal(chooseAtArrival({ ...arrival, ...question }), choice));
  }
});

const retry: RetryQuestion = {
  ...{ closes: 1, elapsedMs: 100, patienceMs: 9_000, retries: 2 },
  ...{ isMetered: false, hasSource: true, isHome: false },
};

describe('a CONNECT that was closed', () => {
  const rows: readonly (readonly [string, Partial<RetryQuestion>, ReturnType<typeof chooseAfterClose>])[] = [
    ['the first time', {}, 'again'],
    ['as often as it may be', { closes: 2 }, 'again'],
    ['once more', { closes: 3 }, 'elsewhere'],
    ['while the broker is metered', { isMetered: true }, 'elsewhere'],
    ['without retries', { retries: 0 }, 'elsewhere'],
    ['so late that the source would have no time', { elapsedMs: 3_401 }, 'elsewhere'],
    ['where its session is', { closes: 9, isMetered: true, isHome: true }, 'again'],
    ['where its session is, late', { isHome: true, elapsedMs: 3_401 }, 'elsewhere'],
    ['without a source', { closes: 9, isMetered: true, hasSource: false, elapsedMs: 6_800 }, 'again'],
    ['without a source, at the end', { hasSource: false, elapsedMs: 6_801 }, 'elsewhere'],
  ];
  for (const [name, question, choice] of rows) {
    it(`${name}: ${choice}`, () => assert.equal(chooseAfterClose({ ...retry, ...question }), choice));
  }

  it('never begins to wait behind the patience of its device, and leaves the source half of it', () => {
    const question = fc.record({
      ...{ closes: fc.integer({ min: 1, max: 10 }), elapsedMs: fc.integer({ min: 0, max: 20_000 }) },
      ...{ patienceMs: fc.integer({ min: 1, max: 20_000 }), retries: fc.integer({ min: 0, max: 5 }) },
      ...{ isMetered: fc.boolean(), hasSource: fc.boolean(), isHome: fc.boolean() },
    });
    fc.assert(
      fc.property(question, (asked) => {
        if (chooseAfterClose(asked) === 'elsewhere') return;
        assert.ok(asked.elapsedMs + retryMs <= asked.patienceMs * (asked.hasSource ? 0.5 : 1));
      }),
    );
  });
});

describe('a repair whose home closes its CONNECTs', () => {
  it('is told from one whose home is away by closes in a row, and by others that it accepts, or by time', () => {
    const known = { closes: 3, acceptsOthers: true, isBehindRepair: false };
    assert.equal(isTurnedAway(known), true);
    assert.equal(isTurnedAway({ ...known, closes: 2 }), false);
    assert.equal(isTurnedAway({ ...known, acceptsOthers: false }), false);
    assert.equal(isTurnedAway({ ...known, acceptsOthers: false, isBehindRepair: true }), true);
  });
});

describe('the identities that a broker accepted', () => {
  it('are bounded, those used last are kept, and one can be forgotten', () => {
    const accepted = new AcceptedIdentities(10);
    for (let identity = 0; identity < 1_000; identity += 1) {
      accepted.add(identity);
      assert.ok(accepted.size <= 10);
      assert.equal(accepted.has(0), true, `${identity}`);
    }
    for (const identity of [996, 997, 998, 999]) assert.equal(accepted.has(identity), true);
    assert.equal(accepted.has(500), false);
    accepted.delete(0);
    assert.equal(accepted.has(0), false);
  });
});
