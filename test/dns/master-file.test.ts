import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { failure, success } from '../../src/base/result.ts';
import { type MasterFileSource, mostMistakes, parseMasterFile, renderMistake } from '../../src/dns/master-file.ts';
import { renderRdata } from '../../src/dns/rdata/rdata-text.ts';
import { renderType } from '../../src/dns/record-type.ts';
import { parseName, renderName } from '../../src/dns/wire-name.ts';

const origin = parseName('example.com.');

function read(text: string, readInclude?: MasterFileSource['readInclude']) {
  assert.ok(origin.ok);
  return parseMasterFile({ file: 'zone', text, origin: origin.value, ...(readInclude && { readInclude }) });
}

/** `owner ttl type data` of each record. */
function records(text: string, readInclude?: MasterFileSource['readInclude']): readonly string[] {
  const parsed = read(text, readInclude);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.map(renderMistake).join('\n'));
  return parsed.value.map(({ owner, ttl, type, rdata }) => {
    return `${renderName(owner)} ${ttl} ${renderType(type)} ${renderRdata(type, rdata)}`;
  });
}

function mistakes(text: string, readInclude?: MasterFileSource['readInclude']): readonly string[] {
  const parsed = read(text, readInclude);
  assert.ok(!parsed.ok, 'expected mistakes');
  return parsed.error.map(renderMistake);
}

describe('a master file', () => {
  test('has the records of RFC 1035 section 5.3, with a blank owner, parentheses and comments', () => {
    const text = `$ORIGIN isi.edu.
@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM
        NS      A.ISI.EDU.
        MX      10      VENERA
A       A       26.3.0.103
`;
    assert.deepEqual(records(text), [
      'isi.edu. 60 SOA VENERA.isi.edu. Action\\.domains.isi.edu. 20 7200 600 3600000 60',
      'isi.edu. 60 NS A.ISI.EDU.',
      'isi.edu. 60 MX 10 VENERA.isi.edu.',
      'A.isi.edu. 60 A 26.3.0.103',
    ]);
  });

  test('takes TTL and class in any order, in capitals or not, with units', () => {
    assert.deepEqual(records('a 1h IN A 192.0.2.1\na in 1H30m a 192.0.2.2\na 5 A 192.0.2.3\na IN A 192.0.2.4'), [
      'a.example.com. 3600 A 192.0.2.1',
      'a.example.com. 5400 A 192.0.2.2',
      'a.example.com. 5 A 192.0.2.3',
      'a.example.com. 5 A 192.0.2.4',
    ]);
  });

  test('prefers $TTL to the TTL of the record before, and a TTL of its own to both', () => {
    assert.deepEqual(records('$TTL 1d\na 7 A 192.0.2.1\na A 192.0.2.2\n$TTL 0\na A 192.0.2.3'), [
      'a.example.com. 7 A 192.0.2.1',
      'a.example.com. 86400 A 192.0.2.2',
      'a.example.com. 0 A 192.0.2.3',
    ]);
  });

  test('has relative origins, and names like types and classes as owners', () => {
    assert.deepEqual(
      records('$TTL 1\n$ORIGIN d\n@ A 192.0.2.1\n$ORIGIN e\nA A 192.0.2.2\nIN IN A 192.0.2.3\n7 A 192.0.2.4'),
      [
        'd.example.com. 1 A 192.0.2.1',
        'A.e.d.example.com. 1 A 192.0.2.2',
        'IN.e.d.example.com. 1 A 192.0.2.3',
        '7.e.d.example.com. 1 A 192.0.2.4',
      ],
    );
  });

  test('keeps quotes, semicolons, escapes and parentheses in strings apart from its own', () => {
    assert.deepEqual(records('$TTL 1\n"q" TXT "a;(b)" c\\;d "\\"" e(f\n) g ; h\n\\@ TXT "$x"\n\\$a TXT x'), [
      'q.example.com. 1 TXT "a;(b)" "c;d" "\\"" "e" "f" "g"',
      '\\@.example.com. 1 TXT "$x"',
      '\\$a.example.com. 1 TXT "x"',
    ]);
  });

  test('may begin with a byte order mark and end its lines with CR LF', () => {
    assert.deepEqual(records('\uFEFFa 1 A 192.0.2.1\r\n 2 A 192.0.2.2\r\n'), [
      'a.example.com. 1 A 192.0.2.1',
      'a.example.com. 2 A 192.0.2.2',
    ]);
  });

  test('includes files under their own origin, and goes on with its own origin and owner', () => {
    const readInclude = (name: string, from: string) => {
      assert.equal(from, 'zone');
      return name === 'sub.zone'
        ? success({ file: name, text: '@ A 192.0.2.2\nx A 192.0.2.3' })
        : failure('no such file');
    };
    assert.deepEqual(records('$TTL 1\na A 192.0.2.1\n$INCLUDE sub.zone sub\n A 192.0.2.4', readInclude), [
      'a.example.com. 1 A 192.0.2.1',
      'sub.example.com. 1 A 192.0.2.2',
      'x.sub.example.com. 1 A 192.0.2.3',
      'a.example.com. 1 A 192.0.2.4',
    ]);
    assert.deepEqual(mistakes('$TTL 1\n$INCLUDE other', readInclude), ['zone:2: no such file']);
  });
});

