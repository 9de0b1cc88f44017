import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createServerCookies } from '../../src/dns/cookie.ts';
import type { Asker } from '../../src/dns/query-verdict.ts';
import { createQuestionKey, fillQuestionKey } from '../../src/dns/question-key.ts';
import { readQuery } from '../../src/dns/question-reader.ts';
import { createResponder, type MessageFate, type ResponderOptions } from '../../src/dns/responder.ts';
import { type ReadAnswer, readAnswer } from './answer-reading.ts';
import { header, longestName, nameOf, opt, option, queryFor, question, record, tsig, uint16 } from './query-bytes.ts';
import { createSmallSource } from './small-source.ts';

const udp: Asker = { address: Buffer.of(198, 51, 100, 7), transport: 'udp' };
const tcp: Asker = { ...udp, transport: 'tcp' };
const nowMs = 1_700_000_000_000;
const secret = Buffer.alloc(16, 7);

function createSubject(options: Partial<ResponderOptions> = {}) {
  const source = createSmallSource();
  const responder = createResponder({ cookies: createServerCookies([secret]), nsid: Buffer.from('n1'), ...options });
  const respond = (message: Uint8Array, asker = udp, at = nowMs) => responder(message, asker, at, source);
  return { source, respond };
}

function ask(message: Uint8Array, asker: Asker = udp, options: Partial<ResponderOptions> = {}): ReadAnswer {
  const answer = createSubject(options).respond(message, asker);
  assert.ok(answer !== undefined, 'expected an answer, got silence');
  return readAnswer(answer);
}

/** `rcode flags answers/authorities/additionals`, and `+opt` where there is one. */
function summary(answer: ReadAnswer): string {
  const { rcode: code, flags, answers, authorities, additionals, opt: edns } = answer;
  const counts = [answers, authorities, additionals].map(({ length }) => length).join('/');
  return `${code} [${flags}] ${counts}${edns === undefined ? '' : ' +opt'}`;
}

const www = question('www.example.com.');
const ecs = (data: string) => option(8, data);
const extra = record({ type: 1, rdata: Buffer.of(1, 2, 3, 4) });
const join = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);
const withOpt = (...options: readonly Uint8Array[]) => queryFor('www.example.com.', 1, { options });
const opcodeFlags = (code: number, flags = 0) => ({ flags: (code << 11) | flags });

