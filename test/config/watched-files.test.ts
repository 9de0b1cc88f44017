import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchedFiles, watchFiles } from '../../src/config/watched-files.ts';
import { changed, loadRight } from './loading.ts';

test('the CRLs are watched, each once', () => {
  const text = changed('trustedCas:', 'crls: [certs/device-ca.crl, certs/device-ca.crl, b.crl]\n      trustedCas:');
  assert.deepEqual(watchedFiles(loadRight(text).configuration), [
    '/etc/crossfade/certs/device-ca.crl',
    '/etc/crossfade/b.crl',
  ]);
});

test('a file that is made, rewritten, replaced or removed is told, and only that one', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'crossfade-watch-'));
  const [watched, still] = [join(directory, 'a.crl'), join(directory, 'b.crl')];
  writeFileSync(still, 'still');
  let told = Promise.withResolvers<readonly string[]>();
  const stop = watchFiles([watched, still], (paths) => told.resolve(paths), 5);
  // The poller alone does not keep a process alive.
  const alive = setInterval(() => undefined, 1_000);
  context.after(() => {
    clearInterval(alive);
    stop();
    rmSync(directory, { recursive: true });
  });
  const changes = [
    () => writeFileSync(watched, 'one'),
    () => writeFileSync(watched, 'two and longer'),
    () => {
      writeFileSync(`${watched}.new`, 'two and longer');
      renameSync(`${watched}.new`, watched);
    },
    () => rmSync(watched),
  ];
  for (const change of changes) {
    told = Promise.withResolvers();
    change();
    assert.deepEqual(await told.promise, [watched]);
  }
});
