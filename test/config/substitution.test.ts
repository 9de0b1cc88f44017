// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…}
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, loadRight, mistakesOf } from './loading.ts';

const saltOf = (written: string, world: Parameters<typeof loadRight>[1]) =>
  loadRight(changed('"2026-fleet"', written), world).configuration.fleet.salt;

test('variables and files are put in, also inside longer text, and are not looked at again', () => {
  const world = { variables: { A: 'a', B: '${A}' }, files: { '/etc/crossfade/s': 'from file\n', '/abs': 'x\r\n' } };
  assert.equal(saltOf('"1-${A}-${B}-2"', world), '1-a-${A}-2');
  assert.equal(saltOf('"${file:s}"', world), 'from file');
  assert.equal(saltOf('"${file:/abs}${A}"', world), 'xa');
  assert.equal(saltOf("'${A}'", world), 'a');
});

test('only one trailing newline of a file is dropped', () => {
  assert.equal(saltOf('"${file:s}"', { files: { '/etc/crossfade/s': 'a\n\n' } }), 'a\n');
});

test('$${ is a literal ${, and a lone dollar is itself', () => {
  assert.equal(saltOf('"$${A} costs $5 or {x}"', {}), '${A} costs $5 or {x}');
});

test('what is missing or malformed is a mistake at its scalar', () => {
  assert.deepEqual(mistakesOf(changed('"2026-fleet"', '"${NO} ${file:no} ${a b} ${x"')), [
    '7:9 expected the environment variable NO to be set, got nothing',
    '7:9 expected a readable file for ${file:PATH}, got "no": no such file',
    '7:9 expected ${NAME} or ${file:PATH} (write $${ for a literal ${), got "${a b}"',
    '7:9 expected a closing } after ${ (write $${ for a literal ${), got none',
  ]);
});

test('an unset variable hides no other mistake and makes no second one', () => {
  const text = changed('version: 1', 'version: 1\nworkers: ${NO}\nlog: { level: loud }');
  assert.deepEqual(mistakesOf(text), [
    '4:10 expected the environment variable NO to be set, got nothing',
    '5:15 log.level: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
  ]);
});

test('a plain scalar becomes the number or boolean that its place wants; text stays text', () => {
  const text = changed(
    'version: 1',
    'version: 1\nworkers: ${N}\nlimits:\n  drainMs: ${N}000\nstore:\n  create: ${NO}\n  path: ${N}',
  );
  const { configuration } = loadRight(changed('"2026-fleet"', '${N}', text), { variables: { N: '12', NO: 'false' } });
  assert.equal(configuration.workers, 12);
  assert.equal(configuration.limits.drainMs, 12_000);
  assert.deepEqual(configuration.store, { kind: 'sqlite', path: '/etc/crossfade/12', create: false });
  assert.equal(configuration.fleet.salt, '12');
});

test('a quoted scalar stays text', () => {
  assert.deepEqual(mistakesOf(changed('version: 1', 'version: 1\nworkers: "${N}"'), { variables: { N: '12' } }), [
    '4:10 workers: expected auto, or a whole number from 1 to 1024, got what "${N}" stands for',
  ]);
});

test('a substituted number out of range is a mistake that names no value', () => {
  assert.deepEqual(mistakesOf(changed('version: 1', 'version: 1\nworkers: ${N}'), { variables: { N: '99999' } }), [
    '4:10 workers: expected a whole number from 1 to 1024, got what "${N}" stands for',
  ]);
});

test('a bare reference inside { } is a mistake that says what to do', () => {
  assert.equal(
    mistakesOf(changed('"${CROSSFADE_TOKEN}"', '${CROSSFADE_TOKEN}'))[0],
    '28:44 expected ${…} to be in quotes inside { } and [ ], got it bare',
  );
});

test('an empty variable is an empty token, which is a mistake', () => {
  assert.match(
    mistakesOf(changed('x', 'x'), { variables: { CROSSFADE_TOKEN: '' } }).join('\n'),
    /^28:43 admin\.tokens\[0\]\.token: .* got what "\$\{CROSSFADE_TOKEN\}" stands for \(empty\)$/,
  );
});

test('keys and comments are not substituted', () => {
  const text = changed('version: 1', 'version: 1 # ${NO}');
  assert.equal(loadRight(text).configuration.version, 1);
  assert.match(mistakesOf(changed('version: 1', 'version: 1\n"${A}": 1')).join('\n'), /unknown key "\$\{A\}"/);
});
