import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handoverPace, quotaOf, reconnectPace } from '../../src/app/handover-pace.ts';
import type { Configuration } from '../../src/config/configuration.ts';
import { changed, loadRight } from '../config/loading.ts';

function configured(lines: string): Configuration {
  return loadRight(changed('  successor:\n', `  successor:\n${lines}`)).configuration;
}

test('sessions hand over at half of what their new brokers take, filters counted as four a device', () => {
  const plain = configured('');
  assert.equal(handoverPace(plain, ['successor']), plain.limits.reconnectsPerSecond);
  assert.equal(handoverPace(configured('    connectsPerSecond: 30\n'), ['successor', 'legacy']), 15);
  const aws = configured('    profile: aws-iot-core\n    connectsPerSecond: 500\n');
  assert.equal(handoverPace(aws, ['successor']), 62.5);
  assert.deepEqual(quotaOf(aws, 'successor'), { connectsPerSecond: 500, filtersPerSecond: 500 });
  assert.deepEqual(quotaOf(aws, 'nobody'), { connectsPerSecond: null, filtersPerSecond: null });
});

test('sessions are closed as fast as the limit and their new brokers allow', () => {
  assert.equal(reconnectPace(configured(''), ['successor']), 500);
  assert.equal(reconnectPace(configured('    connectsPerSecond: 30\n'), ['successor']), 30);
});
