import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, load, loadRight, minimal, mistakesOf } from './loading.ts';

test('a key that stands twice in a mapping is a mistake at the second', () => {
  assert.deepEqual(mistakesOf(changed('  salt: "2026-fleet"', '  salt: "a"\n  salt: "b"')), [
    '8:3 expected every key once in a mapping, got this one again',
  ]);
});

test('syntax mistakes come together, and alone', () => {
  const mistakes = mistakesOf('a: [1, 2\nb: "x\nc: !what 3\nversion: 7\n');
  assert.ok(mistakes.length >= 2, mistakes.join('\n'));
  assert.equal(
    mistakes.some((mistake) => mistake.includes('expected 1')),
    false,
  );
});

test('an unknown tag and a second document are mistakes', () => {
  assert.match(mistakesOf(changed('"2026-fleet"', '!vault "2026-fleet"')).join('\n'), /^7:9 /);
  assert.equal(mistakesOf(`${minimal}---\nversion: 1\n`).length, 1);
});

test('aliases work, and a bomb of them is refused', () => {
  const shared = changed('trustedCas: [certs/device-ca.pem]', 'trustedCas: &cas [certs/device-ca.pem]');
  const listener = `  - { name: second, bind: "127.0.0.1:0", tls: { certificates: [ { cert: certs/server.pem, key: certs/server.key } ], trustedCas: *cas } }\nbrokers:`;
  assert.deepEqual(loadRight(changed('brokers:', listener, shared)).configuration.listeners[1]?.tls?.trustedCas, [
    '/etc/crossfade/certs/device-ca.pem',
  ]);
  const layers = Array.from({ length: 9 }, (_, index) => `l${index + 1}: &l${index + 1} [${`*l${index},`.repeat(9)}]`);
  assert.match(mistakesOf(`l0: &l0 [x]\n${layers.join('\n')}\n`).join('\n'), /aliases that are not in each other/);
  assert.match(
    mistakesOf(`a: &a 1\nb: [${'*a,'.repeat(101)}]\n`).join('\n'),
    /^2:\d+ expected at most 100 aliases, got more$/,
  );
});

test('a mistake behind an alias stands where it was written', () => {
  const text = changed('"0.0.0.0:8883"', '&address "0.0.0.0"');
  assert.deepEqual(mistakesOf(changed('brokers:', '  - { name: second, bind: *address }\nbrokers:', text)), [
    '10:20 listeners[0].bind: expected an IP address and port such as "0.0.0.0:8883" or "[::]:8883", got "0.0.0.0"',
    '10:20 listeners[1].bind: expected an IP address and port such as "0.0.0.0:8883" or "[::]:8883", got "0.0.0.0"',
  ]);
});

test('nesting without end is a mistake, not a crash', () => {
  assert.match(mistakesOf('['.repeat(50_000)).join('\n'), /nested too deeply|^1:/);
});

test('keys that objects inherit are no brokers and no cohorts', () => {
  assert.match(
    mistakesOf(changed('default: legacy', 'default: constructor')).join('\n'),
    /expected the name of a broker/,
  );
  assert.equal(load(changed('  successor:', '  __proto__:')).ok, false);
});

test('column and line count from 1 behind a byte order mark and with CRLF', () => {
  const text = `\uFEFF${changed('"2026-fleet"', '2026').replaceAll('\n', '\r\n')}`;
  assert.deepEqual(mistakesOf(text), ['7:9 fleet.salt: expected text, got 2026']);
});

test('a key that is a list, a mapping or an alias is a mistake at its place', () => {
  assert.deepEqual(mistakesOf(changed('"2026-fleet"', '{ { a: 1 }: 2, [b]: 3, &c d: 4, *c : 5 }')), [
    '7:11 expected a key of plain text, got a list, mapping or alias',
    '7:24 expected a key of plain text, got a list, mapping or alias',
    '7:41 expected a key of plain text, got a list, mapping or alias',
  ]);
});

test('syntax mistakes quote nothing of the file', () => {
  for (const written of [
    '*hunter2',
    '!hunter2',
    '"hun\\hunter2"',
    '"a" hunter2',
    '@hunter2',
    '%hunter2',
    '&hunter2',
    '`hunter2',
  ]) {
    const mistakes = mistakesOf(changed('salt: "2026-fleet"', `salt: ${written}`)).join('\n');
    assert.equal(mistakes.includes('hunter2'), false, mistakes);
    assert.match(mistakes, /^7:\d+ /);
  }
});
