import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fleetNeeds } from '../../../src/aws/account/fleet-needs.ts';
import { renderDuration } from '../../../src/cli/aws-status-rendering.ts';

const size = { devices: 10_000_000, subscriptionsPerDevice: 2, publishesPerHour: 12, deliveriesPerHour: 0 };

function needOf(quota: string, own = {}) {
  const found = fleetNeeds(size, own).quotas.find((need) => need.quota === quota);
  assert.ok(found);
  return found;
}

test('ten million devices against the default quotas take the times that the arithmetic says', () => {
  assert.equal(needOf('connectsPerSecond').seconds, 20_000);
  assert.equal(renderDuration(20_000), '5 h 33 min');
  assert.equal(needOf('registrationsPerSecond').seconds, 10_000_000 / 15);
  assert.equal(renderDuration(10_000_000 / 15), '7 d 17 h');
  assert.equal(needOf('subscriptionsPerSecond').seconds, 40_000);
  assert.equal(fleetNeeds(size).connectionMinutesPerMonth, 438_000_000_000);
});

test('a count beyond its quota is not enough, up to it it is, and the account’s own figure counts', () => {
  assert.equal(needOf('connections').isEnough, false);
  assert.equal(needOf('connections', { connections: 9_999_999 }).isEnough, false);
  const own = needOf('connections', { connections: 10_000_000 });
  assert.deepEqual([own.isEnough, own.source], [true, 'configured']);
  assert.deepEqual(
    [needOf('inboundPublishesPerSecond').needed, needOf('inboundPublishesPerSecond').isEnough],
    [(10_000_000 * 12) / 3_600, false],
  );
});

test('a duration is its two largest units', () => {
  assert.deepEqual([0, 90, 121, 3_600, 7_260, 86_400 * 2, 86_400 * 2 - 1].map(renderDuration), [
    '0 s',
    '90 s',
    '2 min',
    '60 min',
    '2 h 1 min',
    '2 d 0 h',
    '2 d 0 h',
  ]);
});
