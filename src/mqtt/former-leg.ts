import { BrokerLeg } from './broker-leg.ts';
import { retainedMs } from './delivery-judgement.ts';
import type { SessionParts } from './session-parts.ts';
import type { UpstreamTerms } from './session-terms.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** What a leg that takes the place of a lost former one begins with. */
export interface FormerLeg {
  readonly leg: UpstreamLeg;
  /** Its broker may have the session still, and says again what was not acknowledged. */
  readonly mayBeResumed: boolean;
}

/**
 * Another connection to the broker of a former leg that was lost, asked to take its session up. Its subscriptions are asked
 * for once more where they may not be whole, or nobody can tell (MQTT 3.1): the session may have to come back there.
 */
export function createFormerLeg(
  parts: SessionParts,
  lost: UpstreamLeg,
  { number, upstream }: { readonly number: number; readonly upstream: UpstreamTerms },
): FormerLeg {
  const { slot, desk, isRelieved } = lost;
  const { sessionPresent, protocol, profile } = upstream;
  const mayBeResumed = sessionPresent || protocol === '3.1';
  const isWhole = sessionPresent && profile.resumesWhole;
  const known = desk.known();
  const leg = new BrokerLeg(parts, {
    ...{ number, slot, upstream },
    ...(mayBeResumed && { resumes: lost, held: isWhole ? known : [] }),
  });
  leg.desk.place.table.leave(desk.place.table.left);
  leg.isRelieved = isRelieved;
  const asksAgain = mayBeResumed && !isWhole;
  if (asksAgain) leg.desk.restore(known, parts.nowMs);
  // The retained messages that the gateway's own SUBSCRIBE brought may have waited in the session.
  const isSuspect = asksAgain || lost.restoringUntilMs > Number.NEGATIVE_INFINITY;
  if (isSuspect) leg.restoringUntilMs = parts.nowMs + retainedMs;
  return { leg, mayBeResumed };
}
