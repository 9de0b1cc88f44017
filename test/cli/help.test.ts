import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runCli, runInProcess } from './spawned-cli.ts';

const commands: readonly string[] = [
  '',
  'demo',
  'run',
  'check',
  'status',
  'where',
  'assess',
  'cutover',
  'rollback',
  'moves',
  'moves list',
  'moves watch',
  'moves pause',
  'moves resume',
  'moves abort',
  'freeze',
  'unfreeze',
  'sessions',
  'sessions list',
  'sessions import-subscriptions',
  'dns',
  'dns split',
  'dns show',
  'dns trace',
  'dns drain',
  'dns undrain',
  'dns force',
  'dns reload',
  'dns ds',
  'emulate',
  'emulate aws-iot',
  'plan',
  'plan show',
  'plan history',
  'plan diff',
  'plan apply',
  'aws',
  'aws plan',
  'aws apply',
  'aws status',
  'aws destroy',
  'aws register',
  'aws collect',
  'bridge',
  'bridge status',
  'bridge pause',
  'bridge resume',
  'bridge scale',
  'bridge run',
  'services',
  'services list',
  'services move',
  'services verify',
];

/** Every help text as it stands in `help.txt`; UPDATE_SNAPSHOTS=1 writes it anew: read the difference before it is kept. */
test('the help of every command is what help.txt shows, with examples', async () => {
  const snapshot = new URL('help.txt', import.meta.url);
  const helps: string[] = [];
  for (const command of commands) {
    const { code, stdout, stderr } = await runInProcess([...command.split(' ').filter(Boolean), '--help']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /\nExamples:\n {2}# /, command);
    helps.push(`$ crossfade ${command}${command === '' ? '' : ' '}--help\n${stdout}`);
  }
  const text = helps.join('\n');
  if (process.env['UPDATE_SNAPSHOTS'] === '1') await writeFile(snapshot, text);
  assert.equal(text, await readFile(snapshot, 'utf8'));
});

test('a wrong command line ends with 64 and points at the help', async () => {
  const [none, unknown, option] = await Promise.all([
    runCli([]),
    runInProcess(['teleport']),
    runInProcess(['plan', 'show', '--yes']),
  ]);
  assert.deepEqual(
    [none, unknown, option].map(({ code, stdout }) => ({ code, stdout })),
    Array(3).fill({ code: 64, stdout: '' }),
  );
  assert.match(none.stderr, /^Usage: crossfade /);
  assert.match(unknown.stderr, /unknown command 'teleport'\nRun "crossfade --help" for the commands/);
  assert.match(option.stderr, /unknown option '--yes'\nRun "crossfade plan show --help"/);
});
