import { hash } from 'node:crypto';

/**
 * How many of the slots a process should work: an equal part, and one more for those that come first by name while there
 * is a remainder. The same in every process that sees the same processes; over all of them it is the number of slots.
 */
export function slotQuota(slots: number, processes: readonly string[], me: string): number {
  const rank = processes.filter((name) => name < me).length;
  return Math.floor(slots / processes.length) + (rank < slots % processes.length ? 1 : 0);
}

/**
 * The slots in the order in which a process wants them: rendezvous, so that processes that look at the same time mostly
 * reach for different ones.
 */
export function byPreference(slots: readonly string[], me: string): readonly string[] {
  const score = new Map(slots.map((slot) => [slot, hash('sha256', `${slot}\0${me}`, 'hex')]));
  return slots.toSorted((left, right) => ((score.get(left) as string) < (score.get(right) as string) ? -1 : 1));
}
