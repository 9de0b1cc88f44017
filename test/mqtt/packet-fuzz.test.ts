import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzzPackets } from './packet-fuzz.ts';

it('takes 200 000 mutated packets without a crash, a hang or a value that does not last', (test) => {
  const seed = Math.floor(Math.random() * 0x1_0000_0000);
  const report = fuzzPackets({ seed, inputs: 200_000, maxMs: 60_000 });
  test.diagnostic(JSON.stringify(report));
  assert.equal(report.inputs, 200_000, 'too slow');
  assert.ok(report.accepted > report.inputs / 50, 'nearly everything was refused: the mutations show little');
});
