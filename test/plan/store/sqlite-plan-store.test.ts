import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import type { PlanStore } from '../../../src/plan/store/plan-store.ts';
import { openSqlitePlanStore } from '../../../src/plan/store/sqlite-plan-store.ts';
import { append, entryAt, runPlanStoreContract } from './plan-store-contract.ts';

function storePath(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-store-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'var', 'plan.db');
}

function openStore(
  context: TestContext,
  path: string,
  options: { readOnly?: boolean; create?: boolean } = {},
): PlanStore {
  const opened = openSqlitePlanStore({ path, create: true, pollMs: 5, ...options });
  assert.ok(opened.ok, opened.ok ? '' : opened.error.message);
  context.after(() => opened.value.close());
  return opened.value;
}

function openFailure(path: string, options: { readOnly?: boolean; create?: boolean } = {}) {
  const opened = openSqlitePlanStore({ path, create: true, ...options });
  assert.ok(!opened.ok, 'expected a failure');
  assert.ok(opened.error.message.startsWith(`plan store ${path}: `), opened.error.message);
  return opened.error;
}

/** A statement by somebody who knows nothing of the store. */
function meddle(path: string, statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}

/** Nobody may write the file or its directory meanwhile; for root, who always may, another user asks. */
function withoutWritePermission<Value>(path: string, action: () => Value): Value {
  const isRoot = process.geteuid?.() === 0;
  for (const parent of [dirname(path), dirname(dirname(path))]) chmodSync(parent, 0o555);
  chmodSync(path, 0o444);
  if (isRoot) process.seteuid?.(65_534);
  try {
    return action();
  } finally {
    if (isRoot) process.seteuid?.(0);
    for (const parent of [dirname(path), dirname(dirname(path))]) chmodSync(parent, 0o755);
  }
}

async function latestNumber(store: PlanStore): Promise<number | undefined> {
  const latest = await store.latest();
  assert.ok(latest.ok, latest.ok ? '' : JSON.stringify(latest.error));
  return latest.value?.revision;
}

runPlanStoreContract('sqlite plan store', (context) => {
  const path = storePath(context);
  return {
    store: openStore(context, path),
    openAnother: () => openStore(context, path),
    damage: () => meddle(path, 'ALTER TABLE revision RENAME TO gone'),
    repair: () => meddle(path, 'ALTER TABLE gone RENAME TO revision'),
  };
});

