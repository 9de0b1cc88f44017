import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from '../../src/dns/answer.ts';
import { renderImage } from '../../src/dns/answer-image.ts';
import { createAnswerWriter } from '../../src/dns/answer-writer.ts';
import { readQuery } from '../../src/dns/question-reader.ts';
import { recordType } from '../../src/dns/record-type.ts';
import { readAnswer } from './answer-reading.ts';
import { nameOf, queryFor, uint16 } from './query-bytes.ts';
import { answerOf, recordSet, soaSet } from './small-source.ts';

const write = createAnswerWriter();
const address = (last: number) => Buffer.of(192, 0, 2, last);

function written(name: string, type: number, answer: Partial<Answer>): Buffer {
  return Buffer.from(write({ name: nameOf(name), type }, answerOf(answer)).bytes);
}

function rendered(name: string, type: number, answer: Partial<Answer>, limit: number) {
  const message = queryFor(name, type);
  const query = readQuery(message);
  assert.ok(query !== undefined);
  const image = write({ name: nameOf(name), type }, answerOf(answer));
  return readAnswer(renderImage(image, { query, message, limit, opt: undefined }));
}

/** What stands behind the question. */
function records(message: Buffer, name: string): string {
  return message.subarray(12 + nameOf(name).length + 4).toString('hex');
}

describe('compression', () => {
  test('points from owners to the question, from data to owners, and to what data ended in', () => {
    const name = 'example.com.';
    const bytes = written(name, recordType.MX, {
      answer: [
        recordSet(name, recordType.MX, Buffer.concat([uint16(10), nameOf('mail.example.com.')])),
        recordSet('a.mail.example.com.', recordType.NS, nameOf('ns.a.mail.example.com.')),
      ],
    });
    // The question's name stands at 12, the first record at 29, its data at 41, so that mail. stands at 43.
    const first = 'c00c000f00010000012c0009000a046d61696cc00c';
    // The second record's owner stands at 50.
    const second = '0161c02b000200010000012c0005026e73c032';
    assert.equal(records(bytes, name), first + second);
  });

  test('compares without case', () => {
    const name = 'example.com.';
    const bytes = written(name, recordType.NS, {
      answer: [recordSet('EXAMPLE.com.', recordType.NS, nameOf('NS.Example.COM.'))],
    });
    assert.equal(records(bytes, name), 'c00c000200010000012c0005024e53c00c');
  });

  test('writes both names of SOA, and the numbers behind them', () => {
    const bytes = written('nx.example.com.', recordType.A, { rcode: 3, authority: [soaSet] });
    const expected =
      'c00f000600010000012c0022036e7331c00f0561646d696ec00f0000000100000e100000025800015180' + '0000003c';
    assert.equal(records(bytes, 'nx.example.com.'), expected);
  });

  test('leaves the data of types younger than RFC 1035 as it is (RFC 3597 section 4)', () => {
    const name = 'example.com.';
    const data = Buffer.concat([Buffer.alloc(6), nameOf('srv.example.com.')]);
    for (const type of [recordType.SRV, recordType.DNAME, recordType.RP, recordType.SVCB, recordType.TXT]) {
      const bytes = written(name, type, { answer: [recordSet(name, type, data)] });
      assert.equal(records(bytes, name).slice(24), data.toString('hex'));
    }
  });

  test('leaves data that is no name as it is', () => {
    const name = 'example.com.';
    for (const data of [Buffer.of(5, 1), Buffer.of(), Buffer.of(0xc0, 12), Buffer.of(64, 1, 0)]) {
      const bytes = written(name, recordType.NS, { answer: [recordSet(name, recordType.NS, data)] });
      assert.equal(records(bytes, name).slice(24), data.toString('hex'));
    }
  });

  test('never points further than 14 bits reach', () => {
    const filler = recordSet(
      'example.com.',
      recordType.TXT,
      ...Array.from({ length: 70 }, () => Buffer.alloc(250, 0x61)),
    );
    const late = recordSet(
      'late.example.com.',
      recordType.NS,
      nameOf('far.late.example.com.'),
      nameOf('far.late.example.com.'),
    );
    const read = rendered('example.com.', recordType.TXT, { answer: [filler, late] }, 65_535);
    assert.ok(filler.rdatas.length * 250 > 0x4000);
    assert.deepEqual(
      read.answers.slice(70).map(({ owner }) => owner),
      ['late.example.com.', 'late.example.com.'],
    );
    assert.equal(read.answers[71]?.rdata.toString('latin1', 0, 10), '\x03far\x04late\xc0');
  });
});

