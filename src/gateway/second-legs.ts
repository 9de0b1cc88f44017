import type { Metrics } from '../telemetry/metrics.ts';
import type { SecondLegs, SecondLegUse } from './live-session.ts';
import type { SessionHandover } from './session-handover.ts';

/** `isBeingCut`: its leg stands by, and its cut begins in one of the next turns. */
export function countSecondLegs(
  handovers: Iterable<SessionHandover>,
  isBeingCut: (handover: SessionHandover) => boolean,
): readonly SecondLegs[] {
  const counts = new Map<string, SecondLegs>();
  for (const handover of handovers) {
    const use = isBeingCut(handover) ? 'under-way' : useOf(handover);
    if (use === undefined) continue;
    const { broker, relay } = handover;
    const cohort = relay.record.assignment.cohort ?? '';
    const key = JSON.stringify([broker, cohort, use]);
    counts.set(key, { broker, cohort, use, legs: (counts.get(key)?.legs ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** What is not counted now is none. */
export function showSecondLegs(gauge: Metrics['secondLegs'], counts: readonly SecondLegs[]): void {
  gauge.reset();
  for (const { broker, cohort, use, legs } of counts) gauge.set({ broker, cohort, use }, legs);
}

function useOf({ stage }: SessionHandover): SecondLegUse | undefined {
  switch (stage.name) {
    case 'dialling':
    case 'cutting':
      return 'under-way';
    case 'standing':
      return stage.isFormer ? 'warm' : 'prepared';
    case 'draining':
      return 'warm';
    case 'awaiting':
    case 'over':
      return undefined;
  }
}
