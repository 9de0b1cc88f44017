import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { toMistakeDocument } from '../../src/cli/configuration-file.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { openSqlitePlanStore } from '../../src/plan/store/sqlite-plan-store.ts';
import { planDocument } from './sample-documents.ts';
import { makeDirectory, parseJsonLines, runCli, runInProcess, secretToken, writeConfiguration } from './spawned-cli.ts';

const { revision: _revision, ...storedPlan } = planDocument;

/** A store with two revisions, open as a running gateway holds it. */
async function openStore(directory: string, plan: Plan = storedPlan) {
  const store = openSqlitePlanStore({ path: join(directory, 'crossfade.db'), create: true });
  assert.ok(store.ok);
  const entry = { at: 0, author: 'configuration', reason: '' };
  assert.ok((await store.value.compareAndSet(0, { ...entry, plan: storedPlan })).ok);
  assert.ok((await store.value.compareAndSet(1, { ...entry, plan })).ok);
  return store.value;
}

test('where --config answers from the file while there is no store, and makes none', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory);
  const { code, stdout, stderr } = await runCli(['where', 'device-000002', '--config', config, '--json']);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { position, ...answer } = JSON.parse(stdout);
  assert.deepEqual(answer, {
    device: 'device-000002',
    kind: 'clientid',
    key: 'device-000002',
    cohort: 'everyone',
    weightBps: 2_000,
    broker: 'aws',
    reason: 'cohort-target',
    revision: 1,
    planFrom: 'file',
  });
  assert.equal(position.toFixed(4), '1265.3239');
  assert.deepEqual(await readdir(directory), ['crossfade.yaml']);
});

test('where --config answers from the store, read-only, also while a gateway has it open', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { weightBps: 0 });
  const store = await openStore(directory);
  context.after(() => store.close());
  const answers = [
    await runCli(['where', 'device-000002', '--config', config, '--json']),
    await runCli(['where', '--username', 'meter-7', '--config', config]),
    await runCli(['where', '--client-id', 'meter-7', '--config', config]),
  ];
  assert.deepEqual(
    answers.map(({ code, stderr }) => ({ code, stderr })),
    answers.map(() => ({ code: 0, stderr: '' })),
  );
  const [stored, keyless, overridden] = answers.map(({ stdout }) => stdout);
  assert.equal(JSON.parse(stored ?? '').planFrom, 'store');
  assert.equal(JSON.parse(stored ?? '').revision, 2);
  assert.match(keyless ?? '', /^key +none$/m);
  assert.match(keyless ?? '', /^why +it presents none of the fleet's identities: the plan's default$/m);
  assert.match(overridden ?? '', /^broker +aws$/m);
  assert.match(overridden ?? '', /^why +an override names this device$/m);
  assert.match(overridden ?? '', /^revision +2 \(the store's plan\)$/m);
});

test('where --config says that a store is corrupt, and does not fall back to the file', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory);
  await writeFile(join(directory, 'crossfade.db'), 'this is no database, '.repeat(100));
  const { code, stdout, stderr } = await runCli(['where', 'device-000002', '--config', config]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /plan store .*crossfade\.db: .*not a database/);
});

test('where --config refuses to answer from the file when a store must be there', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { create: false });
  const { code, stdout, stderr } = await runCli(['where', 'device-000002', '--config', config]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /no plan in .*crossfade\.db, and store\.create is false/);
});

test('where --config reads the client ID files that a cohort names', async (context) => {
  const directory = await makeDirectory(context);
  const cohorts = '{ name: listed, match: { clientIdsFile: ids.txt }, source: legacy, target: aws, weightBps: 10000 }';
  await writeFile(join(directory, 'ids.txt'), 'meter-1\nmeter-2\n');
  const config = await writeConfiguration(directory, { cohorts });
  const { code, stdout } = await runCli(['where', '--stdin', '--config', config, '--json'], {
    stdin: 'meter-2\nmeter-3\n',
  });
  assert.equal(code, 0);
  assert.deepEqual(
    parseJsonLines(stdout).map(({ cohort, broker, reason }) => ({ cohort, broker, reason })),
    [
      { cohort: 'listed', broker: 'aws', reason: 'cohort-target' },
      { cohort: null, broker: 'legacy', reason: 'no-cohort' },
    ],
  );
});

/** The contract's formula, written down again: nothing of the project's own code. */
function positionByContract(salt: string, key: string): number {
  const digest = createHash('sha256').update(`crossfade:v1|${salt}|clientid|${key}`, 'utf8').digest();
  return (digest.readUInt32BE(0) * 10_000) / 4_294_967_296;
}

