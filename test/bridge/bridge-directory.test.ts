import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BridgeDirectory } from '../../src/bridge/bridge-directory.ts';
import type { ProcessStatus } from '../../src/bridge/bridge-status.ts';
import { openBridgeBoard, writeStatus } from '../../src/bridge/directory-board.ts';
import { type Slot, slotsOf } from '../../src/bridge/division/slot.ts';
import { unchangedTopic } from '../../src/mqtt/topic-rule.ts';
import { temporaryFolder } from './temporary-folder.ts';

const [slot] = slotsOf(
  {
    ...{ name: 'a/b.c', from: 'legacy', to: 'aws', filter: 'dt/#', qos: 1, topicChange: unchangedTopic },
    ...{ order: 'parallel', retained: 'never', undeliverable: 'drop' },
  },
  { members: 1, partitions: 1 },
) as [Slot];

function statusOf(process: string): ProcessStatus {
  return { process, pid: 1, startedAtMs: 0, writtenAtMs: 0, slots: [] };
}

describe('the directory of a bridge', () => {
  test('knows who lives, and forgets who leaves', async () => {
    await using folder = await temporaryFolder();
    const directory = new BridgeDirectory(folder.path);
    const [one, two] = [directory.enter(), directory.enter()];
    assert.deepEqual(new Set(directory.livingProcesses()), new Set([one.process, two.process]));
    two.leave();
    assert.deepEqual(directory.livingProcesses(), [one.process]);
    one.leave();
    assert.deepEqual(await readdir(join(folder.path, 'processes')), []);
  });

  test('a process that is killed is gone, with its locks and what it said', async () => {
    await using folder = await temporaryFolder();
    const directory = new BridgeDirectory(folder.path);
    const child = spawn(process.execPath, [join(import.meta.dirname, 'hold-slot.ts'), folder.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await using _ = { [Symbol.asyncDispose]: async () => void child.kill('SIGKILL') };
    await once(child.stdout, 'data');
    assert.equal(directory.livingProcesses().length, 1);
    assert.equal(openBridgeBoard(folder.path).readStatuses().length, 1);
    const held = directory.slotsOnDisk()[0] as Slot;
    assert.equal(directory.claim(held), undefined);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.deepEqual(directory.livingProcesses(), []);
    assert.deepEqual(openBridgeBoard(folder.path).readStatuses(), []);
    assert.notEqual(directory.claim(held), undefined);
  });

  test('a slot has one holder at a time, is described on disk, and is gone when it is removed', async () => {
    await using folder = await temporaryFolder();
    const [here, there] = [new BridgeDirectory(folder.path), new BridgeDirectory(folder.path)];
    const lock = here.claim(slot);
    assert.equal(there.claim(slot), undefined);
    here.describeSlot(slot);
    assert.deepEqual(there.slotsOnDisk(), [slot]);
    lock?.release();
    const next = there.claim(slot);
    assert.notEqual(next, undefined);
    there.removeSlot(slot);
    assert.deepEqual(here.slotsOnDisk(), []);
    next?.release();
  });

  test('a slot that is described already is not written again: a full disk has no room for that', async () => {
    await using folder = await temporaryFolder();
    const directory = new BridgeDirectory(folder.path);
    const path = join(directory.slotDirectory(slot), 'slot.json');
    directory.describeSlot(slot);
    const { ino } = await stat(path);
    directory.describeSlot(slot);
    assert.equal((await stat(path)).ino, ino);
    const other = { ...slot, rule: { ...slot.rule, qos: 0 as const } };
    directory.describeSlot(other);
    assert.deepEqual(directory.slotsOnDisk(), [other]);
  });

  test('a description that cannot be read is left alone', async () => {
    await using folder = await temporaryFolder();
    const directory = new BridgeDirectory(folder.path);
    directory.describeSlot(slot);
    await writeFile(join(directory.slotDirectory(slot), 'slot.json'), '{ "label"');
    assert.deepEqual(directory.slotsOnDisk(), []);
  });
});

describe('the board of a bridge', () => {
  test('shows what living processes say', async () => {
    await using folder = await temporaryFolder();
    const directory = new BridgeDirectory(folder.path);
    const board = openBridgeBoard(folder.path);
    assert.deepEqual(board.readStatuses(), []);
    const presence = directory.enter();
    writeStatus(directory, statusOf(presence.process));
    writeStatus(directory, statusOf('dead'));
    assert.deepEqual(board.readStatuses(), [statusOf(presence.process)]);
    presence.leave();
  });

  test('keeps what is wanted of each rule, whoever says which part of it', async () => {
    await using folder = await temporaryFolder();
    const board = openBridgeBoard(folder.path);
    assert.deepEqual(board.readWishes(), {});
    board.changeWish('billing', { members: 3 });
    openBridgeBoard(folder.path).changeWish('billing', { isPaused: true });
    board.changeWish('commands', { resumes: 1 });
    assert.deepEqual(board.readWishes(), { billing: { members: 3, isPaused: true }, commands: { resumes: 1 } });
  });

  test('says so when what is wanted cannot be read, rather than that nothing is', async () => {
    await using folder = await temporaryFolder();
    const board = openBridgeBoard(folder.path);
    await writeFile(join(folder.path, 'wishes.json'), '{');
    assert.throws(() => board.readWishes(), SyntaxError);
  });
});
