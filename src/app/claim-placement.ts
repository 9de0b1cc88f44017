import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import { placeSession } from '../session/placement.ts';
import {
  type ClaimAnswer,
  type ClaimRequest,
  formerBrokers,
  type SessionRemains,
} from '../session/session-registry.ts';
import { isExpired, remainsForClaim } from '../session/session-remains.ts';

/** What a process knows of a client ID. Neither call throws. */
export interface ClaimKnowledge {
  readonly homes: {
    homeOf(clientId: string): string | undefined;
    remainsOf(clientId: string): SessionRemains | undefined;
    formerOf(clientId: string): readonly string[];
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
  'broker' | 'hasHome' | 'heldBack' | 'remains' | 'former' | 'isStale'
>;

/** Where a claim goes, and what its session finds there; the same for control process and worker. */
export function placeClaim(
  { clientId, intent, desired, fallback, adopts }: Omit<ClaimRequest, 'connection'> & { readonly adopts?: boolean },
  { homes, obstacleOf, isBroker, nowMs }: ClaimKnowledge,
): ClaimPlacement {
  if (clientId === '') return { broker: desired, hasHome: false };
  const recorded = homes.homeOf(clientId);
  const hasHome = recorded !== undefined;
  const formers = homes.formerOf(clientId);
  const oldSessions = (broker: string) => oldSessionsBeside(broker, { formers, recorded, isBroker });
  // It is attached there already.
  if (adopts === true) return { broker: desired, hasHome, ...oldSessions(desired) };
  const remains = intent === 'resume' ? homes.remainsOf(clientId) : undefined;
  // A session that was imported is older than the gateway: it is where devices were before their cohort was moved.
  const home = recorded ?? (remains === undefined ? undefined : (fallback?.source ?? desired));
  const placement = placeSession({
    intent,
    desired,
    home,
    homeIsKnown: home !== undefined && isBroker(home),
    isExpired: isExpired(remains, nowMs),
    fallback,
    obstacle: fallback && obstacleOf(clientId, fallback.target),
  });
  const left = remainsForClaim(remains, { isAtHome: placement.broker === home, nowMs });
  return { ...placement, hasHome, ...(left !== undefined && { remains: left }), ...oldSessions(placement.broker) };
}

/** What is left of the client ID at brokers from before its session moved, seen from the broker that it goes to now. */
function oldSessionsBeside(
  broker: string,
  {
    formers,
    recorded,
    isBroker,
  }: { readonly formers: readonly string[]; readonly recorded: string | undefined } & Pick<ClaimKnowledge, 'isBroker'>,
): Pick<ClaimPlacement, 'former' | 'isStale'> {
  const holders = recorded === undefined ? formers : [...formers, recorded];
  const former = [...new Set(holders)].filter((other) => other !== broker && isBroker(other)).slice(-formerBrokers);
  return { ...(former.length > 0 && { former }), ...(formers.includes(broker) && { isStale: true }) };
}
