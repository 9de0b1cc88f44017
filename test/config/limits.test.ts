// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileBounds } from '../../src/config/file-bounds.ts';
import { limitDefaults } from '../../src/config/limits.ts';
import { changed, loadRight, mistakesOf } from './loading.ts';

const text = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');

test('docs/limits.md has every limit with its default, and its unit where the name tells', () => {
  const section = text.slice(text.indexOf('## Set under'), text.indexOf('## Set elsewhere'));
  const rows = [...section.matchAll(/^\| `(\w+)`\s*\| (\d+)\s*\| (\S+)\s*\| (.+\S)\s*\|$/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)])), limitDefaults);
  for (const [, name = '', , unit] of rows) {
    if (name.endsWith('Ms')) assert.equal(unit, 'ms', name);
    if (name.endsWith('Bytes')) assert.equal(unit, 'bytes', name);
  }
});

test('docs/limits.md has the bounds of the files that are read', () => {
  const shown: Record<keyof typeof fileBounds, string> = {
    configurationBytes: 'The configuration file | 1 MiB',
    substitutedBytes: 'A file taken by `${file:PATH}` | 64 KiB',
    pemBytes: 'A certificate, CA or key file | 4 MiB',
    crlBytes: 'A CRL | 64 MiB',
    includeBytes: "A cohort's `clientIdsFile` | 64 MiB",
    zoneBytes: 'A zone file | 16 MiB',
  };
  const plain = text.replaceAll(/ +\|/g, ' |');
  for (const [name, row] of Object.entries(shown)) {
    assert.ok(plain.includes(`| ${row} |`), row);
    const [, number, unit] = /(\d+) ([KM])iB$/.exec(row) ?? [];
    const bytes = Number(number) * (unit === 'K' ? 1_024 : 1_048_576);
    assert.equal(fileBounds[name as keyof typeof fileBounds], bytes, name);
  }
});

test('every limit can be set, and only to what a timer and a counter can hold', () => {
  for (const [name, value] of Object.entries(limitDefaults)) {
    const withLimit = (written: string) => changed('version: 1', `version: 1\nlimits: { ${name}: ${written} }`);
    const { limits } = loadRight(withLimit('7')).configuration;
    assert.deepEqual(limits, { ...limitDefaults, [name]: 7 });
    for (const wrong of ['0', '-1', '1.5', '2147483648', 'many', `"${value}"`]) {
      assert.match(mistakesOf(withLimit(wrong)).join('\n'), /: expected a whole number from 1 to 2147483647, got /);
    }
  }
});
