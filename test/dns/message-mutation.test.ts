import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readQuery } from '../../src/dns/question-reader.ts';
import { answerProblem, createExploration } from './answer-judgement.ts';
import { createMutation } from './message-mutation.ts';
import { queryFor } from './query-bytes.ts';

test('200 000 mutated messages are answered well or met with silence', () => {
  const explore = createExploration();
  for (let seed = 1; seed <= 4; seed += 1) assert.equal(explore(seed, 50_000), undefined, `seed ${seed}`);
});

test('mutations reach every fault of the gate, and what passes it', () => {
  const next = createMutation(7);
  const seen = new Set<number | 'silence'>();
  for (let index = 0; index < 20_000; index += 1) seen.add(readQuery(next())?.fault ?? 'silence');
  assert.deepEqual([...seen].map(String).sort(), ['0', '1', '16', '4', '5', 'silence']);
});

test('answerProblem sees what is wrong', () => {
  const message = queryFor('a.');
  const asker = { address: Buffer.of(1, 2, 3, 4), transport: 'udp' } as const;
  const answer = queryFor('a.', 1, undefined, { flags: 0x8100 });
  assert.equal(answerProblem(message, asker, answer), undefined);
  assert.equal(answerProblem(message, asker, undefined), 'silence for a query');
  assert.equal(answerProblem(answer, asker, answer), 'an answer to what is no query');
  assert.equal(answerProblem(message, asker, queryFor('a.')), 'no response');
  assert.equal(answerProblem(message, asker, queryFor('b.', 1, undefined, { flags: 0x8100 })), 'another question');
  assert.equal(answerProblem(message, asker, queryFor('a.', 1, undefined, { flags: 0x8180 })), 'RA, Z, AD or CD');
  assert.equal(answerProblem(message, asker, queryFor('a.', 1, undefined, { flags: 0x8000 })), 'another opcode or RD');
  assert.match(answerProblem(message, asker, Buffer.concat([answer, Buffer.of(0)])) ?? '', /octets behind/);
});
