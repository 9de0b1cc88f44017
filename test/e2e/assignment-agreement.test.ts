import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { temporaryDirectory } from '../integration/spawned-process.ts';
import { program, writeConfiguration } from './gateway-process.ts';

const salt = 'faults';
const weightBps = 3_700;
const cohorts = [
  { name: 'canary', match: { hash: { from: 0, to: 500 } }, source: 'legacy', target: 'target', weightBps: 10_000 },
  { name: 'everyone', match: { all: true }, source: 'legacy', target: 'target', weightBps },
];

/** The contract's formula in another language: reads client IDs, prints `id position cohort broker`. */
const python = `
import hashlib, sys
def position(salt, key):
    digest = hashlib.sha256(('crossfade:v1|' + salt + '|clientid|' + key).encode('utf-8')).digest()
    return int.from_bytes(digest[:4], 'big') * 10000 / 2**32
for line in sys.stdin.buffer.read().decode('utf-8').splitlines():
    cohort = 'canary' if position('${salt}', line) < 500 else 'everyone'
    weight = 10000 if cohort == 'canary' else ${weightBps}
    where = position('${salt}/' + cohort, line)
    print(line, repr(where), cohort, 'target' if where < weight else 'legacy', sep='\\t')
`;

interface Placed {
  readonly device: string;
  readonly position: number;
  readonly cohort: string;
  readonly broker: string;
}

async function run(command: string, commandLine: readonly string[], input: string): Promise<string | undefined> {
  const child = spawn(command, commandLine, { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<undefined>((resolve) => child.once('error', () => resolve(undefined)));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return Promise.race([text(child.stdout), failed]);
}

async function placedOutside(ids: readonly string[]): Promise<readonly Placed[]> {
  const output = await run('python3', ['-c', python], ids.join('\n'));
  if (output === undefined || output === '') return ids.map(placeHere);
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [device = '', position, cohort = '', broker = ''] = line.split('\t');
      return { device, position: Number(position), cohort, broker };
    });
}

/** Where there is no Python: the formula once more, from nothing of the project. */
function placeHere(device: string): Placed {
  const position = (of: string) => {
    const digest = createHash('sha256').update(`crossfade:v1|${of}|clientid|${device}`).digest();
    return (digest.readUInt32BE(0) * 10_000) / 2 ** 32;
  };
  const cohort = position(salt) < 500 ? 'canary' : 'everyone';
  const where = position(`${salt}/${cohort}`);
  return {
    device,
    position: where,
    cohort,
    broker: where < (cohort === 'canary' ? 10_000 : weightBps) ? 'target' : 'legacy',
  };
}

test('10 000 client IDs are assigned as the formula of the contract says, computed outside the project', async () => {
  await using directory = await temporaryDirectory();
  const brokers = { legacy: { url: 'mqtt://127.0.0.1:1' }, target: { url: 'mqtt://127.0.0.1:2' } };
  const path = await writeConfiguration(directory.path, { brokers, plan: { default: 'legacy', cohorts } });
  const ids = Array.from({ length: 10_000 }, (_, index) => {
    if (index % 10 === 7) return `zähler-${index}-☂`;
    return index % 10 === 8 ? `plant a|b/${index} =;"'` : `device-${String(index).padStart(6, '0')}`;
  });
  const commandLine = [program, 'where', '--stdin', '--config', path, '--json'];
  const output = (await run(process.execPath, commandLine, `${ids.join('\n')}\n`)) ?? '';
  const answers = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Placed & { readonly planFrom: string });
  const expected = await placedOutside(ids);
  assert.equal(answers.length, ids.length);
  assert.equal(answers[0]?.planFrom, 'file');
  for (const [index, { device, cohort, broker, position }] of answers.entries()) {
    const wanted = expected[index];
    assert.deepEqual(
      { device, cohort, broker },
      { device: wanted?.device, cohort: wanted?.cohort, broker: wanted?.broker },
    );
    // The table prints fewer digits; JSON carries the double, or a rounding to four decimals at least.
    assert.ok(Math.abs(position - (wanted?.position ?? -1)) < 0.000_051, `${device}: ${position}`);
  }
  const inCanary = answers.filter(({ cohort }) => cohort === 'canary').length;
  assert.ok(inCanary > 400 && inCanary < 600, `${inCanary} in the canary cohort`);
});
