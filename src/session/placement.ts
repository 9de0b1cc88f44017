import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { Fallback, SessionIntent } from './session-registry.ts';

export interface PlacementQuestion {
  readonly intent: SessionIntent;
  /** The broker that the plan wants. */
  readonly desired: string;
  /** The broker that holds a persistent session of this client ID, when one is recorded. */
  readonly home: string | undefined;
  /** Whether the configuration still has that broker. */
  readonly homeIsKnown: boolean;
  /** The emulated expiry of that session has run out. */
  readonly isExpired?: boolean;
  readonly fallback?: Fallback | undefined;
  /** What is known to stand between the device and the fallback's target. */
  readonly obstacle?: Obstacle | undefined;
}

export interface Placement {
  readonly broker: string;
  /** Why the device is on its source, and stays there whatever the plan wants. */
  readonly heldBack?: Obstacle;
}

/**
 * The broker a CONNECT goes to. A session that is taken up again goes where it is, because its queue is there; one that
 * starts anew goes where the plan says (architecture, decision 1). A cutover alone so never strands a queue.
 * A device that the target cannot carry goes to the source, also when its session is on the target already: it would be
 * refused there again and again, and a queue that is never read is worth less than a device that works.
 */
export function placeSession(question: PlacementQuestion): Placement {
  const { intent, desired, home, homeIsKnown, isExpired = false, fallback } = question;
  const isCohorts = fallback !== undefined && (desired === fallback.target || desired === fallback.source);
  const heldBack = isCohorts ? question.obstacle : undefined;
  const resumesAt = intent === 'resume' && homeIsKnown && !isExpired ? home : undefined;
  if (fallback === undefined || heldBack === undefined) return { broker: resumesAt ?? desired };
  if (resumesAt !== undefined && resumesAt !== fallback.target && resumesAt !== fallback.source) {
    return { broker: resumesAt };
  }
  return { broker: fallback.source, heldBack };
}
