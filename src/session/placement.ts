import type { SessionIntent } from './session-registry.ts';

export interface PlacementQuestion {
  readonly intent: SessionIntent;
  /** The broker that the plan wants. */
  readonly desired: string;
  /** The broker that holds a persistent session of this client ID, when one is recorded. */
  readonly home: string | undefined;
  /** Whether the configuration still has that broker. */
  readonly homeIsKnown: boolean;
}

/**
 * The broker a CONNECT goes to. A session that is taken up again goes where it is, because its queue is there; one that
 * starts anew goes where the plan says (architecture, decision 1). A cutover alone so never strands a queue.
 */
export function placeSession({ intent, desired, home, homeIsKnown }: PlacementQuestion): string {
  return intent === 'resume' && home !== undefined && homeIsKnown ? home : desired;
}
