import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handoverPace, paceTerms, quotaOf, reconnectPace } from '../../src/app/handover-pace.ts';
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

test('an operator paces a handover no faster than its new brokers take CONNECTs, and is told', () => {
  const bounded = configured('    connectsPerSecond: 30\n');
  assert.deepEqual(paceTerms(bounded, ['successor'], undefined), { pacePerSecond: 15, connectsPerSecond: 15 });
  assert.deepEqual(paceTerms(bounded, ['successor'], 20), { pacePerSecond: 20, connectsPerSecond: 27 });
  assert.deepEqual(paceTerms(bounded, ['legacy', 'successor'], 200), {
    ...{ pacePerSecond: 27, connectsPerSecond: 27 },
    paceNote: 'paced at 27/s, not 200/s: of what broker successor takes, 30 CONNECTs/s',
  });
  assert.deepEqual(paceTerms(configured(''), ['successor'], 2_000), { pacePerSecond: 2_000 });
});