describe('an answer that does not fit', () => {
  const name = 'example.com.';
  const glue = (owner: string, last: number) => recordSet(owner, recordType.A, address(last));

  test('loses whole record sets from its end', () => {
    const sets = [
      recordSet(name, recordType.A, address(1), address(2)),
      recordSet('b.example.com.', recordType.A, address(3), address(4)),
      recordSet('c.example.com.', recordType.A, address(5)),
    ];
    const questionEnd = 12 + 13 + 4;
    const ends = [questionEnd, questionEnd + 32, questionEnd + 32 + 34, questionEnd + 32 + 34 + 18];
    const counts = [0, 2, 4, 5];
    for (let limit = questionEnd; limit <= 140; limit += 1) {
      const kept = ends.findLastIndex((end) => end <= limit);
      const read = rendered(name, 1, { answer: sets }, limit);
      assert.equal(read.answers.length, counts[kept], `${limit}`);
      assert.equal(read.flags.includes('tc'), kept < 3, `${limit}`);
    }
  });

  test('loses additional data first, and is not truncated by that', () => {
    const answer = [recordSet(name, recordType.MX, Buffer.concat([uint16(1), nameOf('m.example.com.')]))];
    const additional = [glue('m.example.com.', 1), glue('n.example.com.', 2)];
    const whole = rendered(name, recordType.MX, { answer, additional }, 512);
    assert.equal(whole.additionals.length, 2);
    const less = rendered(name, recordType.MX, { answer, additional }, 70);
    assert.equal(less.additionals.length, 1);
    assert.equal(less.flags, 'qr aa rd');
  });

  test('of a referral is truncated when glue is missing (RFC 9471)', () => {
    const authority = [recordSet('sub.example.com.', recordType.NS, nameOf('ns.sub.example.com.'))];
    const additional = [glue('ns.sub.example.com.', 1)];
    const referral = { authoritative: false, authority, additional };
    assert.equal(rendered('sub.example.com.', 1, referral, 512).flags, 'qr rd');
    const cut = rendered('sub.example.com.', 1, referral, 60);
    assert.equal(cut.flags, 'qr tc rd');
    assert.equal(cut.authorities.length, 1);
    assert.equal(cut.additionals.length, 0);
  });

  test('without its authority section is truncated', () => {
    assert.equal(rendered('nx.example.com.', 1, { rcode: 3, authority: [soaSet] }, 40).flags, 'qr aa tc rd');
  });

  test('of more than 65535 octets is cut for TCP too', () => {
    const big = (owner: string) =>
      recordSet(owner, recordType.TXT, ...Array.from({ length: 130 }, () => Buffer.alloc(252, 1)));
    const answer = [big(name), big('b.example.com.'), big('c.example.com.')];
    const read = rendered(name, recordType.TXT, { answer }, 65_535);
    assert.equal(read.answers.length, 130);
    assert.ok(read.flags.includes('tc'));
    const fits = rendered(name, recordType.TXT, { answer: answer.slice(0, 1), additional: answer.slice(1) }, 65_535);
    assert.ok(!fits.flags.includes('tc'));
    const one = recordSet(name, recordType.NULL, Buffer.alloc(65_535));
    assert.ok(rendered(name, recordType.NULL, { answer: [one] }, 65_535).flags.includes('tc'));
  });
});