const pythonOracle = `
import hashlib, json, sys
for line in sys.stdin.buffer.read().decode().split("\\n")[:-1]:
    digest = hashlib.sha256(("crossfade:v1|demo/everyone|clientid|" + line).encode()).digest()
    print(json.dumps(int.from_bytes(digest[:4], "big") * 10000 / 2**32))
`;

test('10 000 client IDs through where --stdin agree with the formula computed outside the project', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory);
  const odd = ['söner/µ+#', 'a b', '"quoted"', '日本'];
  const serials = Array.from(
    { length: 10_000 - odd.length },
    (_, index) => `device-${String(index + 1).padStart(6, '0')}`,
  );
  const ids = [...serials, ...odd];
  const stdin = ids.map((id) => `${id}\n`).join('');
  const { code, stdout, stderr } = await runCli(['where', '--stdin', '--config', config, '--json'], { stdin });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const answers = parseJsonLines(stdout);
  assert.equal(answers.length, 10_000);
  ids.forEach((id, index) => {
    const position = positionByContract('demo/everyone', id);
    const { device, position: given, broker } = answers[index] ?? {};
    assert.deepEqual(
      { device, given, broker },
      { device: id, given: position, broker: position < 2_000 ? 'aws' : 'legacy' },
    );
  });
  const below500 = answers.filter(({ position }) => Number(position) < 500).length;
  assert.ok(below500 >= 480 && below500 <= 490, `488 of the first 10 000 by the contract, got ${below500}`);
  const python = spawnSync('python3', ['-c', pythonOracle], { input: stdin, encoding: 'utf8', maxBuffer: 1 << 24 });
  // Where there is no Python the comparison above stands alone.
  if (python.error === undefined) {
    assert.equal(python.status, 0, python.stderr);
    assert.deepEqual(
      python.stdout.trim().split('\n').map(Number),
      answers.map(({ position }) => position),
    );
  }
});

test('where --stdin names the line that is wrong, after the answers before it', async (context) => {
  const config = await writeConfiguration(await makeDirectory(context));
  const { code, stdout, stderr } = await runCli(['where', '--stdin', '--config', config], { stdin: 'a\nb\n\nc\n' });
  assert.equal(code, 64);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^DEVICE +KIND +COHORT +POSITION +WEIGHT +BROKER +REASON +REVISION$/);
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(/ +/)[0]),
    ['a', 'b'],
  );
  assert.match(stderr, /line 3 is empty/);
});

test('where --stdin --as reads another kind, in any spelling', async (context) => {
  const config = await writeConfiguration(await makeDirectory(context), { identity: 'certificate.fingerprint' });
  const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const stdin = `${hex.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')}\nabc\n`;
  const commandLine = ['where', '--stdin', '--as', 'fingerprint', '--config', config, '--json'];
  const { code, stdout, stderr } = await runCli(commandLine, { stdin });
  assert.equal(code, 64);
  assert.deepEqual(
    parseJsonLines(stdout).map(({ key }) => key),
    [hex],
  );
  assert.match(stderr, /line 2: expected a SHA-256 fingerprint of 64 hex digits, got "abc"/);
});

test('where wants one way to name a device, and a certificate that is one', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory);
  for (const way of [[], ['a', '--client-id', 'b'], ['a', '--stdin']]) {
    const { code, stderr } = await runInProcess(['where', ...way, '--config', config]);
    assert.equal(code, 64);
    assert.match(stderr, /expected DEVICE, identity options or --stdin, one of the three/);
  }
  const { code, stderr } = await runInProcess(['where', '--certificate', config, '--config', config]);
  assert.equal(code, 64);
  assert.match(stderr, /expected one X.509 certificate in PEM or DER/);
});

test('check prints the resolved configuration with secrets hidden', async (context) => {
  const config = await writeConfiguration(await makeDirectory(context));
  const [yaml, json] = await Promise.all([
    runCli(['check', '--config', config]),
    runCli(['check', '--config', config, '--json']),
  ]);
  assert.deepEqual([yaml.code, yaml.stderr, json.code], [0, '', 0]);
  assert.match(yaml.stdout, /^version: 1\n/);
  assert.match(yaml.stdout, /weightBps: 2000/);
  assert.deepEqual(Object.keys(JSON.parse(json.stdout)), ['configuration', 'warnings', 'planDifferences']);
  for (const { stdout } of [yaml, json]) {
    assert.ok(!stdout.includes(secretToken));
    assert.match(stdout, /\[hidden\]/);
  }
});

