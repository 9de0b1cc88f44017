import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../src/base/result.ts';
import { steeredNameBehind } from '../../src/dns/alias-circle.ts';
import { parseName, renderName, type WireName } from '../../src/dns/wire-name.ts';
import type { Zone } from '../../src/dns/zone.ts';
import { compileZone } from '../../src/dns/zone-compiling.ts';
import { frontDoor, ownNames } from './steering-world.ts';

const head = '$TTL 300\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n';

function zoneOf(origin: string, lines: string, rules: readonly (typeof frontDoor | typeof ownNames)[] = []): Zone {
  const source = { origin, file: 'zone', text: head + lines, rules, keys: [] };
  const compiled = compileZone({ ...source, readInclude: () => failure('nothing is included') });
  assert.ok(compiled.ok);
  return compiled.value.zone;
}

function name(text: string): WireName {
  const parsed = parseName(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

const zones = [
  zoneOf(
    'example.com',
    'edge CNAME @\nfar CNAME edge\nto-other CNAME here.example.net.\nown CNAME meter-7.d\nplain A 192.0.2.2\nout CNAME x.example.org.\n',
    [frontDoor, ownNames],
  ),
  zoneOf('example.net', 'here CNAME example.com.\nloop CNAME back.example.com.\ntree DNAME example.com.\n'),
];

const rows: readonly (readonly [alias: string, steered: string | undefined])[] = [
  ['edge.example.com', 'example.com.'],
  ['far.example.com', 'example.com.'],
  ['to-other.example.com', 'example.com.'],
  ['own.example.com', 'meter-7.d.example.com.'],
  ['edge.tree.example.net', 'example.com.'],
  ['plain.example.com', undefined],
  ['out.example.com', undefined],
  ['nothing.example.com', undefined],
  ['x.example.org', undefined],
];

for (const [alias, steered] of rows) {
  test(`an alias to ${alias} leads to ${steered ?? 'no steered name'}`, () => {
    const found = steeredNameBehind(zones, name(alias));
    assert.equal(found && renderName(found), steered);
  });
}
