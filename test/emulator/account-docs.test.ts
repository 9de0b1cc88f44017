import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { accountLimitDefaults } from '../../src/emulator/account/limits.ts';
import { sqlFunctionNamed } from '../../src/emulator/rules/sql-functions.ts';
import { maxRunningDefault } from '../../src/emulator/rules/rules-engine.ts';

const limits = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');

test('docs/limits.md has what the emulated account may have', () => {
  const missing = Object.entries(accountLimitDefaults).filter(
    ([name, value]) => !limits.includes(`| \`${name}\` | ${value} |`),
  );
  assert.deepEqual(missing, []);
  assert.ok(limits.includes(`| Messages whose rules run at the same time | ${maxRunningDefault} |`));
});

test('docs/aws-emulator.md names functions of SQL that there are', () => {
  const page = readFileSync(new URL('../../docs/aws-emulator.md', import.meta.url), 'utf8');
  const names = /the functions ([\w, ]+);/.exec(page)?.[1]?.split(', ') ?? [];
  assert.ok(names.length > 10);
  assert.deepEqual(
    names.filter((name) => sqlFunctionNamed(name)?.name !== name),
    [],
  );
});
