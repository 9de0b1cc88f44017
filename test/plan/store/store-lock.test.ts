import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openSqlitePlanStore } from '../../../src/plan/store/sqlite-plan-store.ts';
import { lockStore } from '../../../src/plan/store/store-lock.ts';

function storePath(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-lock-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'plan.db');
}

async function holdInChild(context: TestContext, path: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'hold-lock.ts'), [path]);
  context.after(() => child.kill('SIGKILL'));
  assert.deepEqual(await once(child, 'message'), ['locked', undefined]);
  return child;
}

describe('lockStore', () => {
  test('one holder at a time, also within a process; released it is free again', (context) => {
    const path = storePath(context);
    const first = lockStore(path);
    assert.ok(first.ok);
    assert.deepEqual(lockStore(path), {
      ok: false,
      error: `plan store ${path} is in use by another gateway: stop that one first, or give this one a store of its own`,
    });
    first.value.release();
    first.value.release();
    const second = lockStore(path);
    assert.ok(second.ok);
    second.value.release();
  });

  test('another process that holds it is noticed, and SIGKILL releases it', async (context) => {
    const path = storePath(context);
    const child = await holdInChild(context, path);
    const refused = lockStore(path);
    assert.ok(!refused.ok && refused.error.includes(path));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const locked = lockStore(path);
    assert.ok(locked.ok);
    locked.value.release();
  });

  test('readers and writers of the store are not touched by the lock', async (context) => {
    const path = storePath(context);
    await holdInChild(context, path);
    const opened = openSqlitePlanStore({ path, create: true });
    assert.ok(opened.ok);
    assert.deepEqual(await opened.value.latest(), { ok: true, value: undefined });
    await opened.value.close();
  });

  test('a symbolic link to a store has the lock of the store', async (context) => {
    const path = storePath(context);
    const opened = openSqlitePlanStore({ path, create: true });
    assert.ok(opened.ok);
    await opened.value.close();
    symlinkSync(path, `${path}-link`);
    const locked = lockStore(path);
    assert.ok(locked.ok);
    assert.equal(lockStore(`${path}-link`).ok, false);
    locked.value.release();
  });
});
