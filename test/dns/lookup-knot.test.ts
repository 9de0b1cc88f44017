import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lookUp } from '../../src/dns/lookup.ts';
import type { RecordSet } from '../../src/dns/record-set.ts';
import { parseType, renderRcode } from '../../src/dns/record-type.ts';
import { nameKey, parseName, renderName } from '../../src/dns/wire-name.ts';
import { createZones } from '../../src/dns/zones.ts';
import { explainedDifferences, matrixQuestion, matrixQuestions, matrixZones } from './knot-matrix.ts';

const zones = createZones(matrixZones());
const knot = new Map(
  readFileSync(join(import.meta.dirname, 'knot-answers.txt'), 'utf8')
    .trimEnd()
    .split('\n\n')
    .map((block) => [block.slice(0, block.indexOf('\n')), block.slice(block.indexOf('\n') + 1)]),
);

describe('the lookup answers as Knot does', () => {
  test('every question of the matrix was put to Knot', () => {
    assert.deepEqual([...knot.keys()], [...new Set(matrixQuestions)]);
    assert.ok(matrixQuestions.length >= 150);
  });
  for (const row of matrixQuestions) {
    const reason = explainedDifferences[row];
    test(`${row}${reason === undefined ? '' : ` (otherwise: ${reason})`}`, () => {
      if (reason === undefined) assert.equal(answerText(row), knot.get(row)?.toLowerCase());
      else assert.notEqual(answerText(row), knot.get(row)?.toLowerCase());
    });
  }
});

/** As record-knot-answers.ts writes it, in lower case: an owner has the case of the question with Knot. */
function answerText(row: string): string {
  const { name: text, type } = matrixQuestion(row);
  const name = parseName(text);
  assert.ok(name.ok);
  const { answer } = lookUp(zones, { name: name.value, key: nameKey(name.value), type: parseType(type) ?? -1 });
  const lines = [
    ...recordLines('answer', answer.answer),
    ...recordLines('authority', answer.authority),
    ...recordLines('additional', answer.additional),
  ];
  const flags = answer.authoritative ? 'qr aa' : 'qr';
  return [`${renderRcode(answer.rcode)} ${flags}`, ...lines.sort()].join('\n').toLowerCase();
}

function recordLines(section: string, sets: readonly RecordSet[]): string[] {
  return sets.flatMap(({ owner, type, ttl, rdatas }) =>
    rdatas.map((rdata) => {
      const data = `\\# ${rdata.length} ${Buffer.from(rdata).toString('hex')}`;
      return `${section} ${renderName(owner)} ${ttl} TYPE${type} ${data}`;
    }),
  );
}
