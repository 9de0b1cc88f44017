import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readServiceRecords, readServiceStates, writeServiceRecord } from '../../src/bridge/service-ledger-file.ts';
import { untouchedService } from '../../src/bridge/services/service-record.ts';
import { temporaryFolder } from './temporary-folder.ts';

const terms = {
  ...{ name: 'billing', rule: 'billing', instances: ['a', 'b'], filters: ['dt/#'], publishes: [] },
  probeTopic: 'dt/crossfade-probe',
};

test('what was written of a service is read again, beside the others, and leaves no drafts', async () => {
  await using folder = await temporaryFolder();
  const directory = join(folder.path, 'bridge');
  assert.deepEqual(readServiceRecords(directory), {});
  const record = { ...untouchedService, removed: ['a'], members: 1 };
  writeServiceRecord(directory, 'billing', { ...untouchedService, members: 7 });
  writeServiceRecord(directory, 'other', untouchedService);
  writeServiceRecord(directory, 'billing', record);
  assert.deepEqual(readServiceRecords(directory), { billing: record, other: untouchedService });
  assert.deepEqual(await readdir(directory), ['services.json']);
});

test('a service stands at the source, at both, or at the target', async () => {
  await using folder = await temporaryFolder();
  const read = () => readServiceStates(folder.path, [terms])[0];
  assert.deepEqual([read()?.standing, read()?.legacy], ['legacy', ['a', 'b']]);
  writeServiceRecord(folder.path, 'billing', { ...untouchedService, members: 1, step: { kind: 'awaiting-removal' } });
  assert.deepEqual([read()?.standing, read()?.legacy], ['both', ['a', 'b']]);
  writeServiceRecord(folder.path, 'billing', { ...untouchedService, removed: ['b'], members: 1 });
  assert.deepEqual([read()?.standing, read()?.legacy], ['both', ['a']]);
  const done = { ...untouchedService, removed: ['b', 'a'], members: 2, step: { kind: 'done' } } as const;
  writeServiceRecord(folder.path, 'billing', done);
  assert.deepEqual([read()?.standing, read()?.legacy], ['target', []]);
  // An instance that the configuration names since then is at the source.
  const [grown] = readServiceStates(folder.path, [{ ...terms, instances: ['a', 'b', 'c'] }]);
  assert.deepEqual([grown?.standing, grown?.step, grown?.legacy], ['both', 'idle', ['c']]);
});

test('a ledger that is none is told, and not taken for an empty one', async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, 'services.json'), '{"version":1,');
  assert.throws(() => readServiceRecords(folder.path), { code: 'bridge' });
  assert.throws(() => writeServiceRecord(folder.path, 'billing', untouchedService), { code: 'bridge' });
});
