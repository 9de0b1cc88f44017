/** What it costs to hand a cohort over: prepare, commit, roll back. See README.md beside it. */
import { HandoverWorld } from '../../test/e2e/handover/handover-world.ts';
import { type HandoverBenchOptions, parseOptions, usage } from './options.ts';
import { median, renderTable } from './report.ts';
import { measureRound, type RoundFigures } from './round.ts';

/** Short, so that the next round begins without second legs. */
const rollbackWindowMs = 4_000;

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError && 'code' in error) console.error(usage);
  process.exitCode = 1;
}

async function main(options: HandoverBenchOptions): Promise<void> {
  const { devices, workers } = options;
  await using world = await HandoverWorld.start({ devices, handover: { rollbackWindowMs }, sections: { workers } });
  console.error(`connecting ${devices} devices`);
  await world.connectFleet({ keepAliveSeconds: 0, queued: false });
  const rounds: RoundFigures[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    console.error(`round ${round} of ${options.rounds}`);
    rounds.push(await measureRound(world, rollbackWindowMs));
  }
  console.log(
    options.json ? JSON.stringify({ ...options, median: median(rounds), rounds }) : renderTable(options, rounds),
  );
}