describe('openSqlitePlanStore', () => {
  test('revisions outlive the process that made them', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 3);
    await store.close();
    assert.deepEqual(await openStore(context, path, { create: false }).latest(), {
      ok: true,
      value: { revision: 3, ...entryAt(2) },
    });
  });

  test('create: false refuses a missing file, an empty one and a store without a plan, and makes none', async (context) => {
    const path = storePath(context);
    assert.deepEqual(openFailure(path, { create: false }).kind, 'missing');
    assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
    await openStore(context, path).close();
    assert.match(openFailure(path, { create: false }).message, /expected a store with a plan, found none: restore it/);
    truncateSync(path);
    assert.equal(openFailure(path, { create: false }).kind, 'missing');
    assert.equal(openFailure(path, { readOnly: true }).kind, 'missing');
  });

  test('what is no database, damaged, foreign or newer is refused and left as it is', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 2);
    await store.close();
    const sound = readFileSync(path);
    const rows: readonly (readonly [string, () => void, RegExp])[] = [
      ['text', () => writeFileSync(path, 'weightBps: 10000\n'.repeat(300)), /not a database/],
      [
        'damaged schema',
        () => writeFileSync(path, Buffer.concat([sound.subarray(0, 100), Buffer.alloc(sound.length - 100, 7)])),
        /malformed/,
      ],
      ['newer', () => meddle(path, 'PRAGMA user_version = 2'), /expected a plan store of version 1, got version 2/],
      ['foreign', () => meddle(path, 'PRAGMA application_id = 5'), /no plan store/],
    ];
    for (const [name, spoil, expected] of rows) {
      writeFileSync(path, sound);
      spoil();
      const spoiled = readFileSync(path);
      for (const options of [{ create: true }, { create: false }, { readOnly: true }]) {
        const failure = openFailure(path, options);
        assert.deepEqual(
          [failure.kind, expected.test(failure.message)],
          ['unavailable', true],
          `${name}: ${failure.message}`,
        );
      }
      assert.deepEqual(readFileSync(path), spoiled, name);
    }
  });

  test('a damaged revision is a failure that names it, and the sound ones are still read', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 2);
    meddle(path, `DROP TRIGGER revision_stays; UPDATE revision SET plan = '{"default":"legacy"}' WHERE revision = 2`);
    const latest = await store.latest();
    assert.ok(!latest.ok && latest.error.kind === 'unavailable');
    assert.match(latest.error.message, /revision 2 is damaged: salt: expected the fleet's salt, got nothing/);
    assert.ok((await store.revision(1)).ok);
  });

  test('a file that was removed or replaced under the store takes no further revision', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 1);
    renameSync(path, `${path}.moved`);
    for (const answer of [await store.compareAndSet(1, entryAt(1)), await store.latest()]) {
      assert.ok(!answer.ok && answer.error.kind === 'unavailable');
      assert.match(answer.error.message, /removed or replaced/);
    }
    renameSync(`${path}.moved`, path);
    assert.equal(await latestNumber(store), 1);
  });

  test('a plan that could not be read back is refused, not kept', async (context) => {
    const store = openStore(context, storePath(context));
    const { plan, ...entry } = entryAt(0);
    const answer = await store.compareAndSet(0, { ...entry, plan: { ...plan, salt: 'a|b' } });
    assert.ok(!answer.ok && answer.error.kind === 'unavailable');
    assert.match(answer.error.message, /refuses to keep what it could not read again: .*salt without \| and \//);
    assert.equal(await latestNumber(store), undefined);
  });

  test('a file that must not be written is refused at once, and readers read it', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 2);
    await store.close();
    withoutWritePermission(path, () => {
      assert.match(openFailure(path).message, /readonly/);
      assert.match(openFailure(path, { create: false }).message, /readonly/);
    });
    const reader = withoutWritePermission(path, () => openStore(context, path, { readOnly: true }));
    assert.equal(await latestNumber(reader), 2);
  });

  test('revisions cannot be changed or deleted, by anybody', async (context) => {
    const path = storePath(context);
    await append(openStore(context, path), 1);
    assert.throws(() => meddle(path, `UPDATE revision SET author = 'mallory'`), /a revision is immutable/);
    assert.throws(() => meddle(path, 'DELETE FROM revision'), /a revision is immutable/);
  });

  test('a writer who finds the file busy is told so, and readers are not disturbed', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 1);
    const busy = new DatabaseSync(path);
    busy.exec('BEGIN IMMEDIATE');
    const answer = await store.compareAndSet(1, entryAt(1));
    assert.ok(!answer.ok && answer.error.kind === 'unavailable');
    assert.match(answer.error.message, /locked/);
    assert.equal(await latestNumber(store), 1);
    busy.close();
    assert.ok((await store.compareAndSet(1, entryAt(1))).ok);
  });
});

describe('several processes on one store', () => {
  test('of the writers who race for each of ten revisions one wins, and the chain has no gap', async (context) => {
    const path = storePath(context);
    const store = openStore(context, path);
    await append(store, 1);
    const racers = Array.from({ length: 3 }, () =>
      fork(join(import.meta.dirname, 'race-for-revisions.ts'), [path, '11']),
    );
    context.after(() => racers.forEach((racer) => void racer.kill('SIGKILL')));
    const wins = await Promise.all(racers.map(async (racer) => (await once(racer, 'message'))[0] as number[]));
    assert.deepEqual(
      wins.flat().sort((a, b) => a - b),
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    );
    const history = await store.revisions({ limit: 100 });
    assert.ok(history.ok && history.value.length === 11);
  });
});

describe('openSqlitePlanStore with readOnly', () => {
  test('reads beside a running writer, follows it, and cannot write', async (context) => {
    const path = storePath(context);
    const writer = openStore(context, path);
    await append(writer, 2);
    const reader = openStore(context, path, { readOnly: true });
    assert.equal(await latestNumber(reader), 2);
    assert.ok((await writer.compareAndSet(2, entryAt(2))).ok);
    assert.equal(await latestNumber(reader), 3);
    const answer = await reader.compareAndSet(3, entryAt(3));
    assert.ok(!answer.ok && answer.error.kind === 'unavailable');
    assert.match(answer.error.message, /readonly/);
  });

  test('reads after the writer is gone, and leaves no file behind', async (context) => {
    const path = storePath(context);
    const writer = openStore(context, path);
    await append(writer, 2);
    await writer.close();
    const reader = openStore(context, path, { readOnly: true });
    assert.equal(await latestNumber(reader), 2);
    await reader.close();
    assert.equal(await latestNumber(openStore(context, path, { create: false })), 2);
  });
});