/** Where nothing is said, Knot DNS 3.2.6 gives the same rcode, flags and counts for the same bytes. */
const rows: readonly (readonly [string, Uint8Array, string])[] = [
  ['a plain question', queryFor('www.example.com.'), '0 [qr aa rd] 1/0/0'],
  ['a question with EDNS', queryFor('www.example.com.', 1, {}), '0 [qr aa rd] 1/0/0 +opt'],
  ['a name that does not exist', queryFor('nx.example.com.'), '3 [qr aa rd] 0/1/0'],
  ['a name outside the zones', queryFor('www.example.org.'), '5 [qr rd] 0/0/0'],
  ['additional data', queryFor('example.com.', 15), '0 [qr aa rd] 1/0/1'],
  ['a delegated name', queryFor('sub.example.com.'), '0 [qr rd] 0/1/1'],
  ['no RD', queryFor('www.example.com.', 1, undefined, { flags: 0 }), '0 [qr aa] 1/0/0'],
  ['AA in a query', queryFor('www.example.com.', 1, undefined, { flags: 0x0500 }), '0 [qr aa rd] 1/0/0'],
  ['TC in a query', queryFor('www.example.com.', 1, undefined, { flags: 0x0300 }), '0 [qr aa rd] 1/0/0'],
  ['RA, Z, AD and CD in a query', queryFor('www.example.com.', 1, undefined, { flags: 0x01f0 }), '0 [qr aa rd] 1/0/0'],
  ['an rcode in a query', queryFor('www.example.com.', 1, undefined, { flags: 0x0105 }), '0 [qr aa rd] 1/0/0'],
  ['class ANY', join(header(), question('www.example.com.', 1, 255)), '0 [qr aa rd] 1/0/0'],
  ['class CH', join(header(), question('www.example.com.', 1, 3)), '5 [qr rd] 0/0/0'],
  ['class NONE', join(header(), question('www.example.com.', 1, 254)), '5 [qr rd] 0/0/0'],
  ['class 0', join(header(), question('www.example.com.', 1, 0)), '5 [qr rd] 0/0/0'],
  ['class 65280', join(header(), question('www.example.com.', 1, 65280)), '5 [qr rd] 0/0/0'],
  ['type 0', queryFor('www.example.com.', 0), '4 [qr rd] 0/0/0'],
  ['a private type', queryFor('example.com.', 65280), '0 [qr aa rd] 0/1/0'],
  ['type OPT', queryFor('example.com.', 41), '0 [qr aa rd] 0/1/0'],
  // RFC 9824 section 3.5; Knot does not know the type.
  ['type NXNAME', queryFor('example.com.', 128), '1 [qr rd] 0/0/0'],

  ['no question', header({ questions: 0 }), '1 [qr rd] 0/0/0'],
  ['no question, with EDNS', join(header({ questions: 0, additionals: 1 }), opt()), '1 [qr rd] 0/0/0 +opt'],
  // Knot is silent on the next rows; RFC 9619 and RFC 1035 section 4.1.1 say FORMERR.
  ['two questions', join(header({ questions: 2 }), www, www), '1 [qr rd] 0/0/0'],
  ['65535 questions', join(header({ questions: 65535 }), www), '1 [qr rd] 0/0/0'],
  ['a header that promises a question', header(), '1 [qr rd] 0/0/0'],
  ['a question without class', join(header(), www.subarray(0, -2)), '1 [qr rd] 0/0/0'],
  ['a question without type', join(header(), www.subarray(0, -4)), '1 [qr rd] 0/0/0'],
  ['a pointer to itself', join(header(), Buffer.of(0xc0, 12, 0, 1, 0, 1)), '1 [qr rd] 0/0/0'],
  ['a pointer forwards', join(header(), Buffer.of(0xc0, 18, 0, 1, 0, 1), www), '1 [qr rd] 0/0/0'],
  ['a pointer into the header', join(header(), Buffer.of(0xc0, 0, 0, 1, 0, 1)), '1 [qr rd] 0/0/0'],
  ['a label of 64', join(header(), Buffer.of(64), Buffer.alloc(64, 97), Buffer.of(0, 0, 1, 0, 1)), '1 [qr rd] 0/0/0'],
  ['a name of 256', join(header(), Buffer.of(1, 97), longestName, Buffer.of(0, 1, 0, 1)), '1 [qr rd] 0/0/0'],
  ['a name of 255', join(header(), longestName, Buffer.of(0, 1, 0, 1)), '5 [qr rd] 0/0/0'],

  ['octets behind the message', join(queryFor('www.example.com.'), Buffer.from('xx')), '1 [qr rd] 0/0/0'],
  ['a record that is not there', join(header({ additionals: 65535 }), www), '1 [qr rd] 0/0/0'],
  ['a record cut short', join(header({ additionals: 1 }), www, extra.subarray(0, -1)), '1 [qr rd] 0/0/0'],
  ['a record in the answer section', join(header({ answers: 1 }), www, extra), '0 [qr aa rd] 1/0/0'],
  ['a record in the authority section', join(header({ authorities: 1 }), www, extra), '0 [qr aa rd] 1/0/0'],
  ['a record before OPT', join(header({ additionals: 2 }), www, extra, opt()), '0 [qr aa rd] 1/0/0 +opt'],
  ['a record after OPT', join(header({ additionals: 2 }), www, opt(), extra), '0 [qr aa rd] 1/0/0 +opt'],
  [
    'a record owned by a pointer forwards',
    join(header({ additionals: 1 }), www, record({ owner: Buffer.of(0xc0, 60), type: 1, rdata: Buffer.alloc(40) })),
    '1 [qr rd] 0/0/0',
  ],
  // Knot reads as many as there are; a query has no use for them, and each costs the look at a name.
  ['33 records', join(header({ additionals: 33 }), www, ...Array.from({ length: 33 }, () => extra)), '1 [qr rd] 0/0/0'],
  [
    '32 records',
    join(header({ additionals: 32 }), www, ...Array.from({ length: 32 }, () => extra)),
    '0 [qr aa rd] 1/0/0',
  ],
  [
    'SIG(0)',
    join(header({ additionals: 1 }), www, record({ owner: nameOf('.'), type: 24, class: 255 })),
    '0 [qr aa rd] 1/0/0',
  ],

  // RFC 6891 section 7 wants OPT in the answer to who sent one; Knot leaves it out of FORMERR.
  ['two OPT', join(header({ additionals: 2 }), www, opt(), opt()), '1 [qr rd] 0/0/0 +opt'],
  ['EDNS and octets behind it', join(queryFor('www.example.com.', 1, {}), Buffer.of(0)), '1 [qr rd] 0/0/0 +opt'],
  ['EDNS 1', queryFor('www.example.com.', 1, { version: 1 }), '16 [qr rd] 0/0/0 +opt'],
  ['EDNS 255', queryFor('www.example.com.', 1, { version: 255 }), '16 [qr rd] 0/0/0 +opt'],
  ['EDNS 1 outside the zones', queryFor('www.example.org.', 1, { version: 1 }), '16 [qr rd] 0/0/0 +opt'],
  [
    'EDNS 1 of class CH',
    join(header({ additionals: 1 }), question('a.', 1, 3), opt({ version: 1 })),
    '16 [qr rd] 0/0/0 +opt',
  ],
  // Knot reads options of versions that it does not know.
  [
    'EDNS 1 with other options',
    queryFor('www.example.com.', 1, { version: 1, options: [Buffer.of(1)] }),
    '16 [qr rd] 0/0/0 +opt',
  ],
  // RFC 6891 section 6.1.2; Knot takes any owner.
  ['OPT with an owner', queryFor('www.example.com.', 1, { owner: Buffer.of(1, 97, 0) }), '1 [qr rd] 0/0/0'],
  ['OPT in the answer section', join(header({ answers: 1 }), www, opt()), '1 [qr rd] 0/0/0'],
  ['OPT in the authority section', join(header({ authorities: 1 }), www, opt()), '1 [qr rd] 0/0/0'],
  ['an unknown option', withOpt(option(100, 'x')), '0 [qr aa rd] 1/0/0 +opt'],
  ['padding', withOpt(option(12, Buffer.alloc(64))), '0 [qr aa rd] 1/0/0 +opt'],
  ['an rcode in OPT', queryFor('www.example.com.', 1, { extendedRcode: 7 }), '0 [qr aa rd] 1/0/0 +opt'],
  ['256 options', withOpt(...Array.from({ length: 256 }, () => option(100))), '0 [qr aa rd] 1/0/0 +opt'],
  ['257 options', withOpt(...Array.from({ length: 257 }, () => option(100))), '1 [qr rd] 0/0/0 +opt'],
  ['an option cut short', withOpt(Buffer.of(0, 1, 0)), '1 [qr rd] 0/0/0 +opt'],
  ['an option that is longer than OPT', withOpt(Buffer.of(0, 1, 0, 9, 1)), '1 [qr rd] 0/0/0 +opt'],

  // RFC 7871 section 7.1.2: what is malformed is refused. Knot, where it has no use for the option, does not read it.
  ['a client subnet', withOpt(ecs('\0\x01\x18\0\x01\x02\x03')), '0 [qr aa rd] 1/0/0 +opt'],
  ['a client subnet with a scope', withOpt(ecs('\0\x01\x18\x18\x01\x02\x03')), '1 [qr rd] 0/0/0 +opt'],
  ['a client subnet with an octet too few', withOpt(ecs('\0\x01\x18\0\x01\x02')), '1 [qr rd] 0/0/0 +opt'],
  ['a client subnet with an octet too many', withOpt(ecs('\0\x01\x18\0\x01\x02\x03\x04')), '1 [qr rd] 0/0/0 +opt'],
  ['a client subnet with bits beyond its prefix', withOpt(ecs('\0\x01\x17\0\x01\x02\x03')), '1 [qr rd] 0/0/0 +opt'],
  ['an IPv4 client subnet of 33 bits', withOpt(ecs('\0\x01\x21\0\x01\x02\x03\x04\x80')), '1 [qr rd] 0/0/0 +opt'],
  ['an IPv6 client subnet of 129 bits', withOpt(ecs(`\0\x02\x81\0${'\x01'.repeat(16)}\x80`)), '1 [qr rd] 0/0/0 +opt'],
  ['a client subnet of family 3', withOpt(ecs('\0\x03\x08\0\x01')), '1 [qr rd] 0/0/0 +opt'],
  ['a client subnet of family 0 and no bits', withOpt(ecs('\0\0\0\0')), '0 [qr aa rd] 1/0/0 +opt'],
  ['a client subnet of family 0 and bits', withOpt(ecs('\0\0\x08\0\x01')), '1 [qr rd] 0/0/0 +opt'],
  ['an empty client subnet', withOpt(ecs('')), '1 [qr rd] 0/0/0 +opt'],
  // RFC 7873 section 5.2.2; here Knot has no use for cookies and does not read them.
  ['an empty cookie', withOpt(option(10)), '1 [qr rd] 0/0/0 +opt'],
  ['a cookie of 7', withOpt(option(10, 'c'.repeat(7))), '1 [qr rd] 0/0/0 +opt'],
  ['a cookie of 9', withOpt(option(10, 'c'.repeat(9))), '1 [qr rd] 0/0/0 +opt'],
  ['a cookie of 41', withOpt(option(10, 'c'.repeat(41))), '1 [qr rd] 0/0/0 +opt'],
  ['a client cookie', withOpt(option(10, 'c'.repeat(8))), '0 [qr aa rd] 1/0/0 +opt'],
  ['a server cookie of somebody else', withOpt(option(10, 'c'.repeat(40))), '0 [qr aa rd] 1/0/0 +opt'],

  ['IQUERY', join(header(opcodeFlags(1)), www), '4 [qr] 0/0/0'],
  ['STATUS', join(header(opcodeFlags(2)), www), '4 [qr] 0/0/0'],
  ['opcode 15 with every flag', join(header(opcodeFlags(15, 0x07f0)), www), '4 [qr rd] 0/0/0'],
  ['opcode 6 with EDNS', join(header({ ...opcodeFlags(6), additionals: 1 }), www, opt()), '4 [qr] 0/0/0 +opt'],
  ['STATUS without a question', header({ ...opcodeFlags(2), questions: 0 }), '4 [qr] 0/0/0'],
  // Knot is silent: NOTIMP does not hang on what the message says.
  ['STATUS with anything behind it', join(header(opcodeFlags(2)), Buffer.of(255, 255, 255)), '4 [qr] 0/0/0'],
  [
    'UPDATE with many records',
    join(
      header({ ...opcodeFlags(5), authorities: 40 }),
      question('example.com.', 6),
      ...Array.from({ length: 40 }, () => extra),
    ),
    '5 [qr] 0/0/0',
  ],
  // Knot says NOTAUTH for all that its access list does not allow; RFC 1996, 2136 and 5936 know REFUSED for our zones.
  ['NOTIFY of our zone', join(header(opcodeFlags(4)), question('example.com.', 6)), '5 [qr] 0/0/0'],
  ['NOTIFY of another zone', join(header(opcodeFlags(4)), question('example.org.', 6)), '9 [qr] 0/0/0'],
  ['UPDATE of our zone', join(header(opcodeFlags(5)), question('Example.COM.', 6)), '5 [qr] 0/0/0'],
  ['UPDATE of another zone', join(header(opcodeFlags(5)), question('example.org.', 6)), '9 [qr] 0/0/0'],
  ['UPDATE of no zone', join(header(opcodeFlags(5)), question('example.com.', 1)), '1 [qr] 0/0/0'],
  ['UPDATE of nothing', header({ ...opcodeFlags(5), questions: 0 }), '1 [qr] 0/0/0'],
  ['AXFR of our zone', queryFor('example.com.', 252), '5 [qr rd] 0/0/0'],
  ['AXFR of a name below it', queryFor('www.example.com.', 252), '9 [qr rd] 0/0/0'],
  ['AXFR of another zone', queryFor('example.org.', 252), '9 [qr rd] 0/0/0'],
  ['IXFR of our zone', queryFor('example.com.', 251), '5 [qr rd] 0/0/0'],

  ['TSIG', join(header({ additionals: 1 }), www, tsig()), '9 [qr rd] 0/0/1'],
  ['TSIG behind OPT', join(header({ additionals: 2 }), www, opt(), tsig()), '9 [qr rd] 0/0/1 +opt'],
  ['TSIG before OPT', join(header({ additionals: 2 }), www, tsig(), opt()), '1 [qr rd] 0/0/0'],
  ['TSIG without data', join(header({ additionals: 1 }), www, tsig({ rdata: Buffer.alloc(0) })), '1 [qr rd] 0/0/0'],
  ['TSIG of class IN', join(header({ additionals: 1 }), www, tsig({ class: 1 })), '1 [qr rd] 0/0/0'],
  ['TSIG in the answer section', join(header({ answers: 1 }), www, tsig()), '1 [qr rd] 0/0/0'],
];

