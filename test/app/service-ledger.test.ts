import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceLedger } from '../../src/app/service-ledger.ts';
import { BridgeDirectory } from '../../src/bridge/bridge-directory.ts';
import { writeStatus } from '../../src/bridge/directory-board.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { silentLog, temporaryFolder } from '../bridge/temporary-folder.ts';
import { changed, loadRight } from '../config/loading.ts';

test('where bridges run alone, a service moves only from where one of them is seen', async () => {
  await using folder = await temporaryFolder();
  const rule = '{ name: billing, from: legacy, to: successor, filter: "dt/#", share: billing, members: 0 }';
  const bridge = `bridge: { runs: alone, directory: "${folder.path}", rules: [ ${rule} ] }`;
  const service = 'services: [ { name: billing, rule: billing, instances: [one] } ]';
  const { configuration } = loadRight(changed('version: 1', `version: 1\n${bridge}\n${service}`));
  const log = { ...silentLog, debug: () => {} } as unknown as Logger;
  const ledger = ServiceLedger.open(configuration, { brokers: {}, bridge: {} } as never, log);
  const ask = { way: 'forth', author: 'ops' } as const;
  const refused = await ledger.moveService('billing', ask);
  assert.deepEqual(!refused.ok && refused.error.kind, 'not-possible');
  assert.deepEqual(
    (await ledger.services()).ok && (await ledger.verifyService('billing', { windowMs: 1, author: 'ops' })).ok,
    false,
  );
  const directory = new BridgeDirectory(folder.path);
  const presence = directory.enter();
  writeStatus(directory, { process: presence.process, pid: 1, startedAtMs: 0, writtenAtMs: 0, slots: [] });
  assert.equal((await ledger.moveService('billing', ask)).ok, true);
  presence.leave();
  await ledger.close();
});
