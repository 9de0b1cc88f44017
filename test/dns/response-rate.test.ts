import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createServerCookies } from '../../src/dns/cookie.ts';
import { createResponder, type MessageFate } from '../../src/dns/responder.ts';
import { createResponseRate, type RateVerdict, type ResponseRateOptions } from '../../src/dns/response-rate.ts';
import { createWindowTable } from '../../src/dns/window-table.ts';
import { readAnswer } from './answer-reading.ts';
import { option, queryFor } from './query-bytes.ts';
import { createSmallSource } from './small-source.ts';

const victim = Buffer.of(192, 0, 2, 1);

interface Flood {
  readonly perSecond: number;
  readonly queryOctets: number;
  readonly answerOctets: number;
  /** How many different answers are asked for in turn. */
  readonly classes: number;
  readonly seconds: number;
}

/** Octets in and out of every second of a flood in the name of one network. */
function flood(options: Partial<ResponseRateOptions>, form: Flood): readonly { in: number; out: number }[] {
  const rate = createResponseRate({ seed: 1, ...options });
  const seconds = Array.from({ length: form.seconds }, () => ({ in: 0, out: 0 }));
  for (let index = 0; index < form.perSecond * form.seconds; index += 1) {
    const nowMs = 5_000_000 + (index * 1_000) / form.perSecond;
    const second = seconds[Math.floor(index / form.perSecond)];
    if (second === undefined) break;
    const asker = Buffer.of(192, 0, 2, index % 256);
    const { queryOctets, answerOctets } = form;
    const slipOctets = queryOctets;
    const verdict = rate.judge(
      asker,
      { queryOctets, answerOctets, slipOctets, answerClass: index % form.classes },
      nowMs,
    );
    second.in += queryOctets;
    second.out += { answer: answerOctets, slip: slipOctets, drop: 0 }[verdict];
  }
  return seconds;
}

function judgeMany(
  count: number,
  options: Partial<ResponseRateOptions>,
  answerClass = (_: number) => 0,
): RateVerdict[] {
  const rate = createResponseRate({ seed: 1, ...options });
  const answer = { queryOctets: 40, answerOctets: 60, slipOctets: 40 };
  return Array.from({ length: count }, (_, index) =>
    rate.judge(victim, { ...answer, answerClass: answerClass(index) }, 1_000 + index / 10),
  );
}

function count(verdicts: readonly RateVerdict[], verdict: RateVerdict): number {
  return verdicts.filter((each) => each === verdict).length;
}

describe('a flood in the name of one network', () => {
  const formsOf = {
    perSecond: fc.integer({ min: 800, max: 8_000 }),
    queryOctets: fc.integer({ min: 28, max: 120 }),
    answerOctets: fc.integer({ min: 28, max: 1_232 }),
    classes: fc.constantFrom(1, 2, 50, 100_000),
    seconds: fc.constant(4),
  };
  const forms = fc.record(formsOf);

  test('is not amplified after its first second, whatever it asks for', () => {
    fc.assert(
      fc.property(forms, fc.constantFrom(0, 1, 2, 3), (form, slip) => {
        const [first, ...later] = flood({ slip }, form);
        for (const second of later) assert.ok(second.out <= second.in, JSON.stringify({ form, second }));
        const slips = first === undefined || slip === 0 ? 0 : first.in / slip;
        assert.ok(first !== undefined && first.out <= Math.max(first.in, 16_384 + slips));
      }),
      { numRuns: 60 },
    );
  });

  test('that is below the free octets gets no more than those after its first second, slips included', () => {
    const slow = fc.record({ ...formsOf, perSecond: fc.integer({ min: 1, max: 600 }) });
    fc.assert(
      fc.property(slow, fc.constantFrom(0, 1, 2, 3), (form, slip) => {
        const [, ...later] = flood({ slip }, form);
        const most = 16_384 + form.queryOctets;
        for (const second of later)
          assert.ok(second.out <= Math.max(second.in, most), JSON.stringify({ form, second }));
      }),
      { numRuns: 100 },
    );
  });

  test('is not amplified at any moment after its first second', () => {
    const rate = createResponseRate({ seed: 9 });
    let [inward, outward] = [0, 0];
    for (let index = 0; index < 40_000; index += 1) {
      const nowMs = 700 + index / 10;
      const verdict = rate.judge(
        victim,
        { queryOctets: 45, answerOctets: 900, slipOctets: 45, answerClass: index },
        nowMs,
      );
      if (nowMs < 1_700) continue;
      inward += 45;
      outward += { answer: 900, slip: 45, drop: 0 }[verdict];
      assert.ok(outward <= inward, `after ${nowMs - 700} ms`);
    }
    assert.ok(outward > 0);
  });

  test('leaves other networks alone', () => {
    const rate = createResponseRate({ seed: 3 });
    const answer = { queryOctets: 40, answerOctets: 500, slipOctets: 40, answerClass: 1 };
    for (let index = 0; index < 5_000; index += 1) rate.judge(victim, answer, 1_000);
    assert.notEqual(rate.judge(Buffer.of(192, 0, 2, 200), answer, 1_000), 'answer');
    assert.equal(rate.judge(Buffer.of(192, 0, 3, 1), answer, 1_000), 'answer');
    const six = (last: number, third: number) => Buffer.of(0x20, 1, 0xd, 0xb8, 0, 0, third, last, ...Buffer.alloc(8));
    for (let index = 0; index < 5_000; index += 1) rate.judge(six(index % 256, 1), answer, 1_000);
    assert.notEqual(rate.judge(six(7, 1), answer, 1_000), 'answer');
    assert.equal(rate.judge(six(7, 2), answer, 1_000), 'answer');
  });

  test('is forgotten a second after it ends', () => {
    const rate = createResponseRate({ seed: 3 });
    const answer = { queryOctets: 40, answerOctets: 500, slipOctets: 40, answerClass: 1 };
    for (let index = 0; index < 5_000; index += 1) rate.judge(victim, answer, 1_000);
    assert.equal(rate.judge(victim, answer, 3_000), 'answer');
  });
});

