import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WorkerHomes } from '../../src/app/worker-homes.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';

const text = (filter: string) => `{"known":true,"held":[["${filter}",1,1]]}`;

function openHomes(): WorkerHomes {
  return new WorkerHomes(() => openSqliteHomeStore(':memory:'));
}

describe('WorkerHomes', () => {
  it('keeps a change until its number is on disk, and what came after it', () => {
    const homes = openHomes();
    const first = homes.note({ clientId: 'a', epoch: 1, broker: 'legacy' });
    const second = homes.note({ clientId: 'b', epoch: 2, broker: 'legacy' });
    homes.note({ clientId: 'a', epoch: 1, broker: 'aws', former: ['legacy'] });
    homes.noted(second.number);
    assert.ok(first.number < second.number);
    assert.deepEqual(
      homes.changes().homes.map(({ clientId, broker }) => [clientId, broker]),
      [['a', 'aws']],
    );
    homes.noted(second.number + 1);
    assert.deepEqual(homes.changes(), { homes: [], purges: [] });
  });

  it('takes all that is not on disk of a session together', () => {
    const homes = openHomes();
    homes.note({ clientId: 'a', epoch: 1, broker: 'legacy', remains: { received: [], subscriptions: text('x') } });
    homes.note({ clientId: 'a', epoch: 1, broker: 'aws', former: ['legacy'], remains: { received: [] } });
    homes.note({ clientId: 'a', epoch: 1, broker: 'aws', remains: { received: [7] } });
    const [{ number: _, ...change } = { number: 0 }] = homes.changes().homes;
    const remains = { received: [7], subscriptions: text('x') };
    assert.deepEqual(change, { clientId: 'a', epoch: 1, broker: 'aws', former: ['legacy'], remains });
    assert.deepEqual(homes.remainsOf('a'), remains);
    assert.equal(homes.epochOf('a'), 1);
  });

  it('forgets a purge of a broker that was left again', () => {
    const homes = openHomes();
    homes.note({ clientId: 'a', epoch: 1, broker: 'aws', former: ['legacy', 'third'] });
    homes.purge({ clientId: 'a', broker: 'legacy' });
    homes.purge({ clientId: 'a', broker: 'third' });
    assert.deepEqual(homes.formerOf('a'), []);
    homes.note({ clientId: 'a', epoch: 1, broker: 'aws', former: ['legacy'] });
    assert.deepEqual(homes.formerOf('a'), ['legacy']);
    assert.deepEqual(
      homes.changes().purges.map(({ broker }) => broker),
      ['third'],
    );
  });

  it('takes subscriptions without room for not known, and has the room back when they are on disk', () => {
    const homes = openHomes();
    const long = text('x'.repeat(200_000));
    let last = 0;
    for (let device = 0; device < 200; device += 1) {
      const remains = { received: [], subscriptions: long };
      last = homes.note({ clientId: `meter-${device}`, epoch: 1, broker: 'legacy', remains }).number;
    }
    assert.equal(homes.remainsOf('meter-0')?.subscriptions, long);
    assert.equal(homes.remainsOf('meter-199')?.subscriptions, '{"known":false,"held":[]}');
    homes.noted(last);
    homes.note({ clientId: 'meter-199', epoch: 1, broker: 'legacy', remains: { received: [], subscriptions: long } });
    assert.equal(homes.remainsOf('meter-199')?.subscriptions, long);
  });
});
