import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createListenerTls } from '../../src/tls/create-listener-tls.ts';
import { policy } from './tls-world.ts';

const script = join(import.meta.dirname, '../../certs/make-development-pki.ts');

test('make-development-pki: writes what a listener loads, keys for their owner only, never over what is there', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'crossfade-pki-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const run = (...options: string[]) =>
    spawnSync(process.execPath, [script, '--dir', dir, ...options], { encoding: 'utf8' });
  assert.equal(run('--devices', '1').status, 0);
  const read = (name: string) => readFileSync(join(dir, name), 'utf8');
  const listener = createListenerTls(
    policy({ ticketSecret: read('ticket.secret') }),
    {
      certificates: [{ cert: read('server.pem'), key: read('server.key') }],
      trustedCas: [read('device-ca.pem')],
      crls: [{ file: 'device-ca.crl', content: readFileSync(join(dir, 'device-ca.crl')) }],
    },
    Date.now(),
  );
  assert.deepEqual(listener.warnings(Date.now()), []);
  for (const name of readdirSync(dir).filter((file) => /\.(key|secret)$/.test(file))) {
    assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name);
  }
  const before = read('server.pem');
  const again = run();
  assert.equal(again.status, 1);
  assert.match(again.stderr, /has a PKI already; --force replaces it/);
  assert.equal(read('server.pem'), before);
  assert.equal(run('--devices', 'x').status, 64);
});
