import { positionCount } from '../plan/position.ts';
import type { HandoverQuestion } from './live-session.ts';

/** A session that waits for its handover. */
interface WaitingSession {
  readonly relay: { readonly record: { readonly assignment: { readonly position?: number } } };
}

/** Positions are told apart as finely as that, to find the first ones without sorting all. */
const bucketCount = 1_000;

/** The sessions that are first in the plan's order, at least `begin` of them where there are as many, sorted. */
export function inOrder<Session extends WaitingSession>(
  waiting: readonly Session[],
  { begin, order }: Pick<HandoverQuestion, 'begin' | 'order'>,
): readonly Session[] {
  if (waiting.length <= begin) return waiting;
  const rankOf = ({ relay }: WaitingSession) => {
    const position = relay.record.assignment.position ?? 0;
    return order === 'first-first' ? position : positionCount - position;
  };
  const bucketOf = (session: WaitingSession) => Math.floor((rankOf(session) / positionCount) * bucketCount);
  const counts = new Uint32Array(bucketCount + 1);
  for (const session of waiting) counts[bucketOf(session)] = (counts[bucketOf(session)] ?? 0) + 1;
  let last = 0;
  for (let found = counts[0] ?? 0; found < begin; found += counts[last] ?? 0) last += 1;
  const first = waiting.filter((session) => bucketOf(session) <= last);
  return first.sort((a, b) => rankOf(a) - rankOf(b));
}
