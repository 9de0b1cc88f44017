import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryCounter } from '../../src/nameserver/query-counter.ts';

test('queries are handed on by type, rcode and what became of them, each once', () => {
  const queries: string[] = [];
  const results: Record<string, number> = {};
  const counter = new QueryCounter(
    ({ qtype, rcode }, count) => queries.push(`${qtype} ${rcode} ${count}`),
    (result, count) => {
      results[result] = (results[result] ?? 0) + count;
    },
  );
  counter.count(1, 0, 'answered');
  counter.count(1, 0, 'slipped');
  counter.count(1, 0, 'dropped');
  counter.count(65_280, 3, 'truncated');
  counter.flush();
  counter.flush();
  assert.deepEqual(queries, ['A NOERROR 2', 'A none 1', 'other NXDOMAIN 1']);
  assert.deepEqual(results, { answered: 1, slipped: 1, dropped: 1, truncated: 1 });
});
