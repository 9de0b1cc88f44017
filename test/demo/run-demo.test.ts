import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { createAdminClient } from '../../src/admin/admin-client.ts';
import type { DemoReport } from '../../src/demo/demo-report.ts';
import { type DemoOptions, runDemo } from '../../src/demo/run-demo.ts';

describe('runDemo', () => {
  const usualTemporary = process.env['TMPDIR'];
  const temporary = mkdtempSync(join(tmpdir(), 'demo-test-'));

  before(() => {
    process.env['TMPDIR'] = temporary;
  });
  after(() => {
    if (usualTemporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usualTemporary;
    rmSync(temporary, { recursive: true });
  });

  async function run(options: Partial<DemoOptions>): Promise<{ code: number; output: string }> {
    const out = new PassThrough();
    const output = text(out);
    const err = new PassThrough().resume();
    const code = await runDemo({ devices: 20, once: true, json: true, soakMs: 0, out, err, ...options });
    out.end();
    return { code, output: await output };
  }

  test('20 devices go over and back, every check holds, nothing is left', { timeout: 60_000 }, async () => {
    const { code, output } = await run({});
    const report: DemoReport = JSON.parse(output);
    assert.deepEqual(
      report.checks.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(code, 0);
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.steps.map(({ name, onSource, onTarget }) => [name, onSource + onTarget]),
      ['start', '5%', '50%', '100%', 'rollback'].map((name) => [name, 20]),
    );
    const [start, , half, full, rollback] = report.steps;
    assert.deepEqual([start?.onTarget, full?.onTarget, rollback?.onTarget], [0, 20, 0]);
    assert.deepEqual([full?.expectedOnTarget, full?.reconnects], [20, 0]);
    assert.ok((half?.onTarget ?? 0) > 0 && (half?.onTarget ?? 0) < 20);
    for (const qos of [0, 1, 2] as const) assert.ok(report.messages.arrived[qos] > 0);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('a message that a broker acknowledges and drops fails the demo', { timeout: 60_000 }, async () => {
    let dropped = 0;
    const { code, output } = await run({
      devices: 4,
      json: false,
      loses: ({ qos }) => {
        if (qos !== 2 || dropped > 0) return false;
        dropped += 1;
        return true;
      },
    });
    assert.equal(dropped, 1);
    assert.equal(code, 1);
    assert.match(output, /FAILED {2}no acknowledged QoS 1 or 2 message is missing at the brokers: 1 of \d+ missing/);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('stays up for the operator until SIGTERM, and leaves nothing behind', { timeout: 60_000 }, async () => {
    const demo = startDemo();
    const output = await readUntil(demo.stdout, /Ctrl-C ends it/);
    const [, url = ''] = /CROSSFADE_ADMIN=(\S+)/.exec(output) ?? [];
    const [, token = ''] = /CROSSFADE_TOKEN=(\S+)/.exec(output) ?? [];
    const client = createAdminClient({ url, token });
    const status = await client.status();
    client.close();
    assert.ok(status.ok);
    assert.equal(status.value.brokers['legacy']?.sessions, 5);
    demo.child.kill('SIGTERM');
    assert.deepEqual(await once(demo.child, 'exit'), [0, null]);
    for (const { pid } of status.value.workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('SIGINT in the middle ends it with 1, and leaves nothing behind', { timeout: 60_000 }, async () => {
    const demo = startDemo();
    await readUntil(demo.stderr, /in place/);
    demo.child.kill('SIGINT');
    assert.deepEqual(await once(demo.child, 'exit'), [1, null]);
    assert.deepEqual(readdirSync(temporary), []);
  });

  function startDemo(): { child: ChildProcess; stdout: Readable; stderr: Readable } {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'demo-process.ts')], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { child, stdout: child.stdout, stderr: child.stderr };
  }
});

async function readUntil(stream: Readable, pattern: RegExp): Promise<string> {
  let read = '';
  stream.setEncoding('utf8');
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: string) => {
      read += chunk;
      if (pattern.test(read)) resolve();
    });
    stream.once('end', () => reject(new Error(`ended before ${pattern}: ${read}`)));
  });
  return read;
}
