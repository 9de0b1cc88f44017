import assert from 'node:assert/strict';
import { appendFile, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type DeadLetter, DeadLetterFile } from '../../src/bridge/dead-letter-file.ts';
import { FailingDisk } from './failing-disk.ts';
import { silentLog, temporaryFolder } from './temporary-folder.ts';

function letter(topic: string): DeadLetter {
  const message = {
    ...{ topic, retain: false, expiresAtMs: Number.POSITIVE_INFINITY, isMarked: false },
    ...{ properties: Buffer.alloc(0), payload: Buffer.from('21.5') },
    qos: 1 as const,
  };
  return { rule: 'telemetry', reason: 'topic-depth', message, attempts: 0, arrivedWallMs: 1_700_000_000_000 };
}

function options(path: string) {
  return { path, maxBytes: 1_000_000, batchMs: 1, retryMs: 5, log: silentLog };
}

function written(file: DeadLetterFile, topic: string): Promise<void> {
  return new Promise((resolve) => file.write(letter(topic), resolve));
}

async function topicsIn(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { topic: string }).topic);
}

describe('the dead-letter file', () => {
  test('has a line with everything before anybody is told', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'new', 'dead.ndjson');
    const file = new DeadLetterFile(options(path));
    await Promise.all([written(file, 'a/1'), written(file, 'a/2')]);
    assert.deepEqual(await topicsIn(path), ['a/1', 'a/2']);
    const [line = ''] = (await readFile(path, 'utf8')).split('\n');
    const { at, ...rest } = JSON.parse(line) as Record<string, unknown>;
    assert.match(String(at), /^\d{4}-/);
    assert.deepEqual(rest, {
      ...{ rule: 'telemetry', reason: 'topic-depth', attempts: 0, arrivedAt: '2023-11-14T22:13:20.000Z' },
      ...{ topic: 'a/1', qos: 1, retain: false, payloadBytes: 4, payload: 'MjEuNQ==' },
    });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await file.close();
  });

  test('full: letters wait, in their order, until it is moved away', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'dead.ndjson');
    const file = new DeadLetterFile({ ...options(path), maxBytes: 500 });
    await Promise.all([written(file, 'a/1'), written(file, 'a/2')]);
    const late = [written(file, 'a/3'), written(file, 'a/4')];
    const order: string[] = [];
    void late[0]?.then(() => order.push('a/3'));
    void late[1]?.then(() => order.push('a/4'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(file.waitingCount, 2);
    await rename(path, `${path}.1`);
    await Promise.all(late);
    assert.deepEqual(order, ['a/3', 'a/4']);
    assert.deepEqual(
      [await topicsIn(`${path}.1`), await topicsIn(path)],
      [
        ['a/1', 'a/2'],
        ['a/3', 'a/4'],
      ],
    );
    await file.close();
  });

  test('a full disk leaves no half line: the next attempt writes it whole', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'dead.ndjson');
    const disk = new FailingDisk();
    const { promise: failed, resolve } = Promise.withResolvers<void>();
    const log = { ...silentLog, error: () => resolve() };
    const file = new DeadLetterFile({ ...options(path), openFile: disk.openFile, log });
    await written(file, 'a/1');
    disk.isFull = true;
    const late = written(file, 'a/2');
    await failed;
    disk.isFull = false;
    await late;
    assert.deepEqual(await topicsIn(path), ['a/1', 'a/2']);
    await file.close();
  });

  test('a letter that somebody was told of survives a power cut', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'dead.ndjson');
    const disk = new FailingDisk();
    const file = new DeadLetterFile({ ...options(path), openFile: disk.openFile });
    await written(file, 'a/1');
    await written(file, 'a/2');
    await disk.cutPower();
    assert.deepEqual(await topicsIn(path), ['a/1', 'a/2']);
    await file.close();
  });

  test('what a crash left of a line is written over', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'dead.ndjson');
    const first = new DeadLetterFile(options(path));
    await written(first, 'a/1');
    await first.close();
    await appendFile(path, '{"at":"2026');
    const second = new DeadLetterFile(options(path));
    await written(second, 'a/2');
    await second.close();
    assert.deepEqual(await topicsIn(path), ['a/1', 'a/2']);
  });
});
