import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';
import { runHomeStoreContract } from './home-store-contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossfade-homes-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

function newPath(): string {
  files += 1;
  return join(directory, `homes-${files}.db`);
}

runHomeStoreContract('SQLite', () => {
  const path = newPath();
  return { store: openSqliteHomeStore(path), reopen: () => openSqliteHomeStore(path) };
});

describe('openSqliteHomeStore', () => {
  it('lets a worker read while the control process writes', () => {
    const path = newPath();
    const writer = openSqliteHomeStore(path);
    const reader = openSqliteHomeStore(path, { readOnly: true });
    writer.record('meter-7', 'legacy');
    assert.equal(reader.homeOf('meter-7'), undefined);
    writer.flush();
    assert.equal(reader.homeOf('meter-7'), 'legacy');
    reader.close();
    writer.close();
  });

  it('goes on with a file of an earlier version, also where that can only be read', () => {
    const path = newPath();
    const earlier = new DatabaseSync(path);
    earlier.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE homes (client_id TEXT PRIMARY KEY, broker TEXT NOT NULL) WITHOUT ROWID, STRICT;
      INSERT INTO homes VALUES ('meter-7', 'legacy');
    `);
    earlier.close();
    const reader = openSqliteHomeStore(path, { readOnly: true });
    assert.deepEqual([reader.homeOf('meter-7'), reader.epochOf('meter-7')], ['legacy', 0]);
    assert.deepEqual([reader.formerOf('meter-7'), reader.remainsOf('meter-7')], [[], undefined]);
    reader.close();
    const store = openSqliteHomeStore(path);
    store.record('meter-7', 'aws', 3);
    store.close();
    const again = openSqliteHomeStore(path);
    assert.deepEqual([again.homeOf('meter-7'), again.formerOf('meter-7')], ['aws', ['legacy']]);
    again.close();
  });

  it('bounds what is imported, counts what was settled as room, and takes nothing that it cannot write', () => {
    const path = newPath();
    const store = openSqliteHomeStore(path, { imports: { devices: 2, characters: 200 } });
    const device = (clientId: string) => ({ clientId, subscriptionsKnown: true, held: [] });
    const outcomes = store.learn('first', ['a', 'b', 'c'].map(device));
    assert.deepEqual(outcomes, ['taken', 'taken', 'no-room']);
    store.forget('a');
    assert.deepEqual(store.learn('first', [device('c')]), ['taken']);
    store.close();
    const reader = openSqliteHomeStore(path, { readOnly: true });
    assert.throws(() => reader.learn('second', [device('b')]));
    assert.equal(reader.remainsOf('b')?.subscriptions, '{"known":true,"held":[]}');
    reader.close();
  });
});
