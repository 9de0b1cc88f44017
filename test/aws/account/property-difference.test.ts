import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffProperties } from '../../../src/aws/account/property-difference.ts';

const rows: readonly (readonly [name: string, desired: object, actual: object, paths: readonly string[]])[] = [
  ['the same', { a: 1, b: ['x'] }, { a: 1, b: ['x'] }, []],
  ['a value', { a: 1 }, { a: 2 }, ['a']],
  ['a value deep inside', { a: { b: [{ c: 'x' }] } }, { a: { b: [{ c: 'y' }] } }, ['a.b[0].c']],
  ['a list of another length is one change', { a: ['x'] }, { a: ['x', 'y'] }, ['a']],
  ['a member too many', { a: { b: 1 } }, { a: { b: 1, c: 2 } }, ['a.c']],
  ['a member too few', { a: { b: 1, c: 2 } }, { a: { b: 1 } }, ['a.c']],
  ['the order of members does not count', { a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }, []],
  ['nothing is said about what was not told', { a: 1 }, {}, []],
  ['what is not asked for is not compared', {}, { a: 1 }, []],
  [
    'not set, in any spelling',
    { a: null, b: null, c: null, d: { e: false } },
    { a: '', b: [], c: { f: null }, d: {} },
    [],
  ],
  ['set where it should not be', { a: null }, { a: { b: 'x' } }, ['a']],
  ['not set where it should be', { a: { b: 'x' } }, { a: null }, ['a']],
  ['zero is a value', { a: 0 }, { a: null }, ['a']],
];

for (const [name, desired, actual, paths] of rows) {
  test(`properties differ: ${name}`, () => {
    const { changes } = diffProperties({ ...desired }, { ...actual });
    assert.deepEqual(
      changes.map(({ path }) => path),
      paths,
    );
  });
}

test('what was not told is named, unless it should not be set anyway', () => {
  assert.deepEqual(diffProperties({ a: 'x', b: null, c: 'y' }, { a: 'x' }).notTold, ['c']);
});

test('a value never differs from itself, and from its copy over the wire', () => {
  const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue());
  fc.assert(
    fc.property(record, (value) => {
      assert.deepEqual(diffProperties(value, JSON.parse(JSON.stringify(value))), { changes: [], notTold: [] });
    }),
  );
});
