import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rmdir, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { BridgedMessage } from '../../src/bridge/link/bridged-message.ts';
import type { SpooledMessage } from '../../src/bridge/link/link-item.ts';
import { decodeSpoolBody, encodeSpoolBody } from '../../src/bridge/link/spool-record.ts';
import { Spool, type SpoolListener, type SpoolOptions } from '../../src/bridge/spool.ts';
import { eventually } from '../e2e/eventually.ts';
import { FailingDisk } from './failing-disk.ts';
import { silentLog, temporaryFolder } from './temporary-folder.ts';

function record(text: string, payloadBytes = 0): SpooledMessage {
  const message: BridgedMessage = {
    topic: `dt/${text}`,
    qos: 1,
    retain: true,
    expiresAtMs: Number.POSITIVE_INFINITY,
    isMarked: false,
    properties: Buffer.from([0x01, 0x01]),
    payload: Buffer.concat([Buffer.from(text), Buffer.alloc(payloadBytes)]),
  };
  return { message, arrivedWallMs: 1_700_000_000_123 };
}

function options(directory: string, more: Partial<SpoolOptions> = {}): SpoolOptions {
  return { directory, maxBytes: 1_000_000, segmentBytes: 400, batchMs: 1, log: silentLog, ...more };
}

type Answer =
  | { readonly synced: number }
  | { readonly failed: true }
  | { readonly read: readonly string[]; readonly at: number };

/** A spool whose answers are awaited one after the other. */
class HeardSpool implements SpoolListener {
  readonly spool: Spool;
  readonly #answers: Answer[] = [];
  #wake: () => void = () => {};

  constructor(spool: Spool) {
    this.spool = spool;
    spool.listen(this);
  }

  static async open(opening: SpoolOptions): Promise<HeardSpool> {
    return new HeardSpool(await Spool.open(opening));
  }

  handleSynced(position: number): void {
    this.#hear({ synced: position });
  }

  handleFailed(): void {
    this.#hear({ failed: true });
  }

  handleRead(position: number, records: readonly (SpooledMessage | undefined)[]): void {
    this.#hear({ at: position, read: records.map((found) => found?.message.topic.slice(3) ?? '?') });
  }

  async answer(): Promise<Answer> {
    while (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#answers.shift() as Answer;
  }

  async keep(...texts: readonly string[]): Promise<void> {
    const before = this.spool.kept.nextPosition;
    for (const text of texts) this.spool.append(record(text));
    assert.deepEqual(await this.answer(), { synced: before + texts.length });
  }

  /** Everything from a position on, however many answers that takes. */
  async readAll(position: number): Promise<string[]> {
    const texts: string[] = [];
    while (position + texts.length < this.spool.kept.nextPosition) {
      this.spool.read(position + texts.length);
      const answer = await this.answer();
      assert.ok('read' in answer && answer.at === position + texts.length);
      texts.push(...answer.read);
    }
    return texts;
  }

  #hear(answer: Answer): void {
    this.#answers.push(answer);
    this.#wake();
  }
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(from + index));

/** With five records, and a look at the cursor on its disk: soon, or never. */
async function lastingSpool(directory: string) {
  const heard = await HeardSpool.open(options(directory));
  await heard.keep(...numbers(5));
  const writtenCursor = async () => {
    for (let look = 0; look < 500; look += 1) {
      const text = await readFile(join(directory, 'cursor'), 'utf8').catch(() => '');
      if (text !== '') return text;
    }
    return undefined;
  };
  return { spool: heard.spool, writtenCursor };
}

describe('a record', () => {
  test('is read as it was written, and cut anywhere it is none', () => {
    const written = record('a');
    const body = encodeSpoolBody(written);
    assert.deepEqual(decodeSpoolBody(body), written);
    for (let length = 0; length < body.length - written.message.payload.length; length += 1) {
      assert.equal(decodeSpoolBody(body.subarray(0, length)), undefined, `${length} bytes`);
    }
  });
});

