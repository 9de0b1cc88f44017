import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { replaceFile } from '../../src/bridge/whole-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

const source = join(import.meta.dirname, '../../src/bridge/whole-file.ts');

describe('a file that is written as a whole', () => {
  test('stays as it was where there is room for a part of the next one only', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'wishes.json');
    replaceFile(path, '{}');
    const script = `import { replaceFile } from ${JSON.stringify(source)};
      replaceFile(${JSON.stringify(path)}, '[' + '1,'.repeat(5_000) + '1]');`;
    // The kernel takes the beginning of a write that crosses the limit, and says how much that was.
    const limited = 'ulimit -f 1; exec "$0" --input-type=module -e "$1"';
    const { status, stderr } = spawnSync('sh', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /EFBIG/);
    assert.equal(await readFile(path, 'utf8'), '{}');
    assert.deepEqual(await readdir(folder.path), ['wishes.json']);
  });
});
