import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deepFreeze } from '../../src/base/freeze.ts';

test('deepFreeze freezes every part in place and leaves values alone', () => {
  const tree = { list: [{ deep: { text: 'a' } }], none: null, count: 1 };
  assert.equal(deepFreeze(tree), tree);
  assert.throws(() => tree.list.push({ deep: { text: 'b' } }), TypeError);
  assert.throws(() => Object.assign(tree.list[0]?.deep ?? {}, { text: 'b' }), TypeError);
  assert.equal(deepFreeze(5), 5);
});
