import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  childName,
  isAtOrBelow,
  isSameName,
  labelCount,
  labelsOf,
  nameKey,
  nameOfKey,
  nameOfLabels,
  parentName,
  parseName,
  readName,
  renderName,
  rootName,
  type WireName,
} from '../../src/dns/wire-name.ts';

function nameOf(text: string, origin?: WireName): WireName {
  const name = parseName(text, origin);
  assert.ok(name.ok, name.ok ? '' : name.error);
  return name.value;
}

function bytesOf(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

const anyName = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 8 })
  .map((labels) => nameOfLabels(labels))
  .filter((name) => name !== undefined);

describe('presentation form', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['.', '\0'],
    ['a.', '\x01a\0'],
    ['www.Example.com.', '\x03www\x07Example\x03com\0'],
    ['a\\.b.c.', '\x03a.b\x01c\0'],
    ['\\000\\255.', '\x02\x00\xff\0'],
    ['\\\\x.', '\x02\\x\0'],
    ['\\@.', '\x01@\0'],
    ['*.d.', '\x01*\x01d\0'],
  ];
  for (const [text, wire] of rows) {
    test(`parseName reads ${text}`, () => assert.deepEqual([...nameOf(text)], bytesOf(wire)));
  }

  test('a name without the dot at its end is relative to the origin', () => {
    const origin = nameOf('example.com.');
    assert.equal(renderName(nameOf('www', origin)), 'www.example.com.');
    assert.equal(renderName(nameOf('www.', origin)), 'www.');
    assert.equal(renderName(nameOf('www')), 'www.');
    assert.equal(renderName(nameOf('a\\.', origin)), 'a\\..example.com.');
  });

  const long = 'a'.repeat(63);
  const mistakes = [
    '',
    '..',
    '.a',
    'a..b',
    `${long}a.`,
    `${long}a`,
    `${long}.${long}.${long}.${long}.`,
    'a b.',
    'é.',
    'a\\',
    '\\256.',
    '\\25',
    '\\2a.',
    `${'a.'.repeat(127)}a.`,
  ];
  for (const text of mistakes) {
    test(`parseName refuses ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(parseName(text).ok, false));
  }

  test('the longest names and labels are taken', () => {
    assert.equal(nameOf(`${'a.'.repeat(127)}`).length, 255);
    assert.equal(nameOf(`${long}.${long}.${long}.${'a'.repeat(61)}.`).length, 255);
    assert.equal(parseName(`${long}.${long}.${long}.${'a'.repeat(62)}.`).ok, false);
    assert.equal(parseName('aa', nameOf(`${long}.${long}.${long}.${'a'.repeat(59)}.`)).ok, false);
  });

  test('renderName and parseName are inverse for every name', () => {
    fc.assert(fc.property(anyName, (name) => assert.deepEqual(nameOf(renderName(name)), name)));
  });
});

describe('names as values', () => {
  test('a literal dot in a label is no separator', () => {
    assert.notEqual(nameKey(nameOf('a\\.b.com.')), nameKey(nameOf('a.b.com.')));
  });

  test('keys compare without ASCII case, and only that', () => {
    assert.equal(nameKey(nameOf('WwW.eXample.')), nameKey(nameOf('wWw.Example.')));
    assert.notEqual(nameKey(nameOf('[.')), nameKey(nameOf('{.')));
    assert.notEqual(nameKey(nameOf('\\192.')), nameKey(nameOf('\\224.')));
    assert.ok(isSameName(nameOf('A.b.'), nameOf('a.B.')));
    fc.assert(fc.property(anyName, (name) => assert.equal(nameKey(nameOfKey(nameKey(name))), nameKey(name))));
  });

  test('labels come apart and together', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        assert.deepEqual(nameOfLabels(labelsOf(name)), name);
        assert.equal(labelCount(name), labelsOf(name).length);
        const parent = parentName(name);
        const [first] = labelsOf(name);
        if (parent !== undefined && first !== undefined) assert.deepEqual(childName(first, parent), name);
        else assert.deepEqual(name, rootName);
      }),
    );
  });

  test('isAtOrBelow compares whole labels', () => {
    const zone = nameOf('example.com.');
    assert.ok(isAtOrBelow(nameOf('EXAMPLE.com.'), zone));
    assert.ok(isAtOrBelow(nameOf('a.b.example.COM.'), zone));
    assert.ok(isAtOrBelow(zone, rootName));
    assert.ok(!isAtOrBelow(nameOf('badexample.com.'), zone));
    assert.ok(!isAtOrBelow(nameOf('com.'), zone));
    assert.ok(!isAtOrBelow(nameOf('x\\007example\\003com.'), zone));
    assert.ok(!isAtOrBelow(nameOf('example.org.'), zone));
  });

  test('childName refuses what would be too long', () => {
    const long = nameOf('a.'.repeat(127));
    assert.equal(childName(Uint8Array.of(0x61), long), undefined);
    assert.equal(childName(new Uint8Array(64), rootName), undefined);
    assert.equal(childName(new Uint8Array(0), rootName), undefined);
  });
});

describe('readName', () => {
  const message = Buffer.from('....\x03www\x07example\x03com\x00\x04mail\xc0\x08\xc0\x14', 'latin1');

  test('follows pointers that lead backwards, and says where the bytes after the name begin', () => {
    assert.deepEqual(readName(message, 4), { name: nameOf('www.example.com.'), next: 21 });
    assert.deepEqual(readName(message, 21), { name: nameOf('mail.example.com.'), next: 28 });
  });

  const malformed: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['a label past the end', '\x05abc'],
    ['no root', '\x01a'],
    ['half a pointer', '\x01a\xc0'],
    ['a pointer to itself', '\xc0\x00'],
    ['a pointer to its own beginning', '\x01a\xc0\x00'],
    ['a pointer forwards', '\xc0\x02\x00'],
    ['a pointer past the end', '\xff\xff'],
    ['label type 01', '\x41a\x00'],
    ['label type 10', '\x81a\x00'],
    ['256 octets', `${'\x01a'.repeat(127)}\x01a\x00`],
  ];
  for (const [what, bytes] of malformed) {
    test(`refuses ${what}`, () => assert.equal(readName(Buffer.from(bytes, 'latin1'), 0), undefined));
  }

  test('refuses a chain of pointers whose name is too long, at once', () => {
    const chain = Buffer.concat([
      Buffer.from(`${'\x3f'.padEnd(64, 'a')}\x00`, 'latin1'),
      ...Array.from({ length: 4 }, (_, index) =>
        Buffer.from(
          '\x3f'.padEnd(64, 'a') + String.fromCharCode(0xc0, index === 0 ? 0 : 65 + 66 * (index - 1)),
          'latin1',
        ),
      ),
    ]);
    assert.ok(readName(chain, 65 + 66) !== undefined);
    assert.equal(readName(chain, 65 + 66 * 3), undefined);
  });

  test('never reads past the end and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 90 }), (bytes, at) => {
        const read = readName(bytes, at);
        if (read === undefined) return;
        assert.ok(read.next <= bytes.length && read.next > at);
        assert.deepEqual(nameOfLabels(labelsOf(read.name)), read.name);
      }),
    );
  });
});