describe('a mistake in a master file', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [' A 192.0.2.1', ['zone:1: expected an owner name before the first record, got a blank']],
    ['a A 192.0.2.1', ['zone:1: expected a TTL or $TTL before the first record, got none']],
    ['a 1 CH A 192.0.2.1', ['zone:1: expected class IN, got CH']],
    ['a 1 IN 2 A 192.0.2.1', ['zone:1: expected a type, got "2"']],
    ['a 1 IN', ['zone:1: expected a type, got the end of the record']],
    ['a 1 B 192.0.2.1', ['zone:1: expected a class or a type, got "B"']],
    ['a 2147483648 A 192.0.2.1', ['zone:1: expected a TTL, 0 to 2147483647, got 2147483648']],
    ['a 1 ANY x', ['zone:1: expected a type of data, got ANY, which no zone has']],
    ['a 1 OPT x', ['zone:1: expected a type of data, got OPT, which no zone has']],
    ['a 1 RRSIG x', ['zone:1: expected data that is signed when it is asked for, got RRSIG']],
    ['$TTL x', ['zone:1: expected a TTL, 0 to 2147483647, got "x"']],
    ['$TTL', ['zone:1: expected a TTL, 0 to 2147483647, got ""']],
    ['$TTL 1 2', ['zone:1: expected the end of $TTL, got "2"']],
    ['$ORIGIN', ['zone:1: expected a domain name after $ORIGIN, got nothing']],
    ['$ORIGIN a..b', ['zone:1: expected a label between the dots of "a..b"']],
    ['$GENERATE 1-2 a A 192.0.2.$', ['zone:1: expected $ORIGIN, $TTL or $INCLUDE, got "$GENERATE"']],
    ['$INCLUDE x', ['zone:1: expected no $INCLUDE, which is not read here']],
    ['a 1 TXT "open\nb 1 A 192.0.2.1', ['zone:1: expected a closing quote in this line, got none']],
    ['a 1 A (192.0.2.1\nb 1 A 192.0.2.1', ['zone:1: expected ) for the ( in this line, got the end of the file']],
    ['a 1 A 192.0.2.1 )', ['zone:1: expected ( before ), got ) alone']],
    ['ä 1 A 192.0.2.1', ['zone:1: expected printable ASCII, or \\DDD, in a name, got "ä"']],
    [
      '$TTL 1\na A 1\nb A 192.0.2.1\n\nc MX x y ; z\n',
      ['zone:2: A: expected an IPv4 address, got "1"', 'zone:5: MX: expected a preference, 0 to 65535, got "x"'],
    ],
  ];
  for (const [text, expected] of rows) {
    test(JSON.stringify(text), () => assert.deepEqual(mistakes(text), expected));
  }

  test('in every line: all are told, up to a bound', () => {
    assert.equal(mistakes('x\n'.repeat(40)).length, 40);
    assert.equal(mistakes('x\n'.repeat(400)).length, mostMistakes);
  });

  test('of an included file has its own name and line', () => {
    const readInclude = () => success({ file: 'other', text: '\nb 1 A x' });
    assert.deepEqual(mistakes('$INCLUDE other', readInclude), ['other:2: A: expected an IPv4 address, got "x"']);
  });

  test('of files that include each other, or go too deep, ends', () => {
    const circle = (name: string) => success({ file: name, text: `$INCLUDE ${name === 'b' ? 'zone' : 'b'}` });
    assert.deepEqual(mistakes('$INCLUDE b', circle), ['b:1: expected a file that does not include this one, got zone']);
    const deeper = (name: string) => success({ file: name, text: `$INCLUDE ${name}x` });
    assert.deepEqual(mistakes('$INCLUDE x', deeper), ['xxxxxxxx:1: expected $INCLUDE at most 8 deep']);
  });
});

describe('any text', () => {
  test('is read or refused, and never thrown at', () => {
    const piece = fc.constantFrom(
      ...'a . @ $TTL $ORIGIN ( ) " \\ ; = \n \r\n IN A 1 192.0.2.1 TXT SVCB alpn=" \\# \\999 é'.split(' '),
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const parsed = read(pieces.join(''));
        assert.equal(typeof parsed.ok, 'boolean');
      }),
      { numRuns: 3_000 },
    );
  });
});
