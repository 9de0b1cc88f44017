import { BrokerLeg } from './broker-leg.ts';
import { retainedMs } from './delivery-judgement.ts';
import type { SessionParts } from './session-parts.ts';
import type { UpstreamTerms } from './session-terms.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/**
 * Another connection to the broker of a former leg that was lost, asked to take its session up. Its subscriptions are asked
 * for once more where they may not be whole: the session may have to come back there.
 */
export function createFormerLeg(
  parts: SessionParts,
  lost: UpstreamLeg,
  { number, upstream }: { readonly number: number; readonly upstream: UpstreamTerms },
): UpstreamLeg {
  const { slot, desk, isRelieved } = lost;
  const { sessionPresent, profile } = upstream;
  const isWhole = sessionPresent && profile.resumesWhole;
  const known = desk.known();
  const leg = new BrokerLeg(parts, {
    ...{ number, slot, upstream },
    ...(sessionPresent && { resumes: lost, held: isWhole ? known : [] }),
  });
  leg.desk.place.table.leave(desk.place.table.left);
  leg.isRelieved = isRelieved;
  const asksAgain = sessionPresent && !isWhole;
  if (asksAgain) leg.desk.restore(known, parts.nowMs);
  // The retained messages that the gateway's own SUBSCRIBE brought may have waited in the session.
  const isSuspect = asksAgain || lost.restoringUntilMs > Number.NEGATIVE_INFINITY;
  if (isSuspect) leg.restoringUntilMs = parts.nowMs + retainedMs;
  return leg;
}