/** Two names whose questions of type A have one hash; the digits of one message are counted up in place. */
function collidingNames(): readonly [string, string] {
  const digits = '00000000';
  const message = Buffer.from(queryFor(`${digits}.example.com.`));
  const query = readQuery(message);
  assert.ok(query !== undefined);
  const nameAt = message.indexOf(digits);
  const key = createQuestionKey();
  const labelByHash = new Map<number, string>();
  for (let index = 0; ; index += 1) {
    const label = String(index).padStart(digits.length, '0');
    message.write(label, nameAt, 'latin1');
    fillQuestionKey(key, message, query);
    const known = labelByHash.get(key.hash);
    if (known !== undefined) return [`${known}.example.com.`, `${label}.example.com.`];
    labelByHash.set(key.hash, label);
  }
}

describe('a message', () => {
  for (const [what, message, expected] of rows) {
    test(what, () => {
      const answer = ask(message);
      assert.equal(summary(answer), expected);
      assert.equal(answer.id, 0x1234);
      assert.equal(answer.opcode, (message[2] ?? 0) >>> 3);
      const isEchoed = Buffer.from(message)
        .subarray(12, 12 + answer.question.length)
        .equals(answer.question);
      assert.ok(isEchoed, 'the question is repeated byte for byte');
    });
  }

  test('is met with silence when it is shorter than a header or a response', () => {
    const { respond } = createSubject();
    for (let length = 0; length < 12; length += 1) assert.equal(respond(header().subarray(0, length)), undefined);
    assert.equal(respond(queryFor('www.example.com.', 1, {}, { flags: 0x8100 })), undefined);
    assert.equal(respond(queryFor('www.example.com.', 1, undefined, { flags: 0xffff })), undefined);
  });
});

