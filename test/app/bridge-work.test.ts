import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gatewayCarries, hasBridgeWork } from '../../src/app/bridge-work.ts';
import { temporaryFolder } from '../bridge/temporary-folder.ts';
import { bridgeRule } from './fake-board.ts';

test('there is work for rules, and for what former rules have left, and a look makes no directory', async () => {
  await using folder = await temporaryFolder();
  const directory = join(folder.path, 'bridge');
  assert.equal(hasBridgeWork({ rules: [], directory }), false);
  assert.equal(hasBridgeWork({ rules: [bridgeRule('dt')], directory }), true);
  assert.equal(gatewayCarries({ rules: [bridgeRule('dt')], directory, runs: 'alone' }), false);
  await mkdir(join(directory, 'slots'), { recursive: true });
  assert.equal(hasBridgeWork({ rules: [], directory }), false);
  await mkdir(join(directory, 'slots', 'dt.m0'));
  assert.equal(gatewayCarries({ rules: [], directory, runs: 'gateway' }), true);
});
