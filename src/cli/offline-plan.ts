import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readInclude } from '../config/include.ts';
import type { Plan } from '../plan/plan.ts';
import { createSnapshot, type RoutingSnapshot } from '../plan/snapshot.ts';
import { CommandFailure } from './command-failure.ts';
import { loadConfigurationFile } from './configuration-file.ts';
import { exitCodes } from './exit-codes.ts';
import { readStoredPlan } from './stored-plan.ts';

/** A plan that answers without a gateway, and where it came from. */
export interface OfflinePlan {
  readonly snapshot: RoutingSnapshot;
  readonly planFrom: 'store' | 'file';
}

/** The store's newest plan; where there is no store yet, the file's, which would become revision 1. */
export async function loadOfflinePlan(path: string): Promise<OfflinePlan> {
  const { configuration } = await loadConfigurationFile(path);
  const stored = await readStoredPlan(configuration.store);
  if (stored !== undefined) return { snapshot: prepare(stored), planFrom: 'store' };
  refuseLostStore(configuration);
  return { snapshot: prepare({ revision: 1, plan: configuration.plan }), planFrom: 'file' };
}

/** With `create: false` a store must be there: a lost volume must not look like the file's weights (contract section 2). */
function refuseLostStore({ store }: Configuration): void {
  if (store.create) return;
  throw new CommandFailure(
    exitCodes.failed,
    `there is no plan in ${store.path}, and store.create is false`,
    'bring the store back, or set store.create to true for a new one',
  );
}

function prepare({ revision, plan }: { readonly revision: number; readonly plan: Plan }): RoutingSnapshot {
  const source = createSystemSource();
  const snapshot = createSnapshot({
    revision,
    plan,
    readInclude: (file) => readInclude(file, source),
  });
  if (snapshot.ok) return snapshot.value;
  throw new CommandFailure(exitCodes.failed, `revision ${revision} of the plan cannot be used: ${snapshot.error}`);
}
