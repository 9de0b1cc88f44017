import { CrossfadeError } from '../base/errors.ts';
import type { FileLock } from '../base/file-lock.ts';
import type { StoreConfiguration } from '../config/configuration.ts';
import type { PlanStore } from '../plan/store/plan-store.ts';
import { openSqlitePlanStore } from '../plan/store/sqlite-plan-store.ts';
import { lockStore } from '../plan/store/store-lock.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface ControlStore {
  readonly store: PlanStore;
  readonly lock: FileLock;
}

/**
 * The plan store with its lock. One that can be read but not written serves its last plan: every change is then refused
 * with the reason, and devices connect as before.
 */
export function openControlStore({ path, create }: StoreConfiguration, log: Logger): ControlStore {
  const writable = lockAndOpen(path, create);
  if (writable.ok) return writable;
  const readOnly = writable.isInUse ? undefined : openSqlitePlanStore({ path, create: false, readOnly: true });
  if (readOnly?.ok !== true) throw new CrossfadeError('store', writable.message);
  log.error(
    { problem: writable.message },
    'The plan store cannot be written; its last plan is served and no change is possible',
  );
  return { store: readOnly.value, lock: { release: () => {} } };
}

type Opening =
  | ({ readonly ok: true } & ControlStore)
  | { readonly ok: false; readonly message: string; readonly isInUse: boolean };

function lockAndOpen(path: string, create: boolean): Opening {
  const lock = lockStore(path);
  if (!lock.ok) return { ok: false, message: lock.error, isInUse: lock.error.includes('is in use by another gateway') };
  const store = openSqlitePlanStore({ path, create });
  if (store.ok) return { ok: true, store: store.value, lock: lock.value };
  lock.value.release();
  return { ok: false, message: store.error.message, isInUse: false };
}
