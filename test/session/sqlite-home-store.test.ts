import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
});