describe('what is held back', () => {
  test('is nothing of a usual resolver', () => {
    const verdicts = judgeMany(250, {}, (index) => index);
    assert.equal(count(verdicts, 'answer'), 250);
  });

  test('of a busy resolver goes out as TC every second time, also where answers have taken all room', () => {
    const rate = createResponseRate({ seed: 7 });
    const verdicts = Array.from({ length: 5 * 127 }, (_, index) =>
      rate.judge(
        victim,
        { queryOctets: 45, answerOctets: 167, slipOctets: 45, answerClass: index },
        10_000 + (index * 1_000) / 127,
      ),
    );
    const [slips, drops] = [count(verdicts, 'slip'), count(verdicts, 'drop')];
    assert.ok(slips > 50 && Math.abs(slips - drops) <= 1, `${slips} slips, ${drops} drops`);
    assert.ok(count(verdicts, 'answer') >= 5 * 75);
  });

  test('is what repeats itself, at the given number of times a second', () => {
    const verdicts = judgeMany(200, { sameAnswersPerSecond: 30 });
    assert.equal(count(verdicts, 'answer'), 30);
    assert.equal(
      verdicts.slice(0, 30).every((verdict) => verdict === 'answer'),
      true,
    );
  });

  test('goes out as TC every so manieth time', () => {
    const after = (slip: number) => judgeMany(200, { sameAnswersPerSecond: 100, slip }).slice(100);
    assert.equal(count(after(0), 'slip'), 0);
    assert.equal(count(after(1), 'slip'), 100);
    assert.equal(count(after(2), 'slip'), 50);
    assert.equal(count(after(4), 'slip'), 25);
  });

  test('is judged anew when the clock steps back', () => {
    const rate = createResponseRate({ seed: 3, sameAnswersPerSecond: 1 });
    const answer = { queryOctets: 40, answerOctets: 50, slipOctets: 40, answerClass: 1 };
    assert.equal(rate.judge(victim, answer, 50_000), 'answer');
    assert.notEqual(rate.judge(victim, answer, 50_000), 'answer');
    assert.equal(rate.judge(victim, answer, 10_000), 'answer');
  });
});

describe('a table of windows', () => {
  const options = { rows: 8, columns: 1, inUseMs: 1_000 } as const;

  test('lets hashes share a row rather than forget one that is in use', () => {
    const table = createWindowTable({ ...options, whenFull: 'share' });
    const rows = new Set<number>();
    for (let hash = 0; hash < 100; hash += 1) {
      const row = table.rowOf(hash * 2, 1_000);
      if (!table.isCurrent(row, 1_000, 1_000)) table.restart(row, 1_000);
      table.add(row, 0, 1);
      rows.add(row);
    }
    assert.equal(rows.size, 4);
    const total = [...rows].reduce((sum, row) => sum + table.valueAt(row, 0), 0);
    assert.equal(total, 100);
    assert.equal(table.valueAt(table.rowOf(2, 1_000), 0) > 0, true);
  });

  test('gives rows that are not in use to others', () => {
    const table = createWindowTable({ ...options, whenFull: 'share' });
    const first = table.rowOf(2, 1_000);
    table.restart(first, 1_000);
    table.add(first, 0, 5);
    for (let hash = 2; hash < 12; hash += 1) table.restart(table.rowOf(hash * 2, 3_000 + hash), 3_000 + hash);
    assert.equal(table.valueAt(table.rowOf(2, 3_000), 0), 0);
  });

  test('replaces the row begun first where it must not share', () => {
    const table = createWindowTable({ ...options, whenFull: 'replace' });
    const rowsByHash = [2, 4, 6, 8, 10].map((hash, index) => {
      const row = table.rowOf(hash, 1_000);
      table.restart(row, 1_000 + index);
      table.add(row, 0, hash);
      return row;
    });
    assert.equal(rowsByHash[4], rowsByHash[0]);
    assert.equal(table.valueAt(rowsByHash[4] ?? 0, 0), 10);
    assert.equal(table.valueAt(rowsByHash[3] ?? 0, 0), 8);
  });
});

