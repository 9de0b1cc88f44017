import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import { placeSession } from '../session/placement.ts';
import type { ClaimAnswer, ClaimRequest, SessionRemains } from '../session/session-registry.ts';
import { isExpired, remainsForClaim } from '../session/session-remains.ts';

/** What a process knows of a client ID. Neither call throws. */
export interface ClaimKnowledge {
  readonly homes: {
    homeOf(clientId: string): string | undefined;
    remainsOf(clientId: string): SessionRemains | undefined;
  };
  /** What is known to stand between a device and a target. */
  readonly obstacleOf: (clientId: string, target: string) => Obstacle | undefined;
  readonly isBroker: (name: string) => boolean;
  /** Wall clock, milliseconds. */
  readonly nowMs: number;
}

/** The part of a granted answer that follows from what is known. */
export type ClaimPlacement = Pick<
  Extract<ClaimAnswer, { readonly granted: true }>,
  'broker' | 'hasHome' | 'heldBack' | 'remains'
>;

/** Where a claim goes, and what its session finds there; the same for control process and worker. */
export function placeClaim(
  { clientId, intent, desired, fallback, adopts }: Omit<ClaimRequest, 'connection'> & { readonly adopts?: boolean },
  { homes, obstacleOf, isBroker, nowMs }: ClaimKnowledge,
): ClaimPlacement {
  if (clientId === '') return { broker: desired, hasHome: false };
  const home = homes.homeOf(clientId);
  const hasHome = home !== undefined;
  // It is attached there already.
  if (adopts === true) return { broker: desired, hasHome };
  const remains = hasHome && intent === 'resume' ? homes.remainsOf(clientId) : undefined;
  const placement = placeSession({
    intent,
    desired,
    home,
    homeIsKnown: hasHome && isBroker(home),
    isExpired: isExpired(remains, nowMs),
    fallback,
    obstacle: fallback && obstacleOf(clientId, fallback.target),
  });
  const left = remainsForClaim(remains, { isAtHome: placement.broker === home, nowMs });
  return { ...placement, hasHome, ...(left !== undefined && { remains: left }) };
}
