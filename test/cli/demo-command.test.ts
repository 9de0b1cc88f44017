import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCli, runInProcess } from './spawned-cli.ts';

test('demo --once --json ends with 0, one JSON document on stdout, and progress as plain lines on stderr', async () => {
  const { code, stdout, stderr } = await runCli(['demo', '--once', '--devices', '3', '--json']);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(typeof JSON.parse(stdout), 'object');
  assert.match(stderr, /^\d+\/\d+ /);
  assert.ok(!stderr.includes('\u001b'));
});

test('demo wants a number of devices', async () => {
  for (const devices of ['0', '-1', 'many', '1.5']) {
    const { code, stderr } = await runInProcess(['demo', '--once', `--devices=${devices}`]);
    assert.equal(code, 64);
    assert.match(stderr, /Expected a whole number from 1/);
  }
});
