import type { StoreConfiguration } from '../config/configuration.ts';
import type { PlanRevision } from '../plan/store/plan-store.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';

/**
 * The newest revision of a store, read-only, also while a gateway runs on it; undefined when there is none. A store
 * that is there and cannot be read ends the command: its plan must not be mistaken for the file's.
 */
export async function readStoredPlan({ path }: StoreConfiguration): Promise<PlanRevision | undefined> {
  const { openSqlitePlanStore } = await import('../plan/store/sqlite-plan-store.ts');
  const store = openSqlitePlanStore({ path, create: false, readOnly: true });
  if (!store.ok) {
    if (store.error.kind === 'missing') return undefined;
    throw unreadable(store.error.message);
  }
  try {
    const latest = await store.value.latest();
    if (latest.ok) return latest.value;
    throw unreadable(latest.error.kind === 'unavailable' ? latest.error.message : 'somebody else was faster');
  } finally {
    await store.value.close();
  }
}

function unreadable(message: string): CommandFailure {
  return new CommandFailure(
    exitCodes.failed,
    message,
    'restore the store from a copy; no other plan is used in its place',
  );
}
