import { setTimeout as delay } from 'node:timers/promises';
import type { AdminClient } from '../../src/admin/admin-client.ts';
import type { World } from './contender.ts';
import { planAt, type RunningGateway, startGateway } from './crossfade.ts';
import { type LoadResult, runLoad } from './dnsperf.ts';
import type { JobName } from './options.ts';

export interface ChangesResult extends LoadResult {
  readonly job: JobName;
  readonly changes: number;
}

const changeEveryMs = 50;

/** Full load while the plan changes and the zone is loaded again, in turns. */
export async function loadUnderChanges(
  jobs: readonly JobName[],
  { world, queries, seconds }: { world: World; queries: Readonly<Record<JobName, string>>; seconds: number },
): Promise<readonly ChangesResult[]> {
  const running = await startGateway(world);
  try {
    const results: ChangesResult[] = [];
    for (const job of jobs) {
      const load = runLoad({ port: running.port, queries: queries[job], seconds, core: world.loadCore });
      const changes = changeUntil(load, running);
      results.push({ ...(await load), job, changes: await changes });
    }
    return results;
  } finally {
    running.admin.close();
    await running.process.stop();
  }
}

/** A new revision of the plan and a reload of the zone in turns; each counts when it was taken. */
async function changeUntil(end: Promise<unknown>, { admin, process: gateway }: RunningGateway): Promise<number> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  void end.then(over, over);
  let changes = 0;
  while (!isOver) {
    if (changes % 2 === 0) await replacePlan(admin, (changes * 137) % 10_001);
    else process.kill(gateway.pid, 'SIGHUP');
    changes += 1;
    await delay(changeEveryMs);
  }
  return changes;
}

async function replacePlan(admin: AdminClient, weightBps: number): Promise<void> {
  const current = await admin.plan();
  if (!current.ok) throw new Error(`The plan cannot be read: ${JSON.stringify(current.error)}`);
  const replaced = await admin.replacePlan(planAt(weightBps), { ifMatch: current.value.revision });
  if (!replaced.ok) throw new Error(`The plan cannot be replaced: ${JSON.stringify(replaced.error)}`);
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
