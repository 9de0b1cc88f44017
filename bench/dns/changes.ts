import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, RunningContender, World } from './contender.ts';
import { type LoadResult, runLoad } from './dnsperf.ts';
import type { JobName } from './options.ts';

export interface ChangesResult extends LoadResult {
  readonly job: JobName;
  readonly changes: number;
}

const changeEveryMs = 50;

/** Full load while the plan changes and the zone is loaded again, in turns. */
export async function loadUnderChanges(
  contender: Contender,
  jobs: readonly JobName[],
  { world, queries, seconds }: { world: World; queries: Readonly<Record<JobName, string>>; seconds: number },
): Promise<readonly ChangesResult[]> {
  const running = await contender.start(world);
  try {
    const results: ChangesResult[] = [];
    for (const job of jobs) {
      const load = runLoad({ port: running.port, queries: queries[job], seconds, core: world.loadCore });
      const changes = changeUntil(load, running);
      results.push({ ...(await load), job, changes: await changes });
    }
    return results;
  } finally {
    await running.process.stop();
  }
}

/** The weight goes up and down, and every other time it is the zone. */
async function changeUntil(end: Promise<unknown>, { process: child }: RunningContender): Promise<number> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void end.then(over, over);
  let changes = 0;
  while (!isOver) {
    child.send(changes % 2 === 0 ? `plan ${(changes * 137) % 10_001}` : 'zone');
    await child.next('changed');
    changes += 1;
    await delay(changeEveryMs);
  }
  return changes;
}

/** What is wrong with the results; nothing may be lost, and nothing refused. */
export function complaintsAbout(results: readonly ChangesResult[]): readonly string[] {
  return results.flatMap(({ job, completed, lost, changes, rcodes }) => [
    ...(changes < 10 ? [`${job}: only ${changes} changes`] : []),
    ...(lost > 0 ? [`${job}: ${lost} of ${completed + lost} queries were lost`] : []),
    ...Object.entries(rcodes).flatMap(([code, count]) =>
      code === 'NOERROR' ? [] : [`${job}: ${count} answers were ${code}`],
    ),
  ]);
}
