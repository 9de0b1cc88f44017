import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rcode, recordType } from '../../../src/dns/record-type.ts';
import { type ReadAnswer, readAnswer } from '../../dns/answer-reading.ts';
import {
  type HeaderFields,
  header,
  nameOf,
  type OptFields,
  opt,
  option,
  queryFor,
  question,
} from '../../dns/query-bytes.ts';
import { createZoneKey, signedOrigin, signedSource } from './signed-zone.ts';
import { askOverTcp, UdpAsker } from './wire-asker.ts';
import { type ServerUnderTest, serverIdentifier, startOurServer } from './zone-server.ts';

interface Check {
  readonly name: string;
  /** Default: SOA of the apex. */
  readonly type?: number;
  readonly edns?: OptFields;
  readonly header?: HeaderFields;
  /** Default NOERROR. */
  readonly rcode?: number;
  /** Flags of the answer; default `qr aa`. */
  readonly flags?: string;
  /** Of the answer's OPT; default DO as it was sent. */
  readonly ednsFlags?: number;
  /** Data in hex by code; what is not named must not be there. */
  readonly options?: Readonly<Record<number, RegExp>>;
}

const clientCookie = '0102030405060708';
const cookieOption = option(10, Buffer.from(clientCookie, 'hex'));
const cookie = new RegExp(`^${clientCookie}[0-9a-f]{32}$`);
const nsid = new RegExp(`^${Buffer.from(serverIdentifier).toString('hex')}$`);
const subnetOption = option(8, Buffer.of(0, 1, 24, 0, 192, 0, 2));
const subnet = /^00011800c00002$/;
const doFlag = 0x8000;

/** The checks of ISC's compliance report, by their names there, and some more. */
const checks: readonly Check[] = [
  { name: 'dns' },
  { name: 'aa', header: { flags: 0x0400 } },
  { name: 'ad', header: { flags: 0x0020 } },
  { name: 'cd', header: { flags: 0x0010 } },
  { name: 'ra', header: { flags: 0x0080 } },
  { name: 'rd', header: { flags: 0x0100 }, flags: 'qr aa rd' },
  { name: 'tc', header: { flags: 0x0200 } },
  { name: 'zflag', header: { flags: 0x0040 } },
  { name: 'edns', edns: {} },
  { name: 'edns1', edns: { version: 1 }, rcode: rcode.BADVERS, flags: 'qr' },
  { name: 'edns255', edns: { version: 255 }, rcode: rcode.BADVERS, flags: 'qr' },
  { name: 'ednsopt', edns: { options: [option(100)] } },
  { name: 'ednsopt with data', edns: { options: [option(100, 'some data')] } },
  { name: 'edns1opt', edns: { version: 1, options: [option(100)] }, rcode: rcode.BADVERS, flags: 'qr' },
  { name: 'ednsflags', edns: { flags: 0x0080 }, ednsFlags: 0 },
  { name: 'edns1flags', edns: { version: 1, flags: 0x0080 }, rcode: rcode.BADVERS, flags: 'qr', ednsFlags: 0 },
  { name: 'do', edns: { flags: doFlag } },
  {
    name: 'dots: DO, unknown flag, unknown option',
    edns: { flags: doFlag | 1, options: [option(100)] },
    ednsFlags: doFlag,
  },
  { name: 'nsid', edns: { options: [option(3)] }, options: { 3: nsid } },
  { name: 'cookie', edns: { options: [cookieOption] }, options: { 10: cookie } },
  { name: 'docookie', edns: { flags: doFlag, options: [cookieOption] }, options: { 10: cookie } },
  { name: 'subnet', edns: { options: [subnetOption] }, options: { 8: subnet } },
  { name: 'expire', edns: { options: [option(9)] } },
  { name: 'padding', edns: { options: [option(12, '\0'.repeat(64))] } },
  { name: 'empty padding', edns: { options: [option(12)] } },
  { name: 'chain', edns: { options: [option(13, '\0')] } },
  { name: 'keepalive', edns: { options: [option(11)] } },
  {
    name: 'optlist: nsid, subnet, expire, cookie',
    edns: { options: [option(3), subnetOption, option(9), cookieOption] },
    options: { 3: nsid, 8: subnet, 10: cookie },
  },
  { name: 'edns at 512', edns: { payload: 512 } },
  { name: 'edns at 0', edns: { payload: 0 } },
  { name: 'edns at 65535', edns: { payload: 65_535 } },
];

