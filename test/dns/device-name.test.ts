import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../src/base/result.ts';
import { deviceName } from '../../src/dns/device-name.ts';
import { renderName } from '../../src/dns/wire-name.ts';
import { compileZone } from '../../src/dns/zone-compiling.ts';
import { ownNames } from './steering-world.ts';

const text = '$TTL 300\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n';

const zones = ['example.com', 'mqtt.example.com'].map((origin) => {
  const rules = origin === 'mqtt.example.com' ? [ownNames] : [];
  const source = { origin, file: 'zone', text, rules, keys: [], readInclude: () => failure('none') };
  const compiled = compileZone(source);
  assert.ok(compiled.ok);
  return compiled.value;
});

test('a device has its name in the zone that the name asked for is in, not in one above it', () => {
  for (const name of ['mqtt.example.com', 'd.mqtt.example.com.']) {
    const found = deviceName(zones, name, 'meter-7');
    assert.equal(found.ok && renderName(found.value), 'meter-7.d.mqtt.example.com.');
  }
  assert.deepEqual(deviceName(zones, 'example.com', 'meter-7'), {
    ok: false,
    error: 'name: no zone of example.com has names of devices',
  });
});
