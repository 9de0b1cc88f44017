import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { explainedDifferences, matrixQuestion, matrixQuestions } from '../../dns/knot-matrix.ts';
import { clientPrograms, runProgram } from './client-programs.ts';
import { startGatewayNameserver } from './gateway-nameserver.ts';
import { startKnot } from './knot-server.ts';
import { comparedFiles } from './matrix-zones.ts';
import type { ServerUnderTest } from './zone-server.ts';

const rows = [...new Set(matrixQuestions)].filter((row) => explainedDifferences[row] === undefined);
/** drill takes one question a process: by default each question over one transport, in turns; DNS_MATRIX=whole: over both. */
const isWhole = process.env['DNS_MATRIX'] === 'whole';

describe('the usual clients print the same for Knot and for us', { timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack();
  let knot: ServerUnderTest;
  let ours: ServerUnderTest;
  before(async () => {
    knot = stack.use(await startKnot({ files: comparedFiles }));
    const zones = Object.entries(comparedFiles).map(([origin, file]) => ({ origin, file }));
    ours = stack.use(await startGatewayNameserver({ zones }));
  });
  after(() => stack.disposeAsync());

  for (const program of clientPrograms) {
    for (const transport of ['udp', 'tcp'] as const) {
      const asked =
        isWhole || program.atOnce > 1 ? rows : rows.filter((_, index) => (index % 2 === 0) === (transport === 'udp'));
      const questions = asked.map(matrixQuestion);
      test(`${program.name} over ${transport}, ${questions.length} questions`, async () => {
        const [atKnot, atOurs] = await Promise.all([
          runProgram(program, knot.port, transport, questions),
          runProgram(program, ours.port, transport, questions),
        ]);
        const failures = asked.flatMap((row, index) =>
          atKnot[index] === atOurs[index] ? [] : [`${row}\n${atKnot[index]}\n--- ours:\n${atOurs[index]}`],
        );
        assert.equal(failures.length, 0, `\n${failures.join('\n\n')}`);
      });
    }
  }
});
