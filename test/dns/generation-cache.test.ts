import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGenerationCache } from '../../src/dns/generation-cache.ts';

test('createGenerationCache keeps what is used, however much else comes', () => {
  const cache = createGenerationCache<string>(100);
  cache.set(-1, 'kept');
  for (let key = 0; key < 10_000; key += 1) {
    cache.set(key, 'passing');
    assert.equal(cache.get(-1), 'kept');
  }
});

test('createGenerationCache never holds more than its capacity', () => {
  const cache = createGenerationCache<number>(100);
  for (let key = 0; key < 10_000; key += 1) cache.set(key, key);
  const held = Array.from({ length: 10_000 }, (_, key) => key).filter((key) => cache.get(key) !== undefined);
  assert.ok(held.length >= 50 && held.length <= 100, `${held.length}`);
  assert.ok(held.includes(9_999));
});

test('createGenerationCache replaces a value in place, also when it is full', () => {
  const cache = createGenerationCache<number>(4);
  for (let value = 0; value < 20; value += 1) {
    cache.set(1, value);
    assert.equal(cache.get(1), value);
  }
  cache.set(2, 2);
  assert.equal(cache.get(1), 19);
});