test('check warns where a part of a split has a share in the store and is not configured any more', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory);
  await writeFile(join(directory, 'mqtt.zone'), '$TTL 1\n@ SOA ns1 h 1 1 1 1 1\n@ NS ns1\nns1 A 127.0.0.1\n');
  const zone = `{ origin: mqtt.example.com, file: mqtt.zone, steering: [{ owner: "@", by: split, split: front, parts: ${'{ old: { addresses: [192.0.2.1] } }'} }] }`;
  await appendFile(config, `nameserver: { bind: ["127.0.0.1:0"], zones: [${zone}] }\n`);
  const splits = [{ name: 'front', weights: { bypass: 10_000 } }];
  const store = await openStore(directory, { ...storedPlan, splits });
  await store.close();
  const { code, stderr } = await runCli(['check', '--config', config]);
  assert.equal(code, 0);
  assert.match(stderr, /"run" refuses to start: revision 2 in the store: split "front" gives 100% to part "bypass"/);
});

test("check warns where the store's plan differs from the file's", async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { weightBps: 0, salt: 'other' });
  const store = await openStore(directory);
  await store.close();
  const { code, stderr } = await runCli(['check', '--config', config]);
  assert.equal(code, 0);
  assert.match(stderr, /revision 2 in the store counts.*another salt or identity "run" refuses to start:/);
  assert.match(stderr, /^ {2}~ salt: demo → other$/m);
  assert.match(stderr, /^ {2}~ cohort everyone weightBps: 20% → 0%$/m);
  assert.match(stderr, /^ {2}- override clientid meter-7: aws$/m);
});

test('check and run report every mistake at once with its place, and start nothing', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { weightBps: 10_001, identity: 'mqtt.nonsense' });
  for (const command of ['check', 'run']) {
    const { code, stdout, stderr } = await runCli([command, '--config', config]);
    assert.deepEqual({ code, stdout }, { code: 64, stdout: '' });
    assert.match(stderr, /crossfade\.yaml:2:\d+ fleet\.identity\[0\]/);
    assert.match(stderr, /crossfade\.yaml:10:\d+ plan\.cohorts\[0\]\.weightBps/);
    assert.match(stderr, /2 mistakes in the configuration/);
  }
  assert.equal(existsSync(join(directory, 'crossfade.db')), false);
});

test('check --json prints the mistakes of a wrong configuration, and the warnings of a right one', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { weightBps: 10_001, identity: 'mqtt.nonsense' });
  const wrong = await runInProcess(['check', '--config', config, '--json']);
  assert.equal(wrong.code, 64);
  const { mistakes } = JSON.parse(wrong.stdout) as { readonly mistakes: readonly Record<string, unknown>[] };
  assert.deepEqual(
    mistakes.map(({ file, line, path }) => ({ file, line, path })),
    [
      { file: config, line: 2, path: 'fleet.identity[0]' },
      { file: config, line: 10, path: 'plan.cohorts[0].weightBps' },
    ],
  );
  for (const { expected, got, message, column } of mistakes) {
    assert.equal(message, `expected ${expected}, got ${got}`);
    assert.ok(Number(column) > 1);
  }
  const right = await runInProcess([
    'check',
    '--config',
    await writeConfiguration(directory, { create: false }),
    '--json',
  ]);
  assert.equal(right.code, 0);
  assert.match(JSON.parse(right.stdout).warnings.join('\n'), /store\.create is false: "run" refuses to start/);
});

test('a mistake for scripts has no expected and got where its message has none', () => {
  const place = { file: 'a.yaml', line: 1, column: 2, path: 'x' };
  assert.deepEqual(toMistakeDocument({ ...place, message: 'expected 1, got "a, got b"' }), {
    ...place,
    expected: '1',
    got: '"a, got b"',
    message: 'expected 1, got "a, got b"',
  });
  const unpaired = { ...place, message: 'there are two of the name "a"' };
  assert.deepEqual(toMistakeDocument(unpaired), { ...unpaired, expected: null, got: null });
});

test('check names a configuration that is not there', async () => {
  const { code, stderr } = await runInProcess(['check', '--config', '/nowhere/crossfade.yaml']);
  assert.equal(code, 64);
  assert.match(stderr, /\/nowhere\/crossfade\.yaml.*no such file/);
});

test('plan diff --config compares the plan of the store with the one in the file', async (context) => {
  const directory = await makeDirectory(context);
  const config = await writeConfiguration(directory, { weightBps: 500 });
  const without = await runInProcess(['plan', 'diff', '--config', config]);
  assert.equal(without.code, 64);
  assert.match(without.stderr, /there is no plan in force/);
  const store = await openStore(directory);
  await store.close();
  const text = await runInProcess(['plan', 'diff', '--config', config]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^revision 2 → .*crossfade\.yaml\n/);
  assert.match(text.stdout, /^~ cohort everyone weightBps: 20% → 5%$/m);
  const json = await runInProcess(['plan', 'diff', '--config', config, '--json']);
  const { differences } = JSON.parse(json.stdout);
  assert.ok(
    differences.some(
      ({ subject, after }: { subject: string; after: unknown }) =>
        subject === 'cohort everyone weightBps' && after === 500,
    ),
  );
});
