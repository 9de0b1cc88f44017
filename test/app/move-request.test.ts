import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationsOf, type MoveRequest, orderOf, pointsElsewhere } from '../../src/app/move-request.ts';
import { request } from './moves-world.ts';

function asked(kind: MoveRequest['kind'], weightBps: number, formerBps?: number, prepareBps?: number): MoveRequest {
  const former = formerBps === undefined ? {} : { formerBps };
  const placements = [{ name: 'everyone', source: 'legacy', target: 'aws', weightBps, ...former }];
  const prepare = prepareBps === undefined ? {} : { prepare: { cohort: 'everyone', weightBps: prepareBps } };
  return { ...request, kind, placements, ...prepare };
}

test('sessions go where the weight sends them, whatever the verb is called', () => {
  const table: readonly (readonly [MoveRequest, string[], string])[] = [
    [asked('cutover', 6_000, 3_000), ['aws'], 'first-first'],
    [asked('cutover', 6_000, 10_000), ['legacy'], 'last-first'],
    [asked('cutover', 6_000, 6_000), ['aws', 'legacy'], 'first-first'],
    [asked('cutover', 6_000), ['aws'], 'first-first'],
    [asked('rollback', 0, 6_000), ['legacy'], 'last-first'],
    [asked('rollback', 0, 0), ['legacy'], 'last-first'],
    [asked('cutover', 6_000, undefined, 9_000), ['aws'], 'first-first'],
    [asked('cutover', 6_000, undefined, 1_000), ['legacy'], 'last-first'],
  ];
  for (const [move, destinations, order] of table) {
    assert.deepEqual([destinationsOf(move), orderOf(move)], [destinations, order], JSON.stringify(move.placements));
  }
});

test('what was begun is taken back for a newer move that goes the other way', () => {
  const older = asked('cutover', 5_000, 1_000);
  assert.equal(pointsElsewhere(older, asked('cutover', 9_000, 5_000)), false);
  assert.equal(pointsElsewhere(older, asked('cutover', 4_000, 5_000)), true);
  assert.equal(pointsElsewhere(older, asked('rollback', 0, 5_000)), true);
});
