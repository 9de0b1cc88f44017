import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ParkedLeg, ParkedLegs } from '../../src/session/parked-legs.ts';

const lingerMs = 1_000;

function legOf(connection: number, broker: string, worker = 0): ParkedLeg {
  return { worker, connection, epoch: 100 + connection, broker };
}

describe('ParkedLegs', () => {
  it('names the legs on other brokers until each is closed, however often it is asked', () => {
    const parked = new ParkedLegs(lingerMs);
    for (const leg of [legOf(1, 'legacy'), legOf(2, 'target'), legOf(1, 'legacy', 1)]) parked.park('meter-7', leg, 0);
    const onLegacy = [legOf(1, 'legacy'), legOf(1, 'legacy', 1)];
    assert.deepEqual(parked.elsewhere('meter-7', 'target', 1), onLegacy);
    assert.deepEqual(parked.elsewhere('meter-7', 'target', 2), onLegacy);
    assert.deepEqual(parked.elsewhere('meter-7', 'legacy', 3), [legOf(2, 'target')]);
    parked.forget('meter-7', { worker: 0, connection: 1 });
    assert.deepEqual(parked.elsewhere('meter-7', 'target', 4), [legOf(1, 'legacy', 1)]);
    parked.forget('meter-7', { worker: 1, connection: 1 });
    parked.forget('meter-8', { worker: 0, connection: 2 });
    assert.deepEqual(parked.elsewhere('meter-7', 'target', 5), []);
    assert.deepEqual(parked.elsewhere('meter-7', 'legacy', 5), [legOf(2, 'target')]);
  });

  it('believes the last word about a leg', () => {
    const parked = new ParkedLegs(lingerMs);
    parked.park('meter-7', legOf(1, 'target'), 0);
    parked.park('meter-7', legOf(1, 'legacy'), 1);
    assert.deepEqual(parked.elsewhere('meter-7', 'legacy', 2), []);
    assert.deepEqual(parked.elsewhere('meter-7', 'target', 2), [legOf(1, 'legacy')]);
  });

  it('forgets a leg when it is cut anyway', () => {
    const parked = new ParkedLegs(lingerMs);
    parked.park('meter-7', legOf(1, 'legacy'), 0);
    parked.park('meter-7', legOf(2, 'legacy'), 10);
    assert.deepEqual(parked.elsewhere('meter-7', 'target', lingerMs), [legOf(2, 'legacy')]);
    assert.deepEqual(parked.elsewhere('meter-7', 'target', lingerMs + 10), []);
  });
});