describe('an answer', () => {
  test('repeats the case of the question and is the same for every case', () => {
    const { respond, source } = createSubject();
    for (const name of ['WwW.eXaMpLe.CoM.', 'www.example.com.', 'WWW.EXAMPLE.COM.']) {
      const answer = readAnswer(respond(queryFor(name)) ?? Buffer.alloc(0));
      assert.deepEqual(answer.question, question(name));
      assert.equal(answer.answers[0]?.owner, name);
      assert.deepEqual([...(answer.answers[0]?.rdata ?? [])], [192, 0, 2, 3]);
    }
    assert.deepEqual(source.resolved, ['www.example.com. 1'], 'looked up once');
  });

  test('is made anew for another snapshot', () => {
    const responder = createResponder({});
    const [first, second] = [createSmallSource(), createSmallSource()];
    for (const source of [first, first, second, second]) responder(queryFor('www.example.com.'), udp, nowMs, source);
    assert.equal(first.resolved.length, 1);
    assert.equal(second.resolved.length, 1);
  });

  test('is the own one of each of two questions whose keys have the same hash', () => {
    const [one, other] = collidingNames();
    const { respond, source } = createSubject();
    for (const name of [one, other, one, other]) {
      const answer = readAnswer(respond(queryFor(name)) ?? Buffer.alloc(0));
      assert.deepEqual(answer.question, question(name));
    }
    assert.equal(source.resolved.length, 4, 'each pushed the other out');
  });

  test('is SERVFAIL when the lookup throws, and the fault is told', () => {
    const faults: unknown[] = [];
    const responder = createResponder({ onFault: (fault) => faults.push(fault) });
    const broken = { isOrigin: () => false, resolve: () => assert.fail('broken') };
    const answer = readAnswer(responder(queryFor('www.example.com.', 1, {}), udp, nowMs, broken) ?? Buffer.alloc(0));
    assert.equal(summary(answer), '2 [qr rd] 0/0/0 +opt');
    assert.equal(faults.length, 1);
  });

  test('is counted with what became of it', () => {
    const seen: (readonly [number, number, MessageFate])[] = [];
    const { respond } = createSubject({ observe: (...words) => seen.push(words) });
    respond(queryFor('www.example.com.'));
    respond(queryFor('big.example.com.', 16));
    respond(queryFor('nx.example.com.', 28, { version: 1 }));
    respond(header().subarray(0, 3));
    assert.deepEqual(seen, [
      [1, 0, 'answered'],
      [16, 0, 'truncated'],
      [28, 16, 'answered'],
      [0, 0, 'ignored'],
    ]);
  });

  test('says why in the codes of RFC 8914, to who speaks EDNS', () => {
    assert.equal(ask(queryFor('www.example.org.', 1, {})).opt?.options[15], '0014');
    assert.equal(ask(queryFor('example.com.', 128, {})).opt?.options[15], '001e');
    assert.equal(ask(queryFor('example.com.', 252, {}), tcp).opt?.options[15], '0012');
    assert.equal(ask(queryFor('www.example.com.', 1, {})).opt?.options[15], undefined);
  });
});

