import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin, openFilesLimit } from '../../src/app/descriptor-room.ts';

test('a worker lets in no more connections than it has descriptors for, and never none', () => {
  const rows = [
    { configured: 100_000, files: Number.POSITIVE_INFINITY, expected: 100_000 },
    { configured: 100_000, files: 1_048_576, expected: 100_000 },
    { configured: 100_000, files: 1_048, expected: 500 },
    { configured: 10, files: 1_048, expected: 10 },
    { configured: 100_000, files: 20, expected: 1 },
  ];
  for (const { configured, files, expected } of rows) assert.equal(connectionsWithin(configured, files), expected);
});

test('the limit of this process is a number of files', () => {
  assert.ok(openFilesLimit() > 3);
});