describe('a responder with a limiter', () => {
  const nowMs = 1_700_000_000_000;
  const udp = { address: victim, transport: 'udp' } as const;

  function subject(options: Partial<ResponseRateOptions> = {}) {
    const fates: MessageFate[] = [];
    const source = createSmallSource();
    const responder = createResponder({
      cookies: createServerCookies([Buffer.alloc(16, 1)]),
      rate: createResponseRate({ seed: 5, sameAnswersPerSecond: 2, slip: 1, ...options }),
      observe: (_type, _rcode, fate) => fates.push(fate),
    });
    const respond = (message: Uint8Array, asker: Parameters<typeof responder>[1] = udp) =>
      responder(message, asker, nowMs, source);
    return { respond, fates };
  }

  test('sends TC without records in the place of what is held back, no larger than the query', () => {
    const { respond, fates } = subject();
    const message = queryFor('www.example.com.', 1, { options: [option(3), option(8, Buffer.of(0, 1, 8, 0, 1))] });
    const answers = [1, 2, 3].map(() => respond(message));
    const slip = readAnswer(answers[2] ?? Buffer.alloc(0));
    assert.equal(slip.flags, 'qr aa tc rd');
    assert.equal(slip.answers.length, 0);
    assert.deepEqual(slip.opt?.options, {});
    assert.ok((answers[2]?.length ?? 0) <= message.length);
    assert.deepEqual(fates, ['answered', 'answered', 'slipped']);
  });

  test('is silent for the rest', () => {
    const { respond, fates } = subject({ slip: 0 });
    for (let index = 0; index < 3; index += 1) respond(queryFor('www.example.com.'));
    assert.equal(fates[2], 'dropped');
    assert.equal(respond(queryFor('www.example.com.')), undefined);
  });

  test('gives BADCOOKIE to a client cookie, and everything to the server cookie that came with it', () => {
    const { respond } = subject();
    const message = queryFor('www.example.com.', 1, { options: [option(10, 'abcdefgh')] });
    const answers = [1, 2, 3, 4].map(() => readAnswer(respond(message) ?? Buffer.alloc(12)));
    const refused = answers.find(({ rcode }) => rcode === 23);
    assert.equal(refused?.flags, 'qr rd');
    const cookie = Buffer.from(refused?.opt?.options[10] ?? '', 'hex');
    assert.equal(cookie.length, 24);
    for (let index = 0; index < 50; index += 1) {
      const answer = respond(queryFor('www.example.com.', 1, { options: [option(10, cookie)] }));
      assert.equal(readAnswer(answer ?? Buffer.alloc(12)).answers.length, 1);
    }
    const foreign = { address: Buffer.of(192, 0, 2, 9), transport: 'udp' } as const;
    const stolen = respond(queryFor('www.example.com.', 1, { options: [option(10, cookie)] }), foreign);
    assert.notEqual(readAnswer(stolen ?? Buffer.alloc(12)).answers.length, 1);
  });

  test('does not limit TCP', () => {
    const { respond } = subject();
    for (let index = 0; index < 50; index += 1) {
      const answer = respond(queryFor('www.example.com.'), { ...udp, transport: 'tcp' });
      assert.equal(readAnswer(answer ?? Buffer.alloc(12)).answers.length, 1);
    }
  });

  test('counts all names that do not exist in a zone as one, and all refusals', () => {
    const { respond, fates } = subject();
    for (let index = 0; index < 3; index += 1) respond(queryFor(`n${index}.example.com.`, index + 1));
    for (let index = 0; index < 3; index += 1) respond(queryFor(`n${index}.example.org.`));
    for (let index = 0; index < 3; index += 1) respond(queryFor(`n${index}.example.org.`, 252));
    const each = ['answered', 'answered', 'slipped'];
    assert.deepEqual(fates, [...each, ...each, ...each]);
  });
});
