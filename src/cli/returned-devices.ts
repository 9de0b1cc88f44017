import { setTimeout as delay } from 'node:timers/promises';
import type { CohortStatus, MoveDocument } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';

const pollMs = 200;
/** Milliseconds that devices whose sessions were closed have to come back before the command ends without them. */
const defaultReturnMs = 3_000;

/** Cohorts after a move, and how many of the sessions that it closed are not back. */
export interface Returned {
  readonly cohorts: readonly CohortStatus[];
  readonly missing: number;
}

/** The cohorts as they stand now; undefined where the gateway cannot tell. */
export async function cohortsNow(client: AdminClient): Promise<readonly CohortStatus[] | undefined> {
  const status = await client.status();
  return status.ok ? status.value.cohorts : undefined;
}

/**
 * Waits until the move's cohorts have as many live sessions as they had `before` it, for `returnMs` at most: a table of
 * sessions in between would look as if devices were lost. Never counts more as missing than the move closed.
 */
export async function awaitReturn(
  { cohorts: names, moved, live }: MoveDocument,
  before: readonly CohortStatus[] | undefined,
  { client, returnMs = defaultReturnMs }: { readonly client: AdminClient; readonly returnMs?: number },
): Promise<Returned | undefined> {
  const ofMove = (cohorts: readonly CohortStatus[]) => cohorts.filter(({ name }) => names.includes(name));
  const expected = sessionsOf(ofMove(before ?? []));
  const closed = live === 'reconnect' ? moved : 0;
  const deadline = performance.now() + returnMs;
  for (;;) {
    const now = await cohortsNow(client);
    if (now === undefined) return undefined;
    const cohorts = ofMove(now);
    const missing = Math.max(0, Math.min(closed, expected - sessionsOf(cohorts)));
    if (missing === 0 || performance.now() >= deadline) return { cohorts, missing };
    await delay(pollMs);
  }
}

function sessionsOf(cohorts: readonly CohortStatus[]): number {
  return cohorts.reduce((total, { sessions }) => total + sessions.source + sessions.target, 0);
}