describe('truncation', () => {
  const big = (edns?: Parameters<typeof queryFor>[2]) => queryFor('big.example.com.', 16, edns);

  test('takes 512 octets without EDNS, what the asker takes with it, and at most 1232', () => {
    assert.equal(summary(ask(big())), '0 [qr aa tc rd] 0/0/0');
    assert.equal(summary(ask(big({ payload: 0 }))), '0 [qr aa tc rd] 0/0/0 +opt');
    assert.equal(summary(ask(big({ payload: 4096 }))), '0 [qr aa tc rd] 0/0/0 +opt');
    assert.equal(summary(ask(big({ payload: 512 }), tcp)), '0 [qr aa rd] 8/0/0 +opt');
    assert.equal(summary(ask(big(), tcp)), '0 [qr aa rd] 8/0/0');
    assert.equal(ask(big({ payload: 65535 })).opt?.payload, 1232);
  });

  test('of 512 octets to the octet: what the option takes, the records do not have', () => {
    const source = createSmallSource();
    const responder = createResponder({ nsid: Buffer.alloc(128, 1) });
    for (let length = 150; length < 255; length += 1) {
      const rdata = Buffer.concat([Buffer.of(length), Buffer.alloc(length)]);
      const set = { owner: nameOf('t.'), type: 16, ttl: 1, rdatas: [rdata, rdata] };
      const answer = { rcode: 0, authoritative: true, answer: [set], authority: [], additional: [] };
      const fixed = { ...source, resolve: () => ({ kind: 'fixed', answer }) as const };
      const plainOctets = 12 + 7 + 2 * (12 + 1 + length);
      for (const options of [[], [option(3)]]) {
        const message = queryFor('t.', 16, { payload: 512, options });
        const octets = plainOctets + 11 + (options.length === 0 ? 0 : 132);
        const bytes = responder(message, udp, nowMs, fixed) ?? Buffer.alloc(0);
        const read = readAnswer(bytes);
        assert.ok(bytes.length <= 512);
        assert.equal(read.answers.length, octets <= 512 ? 2 : 0, `${octets} octets`);
        assert.equal(read.flags.includes('tc'), octets > 512);
        assert.ok(read.opt !== undefined);
      }
    }
  });
});

