import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { deviceLabels, keyOfDeviceLabels } from '../../src/plan/device-label.ts';

const keys = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
  fc.string({ unit: fc.constantFrom('a', 'z', '0', '9', '-', 'x', 'A', '.'), minLength: 1, maxLength: 70 }),
);

describe('deviceLabels', () => {
  test('a host label is itself, everything else is x-- and base32hex', () => {
    assert.deepEqual(deviceLabels('device-000001'), ['device-000001']);
    // RFC 4648 section 10: base32hex of "fooba" is CPNMUOJ1, of "foobar" CPNMUOJ1E8======.
    for (const key of ['Foobar', 'foo.bar', 'foobar-', '-foobar', 'x--foobar', 'söner', 'a'.repeat(64), 'foo_bar']) {
      const text = deviceLabels(key).join('');
      assert.equal(text, `x--${base32hex(Buffer.from(key))}`, key);
    }
    assert.equal(base32hex(Buffer.from('foobar')), 'cpnmuoj1e8');
    assert.deepEqual(
      deviceLabels('a'.repeat(64)).map(({ length }) => length),
      [63, 43],
    );
  });

  test('every label is one of DNS, and the key can be read back in any case', () => {
    fc.assert(
      fc.property(keys, fc.boolean(), (key, isUpperCase) => {
        const labels = deviceLabels(key);
        for (const label of labels) assert.match(label, /^[a-z0-9-]{1,63}$/);
        for (const label of labels.slice(0, -1)) assert.equal(label.length, 63);
        assert.equal(keyOfDeviceLabels(isUpperCase ? labels.map((label) => label.toUpperCase()) : labels), key);
      }),
    );
  });

  test('two keys never share a name, not even when only their case differs', () => {
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        for (const [a, b] of [
          [one, other],
          [one, one.toUpperCase()],
        ] as const) {
          if (a !== b) assert.notDeepEqual(deviceLabels(a), deviceLabels(b));
        }
      }),
    );
  });
});

describe('keyOfDeviceLabels', () => {
  const nobody: readonly (readonly [string, readonly string[]])[] = [
    ['no label', []],
    ['an empty label', ['']],
    ['a plain key in two labels', ['ab', 'cd']],
    ['the prefix alone', ['x--']],
    ['a digit outside base32hex', ['x--z']],
    ['a host label that needed no encoding', [`x--${base32hex(Buffer.from('device'))}`]],
    ['bits that are left over', ['x--8hin6qb3cl']],
    ['bytes that are no UTF-8', [`x--${base32hex(Buffer.from([0xff, 0xfe]))}`]],
    ['a cut in another place', ['x--8hin', '6qb3ck']],
    ['a label that no key has', ['-a']],
  ];
  for (const [name, labels] of nobody) {
    test(`${name} names nobody`, () => assert.equal(keyOfDeviceLabels(labels), undefined));
  }
});

/** RFC 4648 section 7 without padding, the obvious way. */
function base32hex(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, '0'), 2).toString(32)).join('');
}
