import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownName } from '../../src/app/session-question.ts';

const known = { cohorts: ['wave-1', 'everyone'], brokers: ['legacy', 'aws'] };
const rows: readonly (readonly [Parameters<typeof unknownName>[0], string | undefined])[] = [
  [{}, undefined],
  [{ cohort: 'everyone', broker: 'aws' }, undefined],
  [{ cohort: 'nosuch' }, 'expected a cohort of the plan (wave-1, everyone), got "nosuch"'],
  [{ cohort: 'wave-1', broker: 'everyone' }, 'expected a broker of the configuration (legacy, aws), got "everyone"'],
];
for (const [query, message] of rows) {
  test(`a question for sessions of ${JSON.stringify(query)}: ${message ?? 'all names are known'}`, () => {
    assert.equal(unknownName(query, known), message);
  });
}