describe('EDNS', () => {
  test('repeats DO and no other flag', () => {
    assert.equal(ask(queryFor('www.example.com.', 1, { flags: 0xffff })).opt?.flags, 0x8000);
    assert.equal(ask(queryFor('www.example.com.', 1, { flags: 0x7fff })).opt?.flags, 0);
    assert.equal(ask(queryFor('www.example.com.', 1, { flags: 0x8000, version: 3 })).opt?.version, 0);
  });

  test('gives its name to who asks for it (RFC 5001)', () => {
    assert.equal(ask(withOpt(option(3))).opt?.options[3], '6e31');
    assert.equal(ask(withOpt()).opt?.options[3], undefined);
    assert.equal(ask(withOpt(option(3)), udp, { nsid: undefined } as object).opt?.options[3], undefined);
  });

  test('leaves out a name of its own that does not fit beside the question', () => {
    const message = join(
      header({ additionals: 1 }),
      longestName,
      Buffer.of(0, 1, 0, 1),
      opt({ payload: 512, options: [option(3)] }),
    );
    const { respond } = createSubject({ nsid: Buffer.alloc(230, 1) });
    assert.ok((respond(message)?.length ?? 0) <= 512);
    assert.equal(readAnswer(respond(message) ?? Buffer.alloc(12)).opt?.options[3], undefined);
    assert.equal(readAnswer(respond(withOpt(option(3))) ?? Buffer.alloc(12)).opt?.options[3]?.length, 460);
  });

  test('answers nothing that it does not know', () => {
    assert.deepEqual(ask(withOpt(option(9), option(11), option(12, '\0'), option(65001, 'x'))).opt?.options, {});
  });
});

