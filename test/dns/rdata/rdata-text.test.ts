import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { masterFileEntries } from '../../../src/dns/master-file-tokens.ts';
import { digestLengthProblem } from '../../../src/dns/rdata/digest-length.ts';
import { parseRdata, renderRdata } from '../../../src/dns/rdata/rdata-text.ts';
import { parseType, recordType } from '../../../src/dns/record-type.ts';
import { parseName } from '../../../src/dns/wire-name.ts';

const origin = parseName('example.com.');

/** `TYPE DATA` as a master file of example.com has it. */
function parse(text: string) {
  assert.ok(origin.ok);
  const [entry] = masterFileEntries(text, ({ message }) => assert.fail(message));
  const [first, ...tokens] = entry?.tokens ?? [];
  const type = parseType(first?.text ?? '') ?? assert.fail(text);
  return { type, rdata: parseRdata(type, { tokens, origin: origin.value }) };
}

function hexOf(text: string): string {
  const { rdata } = parse(text);
  assert.ok(rdata.ok, rdata.ok ? '' : rdata.error);
  return Buffer.from(rdata.value).toString('hex');
}

const name = '076578616d706c6503636f6d00';
const foo = `03666f6f${name}`;
const fooNet = '03666f6f076578616d706c65036e657400';

describe('data from presentation to wire form', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['A 192.0.2.1', 'c0000201'],
    ['AAAA 2001:db8::1', '20010db8000000000000000000000001'],
    ['AAAA ::', '0'.repeat(32)],
    ['AAAA ::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['AAAA 1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['NS foo', foo],
    ['CNAME foo.example.net.', fooNet],
    ['PTR @', name],
    ['DNAME .', '00'],
    ['SOA foo @ 4294967295 1h 2m 1w1s 300', `${foo}${name}ffffffff00000e100000007800093a810000012c`],
    ['MX 10 foo', `000a${foo}`],
    ['SRV 1 2 8883 .', '0001000222b300'],
    ['TXT a "b c" ""', '01610362206300'],
    ['TXT "\\"\\\\\\010\\065;"', '05225c0a413b'],
    ['TXT é', '02c3a9'],
    ['CAA 128 issue "ca.example; x=1"', '8005697373756563612e6578616d706c653b20783d31'],
    ['HINFO "a" b', '01610162'],
    ['NAPTR 100 10 S SIP+D2U "" foo', `0064000a0153075349502b44325500${foo}`],
    [`DS 1 ECDSAP256SHA256 2 ${'00'.repeat(16)} ${'ff'.repeat(16)}`, `00010d02${'00'.repeat(16)}${'ff'.repeat(16)}`],
    ['CDS 0 0 0 00', '0000000000'],
    ['DNSKEY 257 3 13 AAEC Aw==', '0101030d00010203'],
    [`TLSA 3 1 1 ${'ab'.repeat(32)}`, `030101${'ab'.repeat(32)}`],
    [`SSHFP 4 2 ${'cd'.repeat(32)}`, `0402${'cd'.repeat(32)}`],
    ['URI 1 2 "mqtts://a"', '000100026d717474733a2f2f61'],
    ['RRSIG A 13 2 300 20200101000000 1577836800 1 foo AAEC', `00010d020000012c5e0be1005e0be1000001${foo}000102`],
    [
      'NSEC \\000.foo A MX RRSIG NSEC TYPE1234',
      `0100${foo}0006400100000003041b000000000000000000000000000000000000000000000000000020`,
    ],
    ['TYPE65280 \\# 4 0A00 0001', '0a000001'],
    ['TYPE65280 \\# 0', ''],
    ['A \\# 4 C0000201', 'c0000201'],
    ['TYPE1 192.0.2.1', 'c0000201'],
    // RFC 9460 appendix D.
    ['HTTPS 0 foo.example.com.', `0000${foo}`],
    ['SVCB 1 .', '000100'],
    ['SVCB 16 foo.example.com. port=53', `0010${foo}000300020035`],
    ['SVCB 1 foo.example.com. key667=hello', `0001${foo}029b000568656c6c6f`],
    ['SVCB 1 foo.example.com. key667="hello\\210qoo"', `0001${foo}029b000968656c6c6fd2716f6f`],
    [
      'SVCB 1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
      `0001${foo}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
    ],
    [
      'SVCB 16 foo.example.com. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
      `0010${foo}0000000400010004000100090268320568332d313900040004c0000201`,
    ],
    ['SVCB 16 foo.example.com. alpn="f\\\\\\\\oo\\\\,bar,h2"', `0010${foo}0001000c08665c6f6f2c626172026832`],
    ['SVCB 16 foo.example.com. alpn=f\\\\\\092oo\\092,bar,h2', `0010${foo}0001000c08665c6f6f2c626172026832`],
    ['HTTPS 1 . alpn=h2 no-default-alpn ech=AAEC ohttp', '00010000010003026832000200000005000300010200080000'],
    ['SVCB 1 . dohpath=/q{?dns}', '000100000700082f717b3f646e737d'],
  ];
  for (const [text, hex] of rows) {
    test(text, () => assert.equal(hexOf(text), hex));
    test(`${text}, and back`, () => {
      const { type, rdata } = parse(text);
      assert.ok(rdata.ok);
      assert.equal(hexOf(`TYPE${type} ${renderRdata(type, rdata.value)}`), hex);
    });
  }
});

describe('data that is none', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['A 192.0.2', /^expected an IPv4 address, got "192\.0\.2"$/],
    ['A 192.0.2.256', /IPv4/],
    ['A 192.0.2.01', /IPv4/],
    ['A "192.0.2.1"', /IPv4/],
    ['A', /^expected an IPv4 address, got the end of the record$/],
    ['A 192.0.2.1 x', /^expected the end of the record, got "x"$/],
    ['AAAA 1::2::3', /IPv6/],
    ['AAAA 1:2:3:4:5:6:7:8:9', /IPv6/],
    ['AAAA 1:2:3:4:5:6:7:8::', /IPv6/],
    ['AAAA 192.0.2.1', /IPv6/],
    ['AAAA ::1%lo', /IPv6/],
    ['MX 65536 foo', /^expected a preference, 0 to 65535, got "65536"$/],
    ['MX foo', /preference/],
    ['NS "foo"', /expected a domain name/],
    [`NS ${'a'.repeat(64)}`, /labels of at most 63/],
    ['SOA foo @ 1 1 1 1', /expected the negative TTL in seconds or as 1h30m, got the end/],
    [`TXT ${'a'.repeat(256)}`, /at most 255 octets, got 256/],
    ['TXT "\\256"', /\\DDD up to \\255/],
    ['CAA 0 is-sue x', /expected a tag of letters and digits, got "is-sue"/],
    ['DS 1 13 2 00', /expected a digest of 32 octets, got 1/],
    ['TLSA 3 1 1 abc', /hex/],
    ['DNSKEY 257 3 13 A', /base64/],
    ['TYPE65280 abc', /expected \\# and TYPE65280 data in hex, got "abc"/],
    ['TYPE65280 \\# 4 0A0000', /expected 4 octets of data, got 3/],
    ['A \\# 3 0A0000', /expected the wire form of A data/],
    ['SVCB 1 . alpn=h2 alpn=h3', /each key once, got alpn again/],
    ['SVCB 1 . mandatory=port', /expected port, which is mandatory, got none/],
    ['SVCB 1 . mandatory=mandatory', /^mandatory: expected keys other than mandatory/],
    ['SVCB 1 . mandatory=port,port port=1', /each once/],
    ['SVCB 1 . no-default-alpn', /expected alpn beside no-default-alpn/],
    ['SVCB 1 . no-default-alpn=1 alpn=h2', /^no-default-alpn: expected no value/],
    ['SVCB 1 . port=65536', /^port: expected a port/],
    ['SVCB 1 . port', /^port: expected a port, 0 to 65535, got nothing/],
    ['SVCB 1 . ipv4hint=::1', /IPv4/],
    ['SVCB 1 . ipv4hint=', /IPv4/],
    ['SVCB 1 . alpn=h2,,h3', /protocol identifiers/],
    ['SVCB 1 . ech=!', /base64/],
    ['SVCB 1 . key65535=x', /expected key=value, got "key65535=x"/],
    ['SVCB 1 . key01=x', /expected key=value/],
    ['SVCB 1 . what=x', /expected key=value/],
    ['SVCB 1 . dohpath=/q', /\{\?dns\}/],
  ];
  for (const [text, message] of rows) {
    test(text, () => {
      const { rdata } = parse(text);
      assert.ok(!rdata.ok);
      assert.match(rdata.error, message);
    });
  }
});

describe('any octets', () => {
  const types = Object.values(recordType).filter((type) => type < 128 || type > 255);

  test('render as text that is read as the same octets, whatever the type', () => {
    const anyRdata = fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(anyRdata, ([type, octets]) => {
        const text = `TYPE${type} ${renderRdata(type, octets)}`;
        // Octets that are not of the type's form are shown, and not taken back for it.
        if (text.includes(' \\#') || digestLengthProblem(type, octets) !== undefined) return;
        assert.equal(hexOf(text), Buffer.from(octets).toString('hex'), text);
      }),
      { numRuns: 5_000 },
    );
  });

  test('of one string each survive as TXT', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (octets) => {
        const rdata = Uint8Array.of(octets.length, ...octets);
        assert.equal(hexOf(`TXT ${renderRdata(recordType.TXT, rdata)}`), Buffer.from(rdata).toString('hex'));
      }),
    );
  });

  test('of an IPv6 address survive as AAAA', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const rdata = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff]));
        assert.equal(hexOf(`AAAA ${renderRdata(recordType.AAAA, rdata)}`), Buffer.from(rdata).toString('hex'));
      }),
    );
  });
});
