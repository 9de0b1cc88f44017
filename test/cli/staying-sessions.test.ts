import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderStaying } from '../../src/cli/staying-sessions.ts';
import { statusDocument } from './sample-documents.ts';

const [everyone] = statusDocument.cohorts;
assert.ok(everyone);

test('each cohort with sessions that stay comes with the command that moves them, as a shell takes it', () => {
  const one = { ...everyone, name: "Halle 7 (d'Or)", sessions: { source: 1, target: 0, moving: 1 } };
  const none = { ...everyone, name: 'gen1', sessions: { source: 1, target: 0, moving: 0 } };
  assert.equal(
    renderStaying({ cohorts: [everyone, none, one], frozen: false }),
    'everyone: 2 live sessions stay where they are, "crossfade cutover everyone --weight 5%" moves what can move\n' +
      `Halle 7 (d'Or): 1 live session stays where it is, "crossfade cutover 'Halle 7 (d'\\''Or)' --weight 5%" moves what can move\n`,
  );
  assert.match(renderStaying({ cohorts: [everyone], frozen: true }), /"crossfade rollback everyone --to 5%"/);
  assert.equal(renderStaying({ cohorts: [none], frozen: false }), '');
});
