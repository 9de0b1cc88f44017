import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProtocolVersion } from '../../src/mqtt/control-packet.ts';
import { chooseVersion } from '../../src/mqtt/version-choice.ts';

const rows: readonly [versions: readonly ProtocolVersion[], from31: string, from311: string, from5: string][] = [
  [['3.1.1', '5', '3.1'], '3.1.1', '3.1.1', '5'],
  [['3.1', '3.1.1'], '3.1.1', '3.1.1', '3.1.1'],
  [['3.1', '5'], '3.1', '5', '5'],
  [['5', '3.1.1'], '3.1.1', '3.1.1', '5'],
  [['3.1'], '3.1', '3.1', '3.1'],
  [['3.1.1'], '3.1.1', '3.1.1', '3.1.1'],
  [['5'], '5', '5', '5'],
  [[], '3.1', '3.1.1', '5'],
];

describe('chooseVersion', () => {
  for (const [versions, from31, from311, from5] of rows) {
    test(`a broker with ${versions.join(', ') || 'no version'}`, () => {
      const chosen = (['3.1', '3.1.1', '5'] as const).map((device) => chooseVersion(device, versions));
      assert.deepEqual(chosen, [from31, from311, from5]);
    });
  }
});