describe('client subnet', () => {
  const steeredBy = (...options: readonly Uint8Array[]) => ask(queryFor('steered.example.com.', 1, { options }));
  const lastOctet = (answer: ReadAnswer) => answer.answers[0]?.rdata.at(-1);

  test('decides a steered answer, whose scope says what it hangs on', () => {
    const even = steeredBy(ecs('\0\x01\x18\0\x02\x02\x03'));
    const odd = steeredBy(ecs('\0\x01\x14\0\x03\x02\x30'));
    assert.equal(lastOctet(even), 0);
    assert.equal(lastOctet(odd), 1);
    assert.equal(even.opt?.options[8], '00011818020203');
    assert.equal(odd.opt?.options[8], '00011418030230');
  });

  test('of IPv6, with an odd number of octets', () => {
    const answer = steeredBy(ecs('\0\x02\x38\0\x21\x01\x0d\xb8\0\0\x01'));
    assert.equal(answer.opt?.options[8], '0002383821010db8000001');
    assert.equal(lastOctet(answer), 1);
  });

  test('of no bits leaves it to the address of the asker, with scope 0', () => {
    const answer = steeredBy(ecs('\0\x01\0\0'));
    assert.equal(lastOctet(answer), 198 % 2);
    assert.equal(answer.opt?.options[8], '00010000');
  });

  test('has scope 0 where the answer is the same for all, refusals have none, and nor has who sent none', () => {
    assert.equal(ask(withOpt(ecs('\0\x01\x18\0\x01\x02\x03'))).opt?.options[8], '00011800010203');
    const outside = queryFor('www.example.org.', 1, { options: [ecs('\0\x01\x18\0\x01\x02\x03')] });
    assert.equal(ask(outside).opt?.options[8], undefined);
    assert.equal(steeredBy().opt?.options[8], undefined);
  });

  test('that comes twice counts once', () => {
    assert.equal(lastOctet(steeredBy(ecs('\0\x01\x08\0\x02'), ecs('\0\x01\x08\0\x03'))), 0);
  });

  test('chooses per question, and each choice is written once', () => {
    const { respond, source } = createSubject();
    for (const first of [1, 2, 3, 4, 5]) {
      const message = queryFor('steered.example.com.', 1, { options: [option(8, Buffer.of(0, 1, 8, 0, first))] });
      assert.equal(lastOctet(readAnswer(respond(message) ?? Buffer.alloc(0))), first % 2);
    }
    assert.equal(source.resolved.length, 1);
  });
});

