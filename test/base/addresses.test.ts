import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseHostPort, renderHostPort } from '../../src/base/addresses.ts';

describe('parseHostPort', () => {
  const rows = [
    ['0.0.0.0:8883', '0.0.0.0', 8883],
    ['[::]:53', '::', 53],
    ['[2001:db8::1]:0', '2001:db8::1', 0],
    ['broker.internal:65535', 'broker.internal', 65_535],
  ] as const;
  for (const [text, host, port] of rows) {
    test(`reads ${text}`, () => assert.deepEqual(parseHostPort(text), { ok: true, value: { host, port } }));
  }

  for (const text of [
    '',
    '8883',
    ':8883',
    'host',
    'host:',
    'host:65536',
    'host:-1',
    '::1:53',
    '[::1]',
    '[host]:1',
    '[1.2.3.4]:1',
    'a:1 ',
  ]) {
    test(`refuses ${JSON.stringify(text)} and says what was expected`, () => {
      const parsed = parseHostPort(text);
      assert.ok(
        !parsed.ok && parsed.error.startsWith('expected host:port') && parsed.error.endsWith(JSON.stringify(text)),
      );
    });
  }

  test('reads back what renderHostPort shows', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.nat(65_535), (host, port) => {
        assert.deepEqual(parseHostPort(renderHostPort({ host, port })), { ok: true, value: { host, port } });
      }),
    );
  });
});
