import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMasterFile, renderMistake } from '../../src/dns/master-file.ts';
import { recordType } from '../../src/dns/record-type.ts';
import { nameKey, parseName, renderName, type WireName } from '../../src/dns/wire-name.ts';
import { createZone } from '../../src/dns/zone.ts';

const head = '$TTL 60\n@ SOA ns h 1 1 1 1 30\n@ NS ns\nns A 192.0.2.1\n';

function name(text: string): WireName {
  const parsed = parseName(text, origin);
  assert.ok(parsed.ok);
  return parsed.value;
}

const origin = (() => {
  const parsed = parseName('example.com.');
  assert.ok(parsed.ok);
  return parsed.value;
})();

function create(text: string, steered: readonly string[] = []) {
  const records = parseMasterFile({ file: 'zone', text, origin });
  assert.ok(records.ok, records.ok ? '' : records.error.map(renderMistake).join('\n'));
  return createZone({ origin, records: records.value, steered: steered.map(name) });
}

function zoneOf(text: string, steered: readonly string[] = []) {
  const created = create(text, steered);
  assert.ok(created.ok, created.ok ? '' : created.error.map(renderMistake).join('\n'));
  return created.value;
}

describe('a zone', () => {
  test('has empty non-terminals, cuts and what is occluded below them', () => {
    const { zone } = zoneOf(`${head}a.b.c A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\nx.y.sub TXT x\n`);
    const places = [...zone.nodeByKey.values()].map(({ owner, place, cut }) => {
      return `${renderName(owner)} ${place}${cut === undefined ? '' : ` ${renderName(cut.owner)}`}`;
    });
    assert.deepEqual(places.sort(), [
      'a.b.c.example.com. authoritative',
      'b.c.example.com. authoritative',
      'c.example.com. authoritative',
      'example.com. authoritative',
      'ns.example.com. authoritative',
      'ns.sub.example.com. occluded sub.example.com.',
      'sub.example.com. cut',
      'x.y.sub.example.com. occluded sub.example.com.',
      'y.sub.example.com. occluded sub.example.com.',
    ]);
  });

  test('denies for the lesser of the SOA TTL and its last field (RFC 2308 section 5)', () => {
    assert.equal(zoneOf(head).zone.negativeSoa.ttl, 30);
    assert.equal(zoneOf(head.replace('30\n', '90\n')).zone.negativeSoa.ttl, 60);
  });

  test('has one set of records whose owners differ in case, under the least TTL', () => {
    const { zone, warnings } = zoneOf(`${head}a 50 A 192.0.2.2\nA 40 A 192.0.2.3\na 60 A 192.0.2.2\n`);
    const set = zone.nodeByKey.get(nameKey(name('a')))?.setByType.get(recordType.A);
    assert.equal(set?.ttl, 40);
    assert.equal(set?.rdatas.length, 2);
    assert.deepEqual(warnings.map(renderMistake), [
      'zone:6: expected the TTL 50 of the A.example.com. A before, got 40: the least holds',
      'zone:7: expected the TTL 40 of the a.example.com. A before, got 60: the least holds',
      'zone:7: expected each record once, got a.example.com. A again',
    ]);
  });

  test('has steered names as nodes, a wildcard with what is above it', () => {
    const { zone } = zoneOf(
      head,
      ['@', '*.d'].map((text) => (text === '@' ? 'example.com.' : text)),
    );
    assert.equal(zone.apex.steering, 0);
    assert.equal(zone.nodeByKey.get(nameKey(name('*.d')))?.steering, 1);
    assert.equal(zone.nodeByKey.get(nameKey(name('d')))?.setByType.size, 0);
  });
});

describe('a mistake in a zone', () => {
  const soa = '@ SOA ns h 1 1 1 1 30';
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [
      '$TTL 1\nns A 192.0.2.1',
      ['zone:2: expected SOA at example.com., got none', 'zone:2: expected NS at example.com., got none'],
    ],
    [`${head}${soa.replace(' 1 1', ' 2 1')}`, ['zone:2: expected one example.com. SOA, got 2']],
    [`${head}a SOA ns h 1 1 1 1 1`, ['zone:5: expected SOA at example.com. only, got one at a.example.com.']],
    [`${head}a.example.net. A 192.0.2.1`, ['zone:5: expected names of example.com., got a.example.net.']],
    [`${head}notexample.com. A 192.0.2.1`, ['zone:5: expected names of example.com., got notexample.com.']],
    [
      `${head}a CNAME b\na TXT x`,
      ['zone:5: expected nothing beside the CNAME of a.example.com. (RFC 1034 section 3.6.2), got TXT'],
    ],
    [`${head}a CNAME b\na CNAME c`, ['zone:5: expected one a.example.com. CNAME, got 2']],
    [`${head}a DNAME b\na DNAME c`, ['zone:5: expected one a.example.com. DNAME, got 2']],
    [
      `${head}a DNAME b\nx.a TXT x`,
      ['zone:6: expected nothing below the DNAME of a.example.com., got x.a.example.com.'],
    ],
    [`${head}a DNAME b\na NS ns`, ['zone:5: expected no NS beside the DNAME of a.example.com. (RFC 6672 section 2.3)']],
    [
      `${head}a DS 1 13 1 ${'0'.repeat(40)}`,
      ['zone:5: expected DS beside the NS of a delegation only, got one at a.example.com.'],
    ],
    [`${head}*.a NS ns`, ['zone:5: expected no NS at a wildcard (RFC 4592 section 4.2), got *.a.example.com.']],
    [
      '$TTL 1\n@ SOA ns h 1 1 1 1 30\n@ NS ns',
      ['zone:3: expected A or AAAA of ns.example.com., the target of example.com. NS, got none'],
    ],
    [
      `${head}sub NS ns.sub`,
      ['zone:5: expected A or AAAA of ns.sub.example.com., the target of sub.example.com. NS, got none'],
    ],
  ];
  for (const [text, expected] of rows) {
    test(expected[0] ?? '', () => {
      const created = create(`${text}\n`);
      assert.ok(!created.ok);
      assert.deepEqual(created.error.map(renderMistake), expected);
    });
  }

  test('steered names with addresses, out of the zone or below a cut', () => {
    const created = create(`${head}a A 192.0.2.2\nsub NS ns\n`, ['a', 'x.sub', 'example.net.']);
    assert.ok(!created.ok);
    assert.deepEqual(created.error.map(renderMistake), [
      'zone:5: expected no A at a.example.com., which is steered',
      'zone:6: expected no delegation of sub.example.com., below which x.sub.example.com. is steered',
      'zone:2: expected steered names of the zone, got example.net.',
    ]);
  });
});

describe('a warning about a zone', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [
      `${head}a MX 1 b\nb CNAME ns`,
      ['zone:5: expected an address of b.example.com., the target of a.example.com. MX, got CNAME'],
    ],
    [`${head}a MX 1 b`, ['zone:5: expected A or AAAA of b.example.com., the target of a.example.com. MX, got none']],
    [
      `${head}a CNAME b\nb CNAME a\nc CNAME a\nd CNAME d`,
      ['a', 'b', 'd'].map((label, index) => {
        return `zone:${[5, 6, 8][index]}: expected an end of the CNAMEs from ${label}.example.com., got a circle`;
      }),
    ],
    [`${head}a MX 1 x.w\n*.w A 192.0.2.2\nb MX 0 .\nc MX 1 ns`, []],
  ];
  for (const [text, expected] of rows) {
    test(expected[0] ?? 'none where a wildcard has the address', () => {
      assert.deepEqual(zoneOf(`${text}\n`).warnings.map(renderMistake), expected);
    });
  }
});
