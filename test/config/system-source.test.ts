import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSystemSource, readText } from '../../src/config/configuration-source.ts';

test('the system source reads files up to a bound and says why not', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-source-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'file');
  writeFileSync(path, `\uFEFFä${'x'.repeat(70_000)}`);
  const source = createSystemSource();
  const text = readText(source, path, 80_000);
  assert.equal(text.ok ? text.value.length : text.error, 70_001);
  const error = (name: string, maxBytes: number) => {
    const content = source.readFile(name, maxBytes);
    return content.ok ? 'read' : content.error;
  };
  assert.equal(error(path, 70_000), 'it is larger than 70000 bytes');
  assert.equal(error('/dev/zero', 1_000), 'it is larger than 1000 bytes');
  assert.equal(error(join(directory, 'none'), 1), 'no such file');
  assert.equal(error(directory, 1), 'it is a directory');
  assert.equal(error(join(path, 'x'), 1), 'a part of the path is not a directory');
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.equal(error(pipe, 1), 'it is a named pipe', 'which nobody may ever write to');
  assert.ok(source.cores >= 1);
});
