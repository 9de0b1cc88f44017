import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBrokerUrl, renderBrokerUrl } from '../../src/config/broker-url.ts';
import { describeValue, renderMistakes, renderPath } from '../../src/config/configuration-mistake.ts';
import { nearestKey } from '../../src/config/nearest-key.ts';

test('a broker URL is a scheme, a host and a port, and nothing else', () => {
  assert.deepEqual(parseBrokerUrl('mqtt://broker.internal'), { host: 'broker.internal', port: 1883, tls: false });
  assert.deepEqual(parseBrokerUrl('mqtts://[2001:db8::1]:1/'), { host: '2001:db8::1', port: 1, tls: true });
  for (const wrong of [
    'broker:8883',
    'http://broker',
    'MQTT://broker',
    'mqtt://',
    'mqtt://user@broker',
    'mqtt://broker:0',
    'mqtt://broker:65536',
    'mqtt://broker/path',
    'mqtt://broker?query',
    'mqtt://[10.0.0.1]',
    'mqtt://2001:db8::1',
    'mqtt://-broker',
    'mqtt://10.0.0.256',
    'mqtt://bro ker',
    ' mqtt://broker',
  ]) {
    assert.equal(parseBrokerUrl(wrong), undefined, wrong);
  }
});

test('a broker URL that is rendered is read as the same endpoint', () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  const endpoint = fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }), tls: fc.boolean() });
  fc.assert(fc.property(endpoint, (value) => assert.deepEqual(parseBrokerUrl(renderBrokerUrl(value)), { ...value })));
});

test('the nearest key is the one that was probably meant, or none', () => {
  const known = ['bind', 'name', 'minVersion', 'proxyProtocol', 'drainMs'];
  for (const [unknown, meant] of [
    ['bnd', 'bind'],
    ['bidn', 'bind'],
    ['drainMS', 'drainMs'],
    ['min_version', 'minVersion'],
    ['proxyprotocoll', 'proxyProtocol'],
    ['port', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const) {
    assert.equal(nearestKey(unknown, known), meant, unknown.slice(0, 20));
  }
});

test('a path is written so that it can be found again', () => {
  assert.equal(renderPath(['listeners', 0, 'tls', 'certificates', 1, 'cert']), 'listeners[0].tls.certificates[1].cert');
  assert.equal(renderPath(['brokers', 'a.b', 'gen-1', '']), 'brokers["a.b"].gen-1[""]');
});

test('a value in a message is short and on one line', () => {
  assert.equal(describeValue('a\nb'), '"a\\nb"');
  assert.equal(describeValue('x'.repeat(1_000)).length, 82);
  assert.equal(describeValue('mqtt://user:p@ss@broker'), '"mqtt://[hidden]@broker"');
});

test('many mistakes are counted, the first hundred shown', () => {
  const mistakes = Array.from({ length: 150 }, (_, index) => ({
    file: 'f',
    line: index + 1,
    column: 1,
    path: 'p',
    message: 'm',
  }));
  const lines = renderMistakes(mistakes).trimEnd().split('\n');
  assert.equal(lines.length, 102);
  assert.deepEqual(lines.slice(-2), ['… and 50 more', '150 mistakes in the configuration']);
  assert.equal(lines[0], 'f:1:1 p: m');
});