describe('a spool', () => {
  test('gives back what it was given, in its order, over several segments, also after it was opened again', async () => {
    await using folder = await temporaryFolder();
    const first = await HeardSpool.open(options(folder.path));
    for (let batch = 0; batch < 6; batch += 1) await first.keep(...numbers(5, batch * 5));
    assert.ok((await readdir(folder.path)).length > 2, 'it has several segments');
    assert.deepEqual(await first.readAll(0), numbers(30));
    assert.deepEqual(await first.readAll(17), numbers(13, 17));
    await first.spool.close();
    const second = await HeardSpool.open(options(folder.path));
    assert.deepEqual(second.spool.kept, { cursor: 0, nextPosition: 30 });
    assert.deepEqual(await second.readAll(0), numbers(30));
    await second.keep('30');
    assert.deepEqual(await second.readAll(29), ['29', '30']);
    await second.spool.close();
  });

  test('forgets what was released, and goes on from there after a restart', async () => {
    await using folder = await temporaryFolder();
    const first = await HeardSpool.open(options(folder.path));
    for (let batch = 0; batch < 6; batch += 1) await first.keep(...numbers(5, batch * 5));
    const segments = async () => (await readdir(folder.path)).filter((name) => name.endsWith('.spool')).length;
    const before = await segments();
    first.spool.release(22);
    await first.spool.close();
    assert.ok((await segments()) < before, `${before} segments before, ${await segments()} after`);
    const second = await HeardSpool.open(options(folder.path));
    assert.deepEqual(second.spool.kept, { cursor: 22, nextPosition: 30 });
    assert.deepEqual(await second.readAll(22), numbers(8, 22));
    second.spool.release(30);
    await second.spool.close();
    assert.deepEqual(await readdir(folder.path), ['cursor']);
    const third = await HeardSpool.open(options(folder.path));
    assert.deepEqual(third.spool.kept, { cursor: 30, nextPosition: 30 });
    await third.keep('30');
    assert.deepEqual(await third.readAll(30), ['30']);
    await third.spool.close();
  });

  test('what was released is on disk a tenth of a second later: a crash repeats no more than that', async (context) => {
    await using folder = await temporaryFolder();
    const { spool, ...heard } = await lastingSpool(folder.path);
    context.mock.timers.enable({ apis: ['setTimeout'] });
    spool.release(3);
    context.mock.timers.tick(100);
    context.mock.timers.reset();
    assert.equal(await heard.writtenCursor(), '3\n');
    await spool.close();
  });

  test('a last segment cut anywhere has the whole records before the cut, and takes new ones behind them', async () => {
    await using folder = await temporaryFolder();
    const whole = await HeardSpool.open(options(folder.path));
    await whole.keep('0', '1', '2');
    await whole.spool.close();
    const path = join(folder.path, '0000000000000000.spool');
    const bytes = await readFile(path);
    const recordBytes = bytes.length / 3;
    for (let length = 0; length < bytes.length; length += 1) {
      await writeFile(path, bytes.subarray(0, length));
      const cut = await HeardSpool.open(options(folder.path));
      const left = Math.floor(length / recordBytes);
      assert.equal(cut.spool.kept.nextPosition, left, `${length} bytes`);
      await cut.keep('new');
      assert.deepEqual(await cut.readAll(0), [...numbers(left), 'new'], `${length} bytes`);
      await cut.spool.close();
      for (const name of await readdir(folder.path)) await unlink(join(folder.path, name));
    }
  });

  test('a segment in the middle cut in half: what is gone is told, what stands behind it is read', async () => {
    await using folder = await temporaryFolder();
    const first = await HeardSpool.open(options(folder.path, { segmentBytes: 1 }));
    await first.keep('0', '1', '2', '3');
    await first.keep('4', '5');
    await first.spool.close();
    const path = join(folder.path, '0000000000000000.spool');
    await truncate(path, (await stat(path)).size / 2 + 3);
    const second = await HeardSpool.open(options(folder.path));
    assert.equal(second.spool.kept.nextPosition, 6);
    assert.deepEqual(await second.readAll(0), ['0', '1', '?', '?', '4', '5']);
    await second.spool.close();
  });

  test('a record that rotted in the middle costs itself alone', async () => {
    await using folder = await temporaryFolder();
    const first = await HeardSpool.open(options(folder.path));
    await first.keep('0', '1', '2');
    await first.spool.close();
    const path = join(folder.path, '0000000000000000.spool');
    const bytes = await readFile(path);
    const at = bytes.indexOf('dt/1');
    bytes[at] = 0x21;
    await writeFile(path, bytes);
    const second = await HeardSpool.open(options(folder.path));
    assert.deepEqual(await second.readAll(0), ['0', '?', '2']);
    await second.spool.close();
  });

  test('a full disk: nothing is taken and all is told; when there is room again, order and count are right', async () => {
    await using folder = await temporaryFolder();
    const disk = new FailingDisk();
    const full = await HeardSpool.open(options(folder.path, { openFile: disk.openFile }));
    await full.keep('0', '1');
    disk.isFull = true;
    full.spool.append(record('2'));
    full.spool.append(record('3'));
    assert.deepEqual(await full.answer(), { failed: true });
    assert.equal(full.spool.kept.nextPosition, 2);
    disk.isFull = false;
    await full.keep('2', '3');
    assert.deepEqual(await full.readAll(0), numbers(4));
    await full.spool.close();
    const again = await HeardSpool.open(options(folder.path));
    assert.deepEqual(await again.readAll(0), numbers(4));
    await again.spool.close();
  });

  test('what it says is synced survives a power cut, over several segments', async () => {
    await using folder = await temporaryFolder();
    const disk = new FailingDisk();
    const first = await HeardSpool.open(options(folder.path, { openFile: disk.openFile, segmentBytes: 100 }));
    await first.keep('0', '1', '2');
    await first.keep('3', '4');
    await disk.cutPower();
    const second = await HeardSpool.open(options(folder.path));
    assert.deepEqual(await second.readAll(0), numbers(5));
    await second.spool.close();
    await first.spool.close();
  });

  test('no room for the cursor: what is done with is removed, and that makes room; the cursor follows', async () => {
    await using folder = await temporaryFolder();
    const full = await HeardSpool.open(options(folder.path, { segmentBytes: 60 }));
    for (const text of numbers(5)) await full.keep(text);
    await mkdir(join(folder.path, 'cursor.new'));
    full.spool.release(4);
    const segments = async () => (await readdir(folder.path)).filter((name) => name.endsWith('.spool'));
    await eventually('the segments that are done with are gone', async () => (await segments()).length === 1);
    await rmdir(join(folder.path, 'cursor.new'));
    await eventually('the cursor is written', async () => {
      return (await readFile(join(folder.path, 'cursor'), 'utf8')) === '4\n';
    });
    await full.spool.close();
    const again = await HeardSpool.open(options(folder.path));
    assert.deepEqual(again.spool.kept, { cursor: 4, nextPosition: 5 });
    await again.spool.close();
  });

  test('beyond its bound nothing is taken; what is released makes room', async () => {
    await using folder = await temporaryFolder();
    const bounded = await HeardSpool.open(options(folder.path, { maxBytes: 500, segmentBytes: 100 }));
    await bounded.keep('0', '1', '2', '3');
    bounded.spool.append(record('4', 400));
    assert.deepEqual(await bounded.answer(), { failed: true });
    bounded.spool.release(4);
    await bounded.spool.close();
    const again = await HeardSpool.open(options(folder.path, { maxBytes: 500, segmentBytes: 100 }));
    again.spool.append(record('4', 300));
    assert.deepEqual(await again.answer(), { synced: 5 });
    await again.spool.close();
  });
});