describe('EDNS compliance', { timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack();
  let server: ServerUnderTest;
  let udp: UdpAsker;
  before(async () => {
    server = stack.use(await startOurServer(signedSource([createZoneKey()])));
    udp = stack.use(new UdpAsker(server.port));
  });
  after(() => stack.disposeAsync());

  async function answersTo(message: Uint8Array): Promise<readonly ReadAnswer[]> {
    const replies = [await udp.ask(message), await askOverTcp(server.port, message)];
    return replies.map(({ message: bytes, isClosed }) => {
      assert.ok(bytes !== undefined && !isClosed, 'silence');
      return readAnswer(bytes);
    });
  }

  for (const check of checks) {
    test(check.name, async () => {
      const { type = recordType.SOA, edns } = check;
      const message = queryFor(signedOrigin, type, edns, { flags: 0, ...check.header });
      for (const answer of await answersTo(message)) {
        assert.equal(answer.rcode, check.rcode ?? rcode.NOERROR);
        assert.equal(answer.flags, check.flags ?? 'qr aa');
        const isData = answer.rcode === rcode.NOERROR;
        assert.equal(answer.answers.filter((record) => record.type === type).length, isData ? 1 : 0);
        assert.equal(answer.opt !== undefined, edns !== undefined);
        if (answer.opt === undefined) continue;
        assert.equal(answer.opt.version, 0);
        assert.equal(answer.opt.flags, check.ednsFlags ?? (edns?.flags ?? 0) & doFlag);
        assert.ok(answer.opt.payload >= 512 && answer.opt.payload <= 1_232);
        const expected = check.options ?? {};
        assert.deepEqual(Object.keys(answer.opt.options), Object.keys(expected));
        for (const [code, data] of Object.entries(expected)) assert.match(answer.opt.options[Number(code)] ?? '', data);
        const signatures = answer.answers.filter((record) => record.type === recordType.RRSIG);
        assert.equal(signatures.length > 0, isData && (answer.opt.flags & doFlag) !== 0);
      }
    });
  }

  test('edns512: what is larger than the asker takes is cut, with TC, and whole over TCP', async () => {
    const message = queryFor(`big.${signedOrigin}`, recordType.TXT, { payload: 512, flags: doFlag }, { flags: 0 });
    const { message: overUdp } = await udp.ask(message);
    const { message: overTcp } = await askOverTcp(server.port, message);
    assert.ok(overUdp !== undefined && overTcp !== undefined);
    assert.ok(overUdp.length <= 512);
    assert.equal(readAnswer(overUdp).flags, 'qr aa tc');
    assert.notEqual(readAnswer(overUdp).opt, undefined);
    assert.equal(readAnswer(overTcp).flags, 'qr aa');
    assert.equal(readAnswer(overTcp).answers.length, 4);
  });

  test('a server cookie is taken back, and is good over TCP too', async () => {
    const first = queryFor(signedOrigin, recordType.SOA, { options: [cookieOption] }, { flags: 0 });
    const [answer] = await answersTo(first);
    const whole = Buffer.from(answer?.opt?.options[10] ?? '', 'hex');
    const second = queryFor(signedOrigin, recordType.SOA, { options: [option(10, whole)] }, { flags: 0 });
    for (const again of await answersTo(second)) {
      assert.equal(again.rcode, rcode.NOERROR);
      assert.match(again.opt?.options[10] ?? '', cookie);
    }
  });

  for (let opcode = 1; opcode <= 15; opcode += 1) {
    test(`opcode ${opcode} is refused, and repeated`, async () => {
      const message = queryFor(signedOrigin, recordType.SOA, {}, { flags: opcode << 11 });
      const bare = header({ flags: opcode << 11, questions: 0 });
      const code = opcode === 4 || opcode === 5 ? rcode.REFUSED : rcode.NOTIMP;
      for (const answer of [...(await answersTo(message)), ...(await answersTo(bare))]) {
        assert.equal(answer.opcode, opcode);
        assert.equal(answer.flags, 'qr');
        assert.equal(answer.rcode, answer.question.length > 0 ? code : code === rcode.REFUSED ? rcode.FORMERR : code);
      }
    });
  }

  test('two questions are refused (RFC 9619)', async () => {
    const two = [question(signedOrigin, 6), question(signedOrigin, 2)];
    for (const answer of await answersTo(Buffer.concat([header({ questions: 2, flags: 0 }), ...two]))) {
      assert.equal(answer.rcode, rcode.FORMERR);
    }
  });

  test('two OPT records are refused (RFC 6891 section 6.1.1)', async () => {
    const message = Buffer.concat([header({ additionals: 2, flags: 0 }), question(signedOrigin, 6), opt(), opt()]);
    for (const answer of await answersTo(message)) assert.equal(answer.rcode, rcode.FORMERR);
  });
});

/** Zone transfers, and a type that nobody is to ask for (RFC 9824 section 3.5). */
const refusedTypes = new Map<number, number>([
  [0, rcode.NOTIMP],
  [recordType.NXNAME, rcode.FORMERR],
  [recordType.IXFR, rcode.REFUSED],
  [recordType.AXFR, rcode.REFUSED],
]);

/** Types of the apex, ANY included. */
const presentNames = ['A', 'NS', 'SOA', 'MX', 'CAA', 'ANY', 'DNSKEY', 'CDS', 'CDNSKEY'] as const;
const present: ReadonlySet<number> = new Set(presentNames.map((name) => recordType[name]));

const proofs: ReadonlySet<number> = new Set([recordType.NSEC, recordType.RRSIG]);

describe('type compliance', { timeout: 120_000 }, () => {
  test('every type gets an answer: data, or NODATA with the SOA', async () => {
    await using server = await startOurServer(signedSource([createZoneKey()]));
    using udp = new UdpAsker(server.port);
    const types = [...Array.from({ length: 512 }, (_, type) => type), 1_000, 32_768, 32_769, 65_280, 65_534, 65_535];
    for (const type of types) {
      for (const edns of [undefined, {}, { flags: doFlag }]) {
        const message = queryFor(signedOrigin, type, edns, { flags: 0 });
        const { message: reply } = await udp.ask(message);
        assert.ok(reply !== undefined, `silence to type ${type}`);
        const answer = readAnswer(reply);
        const words = `type ${type}: rcode ${answer.rcode}, ${answer.flags}`;
        assert.equal(answer.rcode, refusedTypes.get(type) ?? rcode.NOERROR, words);
        assert.deepEqual(answer.question, message.subarray(12, 12 + nameOf(signedOrigin).length + 4), words);
        if (refusedTypes.has(type)) continue;
        assert.equal(answer.flags, 'qr aa', words);
        // Whoever wants signatures can ask for them, and for what a denial would be.
        const isThere = present.has(type) || (proofs.has(type) && edns?.flags === doFlag);
        assert.equal(answer.answers.length > 0, isThere, words);
        assert.equal(
          answer.authorities.some((record) => record.type === recordType.SOA),
          !isThere,
          words,
        );
      }
    }
  });
});