describe('cookies', () => {
  const client = 'abcdefgh';
  const cookieIn = (answer: ReadAnswer) => Buffer.from(answer.opt?.options[10] ?? '', 'hex');
  const emptyQuestion = (...options: readonly Uint8Array[]) =>
    join(header({ questions: 0, additionals: 1 }), opt({ options }));

  test('are answered with the client cookie and a server cookie that holds', () => {
    const cookie = cookieIn(ask(withOpt(option(10, client))));
    assert.equal(cookie.length, 24);
    assert.equal(cookie.toString('latin1', 0, 8), client);
    const judged = createServerCookies([secret]).judge(cookie, 0, 24, udp.address, nowMs / 1_000);
    assert.equal(judged, 'valid');
  });

  test('without a question: NOERROR, and BADCOOKIE for a wrong server cookie', () => {
    const first = ask(emptyQuestion(option(10, client)));
    assert.equal(summary(first), '0 [qr rd] 0/0/0 +opt');
    assert.equal(summary(ask(emptyQuestion(option(10, cookieIn(first))))), '0 [qr rd] 0/0/0 +opt');
    const wrong = ask(emptyQuestion(option(10, `${client}${'x'.repeat(16)}`)));
    assert.equal(summary(wrong), '23 [qr rd] 0/0/0 +opt');
    assert.deepEqual(cookieIn(wrong), cookieIn(first));
  });

  test('are no option to who has none: without them a question is missing', () => {
    assert.equal(ask(emptyQuestion(option(10, client)), udp, { cookies: undefined } as object).rcode, 1);
    const answer = ask(withOpt(option(10, client)), udp, { cookies: undefined } as object);
    assert.equal(answer.opt?.options[10], undefined);
  });
});

describe('TSIG', () => {
  test('that does not fit beside the question is left out', () => {
    const rdata = join(longestName, Buffer.alloc(8), uint16(0), uint16(1), uint16(0), uint16(0));
    const message = join(
      header({ additionals: 1 }),
      longestName,
      Buffer.of(0, 1, 0, 1),
      tsig({ owner: longestName, rdata }),
    );
    assert.equal(summary(ask(message)), '9 [qr rd] 0/0/0');
    assert.equal(summary(ask(message, tcp)), '9 [qr rd] 0/0/1');
  });

  test('is answered with BADKEY, unsigned, with the name, algorithm and time that it came with', () => {
    const [answer] = ask(join(header({ additionals: 1 }), www, tsig())).additionals;
    assert.equal(answer?.owner, 'key.');
    assert.equal(answer?.type, 250);
    assert.equal(answer?.class, 255);
    const expected = join(
      nameOf('hmac-sha256.'),
      Buffer.from('00006553f100012c', 'hex'),
      uint16(0),
      uint16(0x1234),
      uint16(17),
      uint16(0),
    );
    assert.deepEqual(answer?.rdata, expected);
  });
});
