import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { adaptationKinds, obstacles } from '../../src/mqtt/adaptation-kind.ts';

const page = readFileSync(new URL('../../docs/adaptation.md', import.meta.url), 'utf8');

test('docs/adaptation.md explains every kind of adaptation and every obstacle', () => {
  for (const kind of [...adaptationKinds, ...obstacles]) assert.ok(page.includes(`\`${kind}\``), kind);
});
