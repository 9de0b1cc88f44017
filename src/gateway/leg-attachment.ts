import { failure, type Result, success } from '../base/result.ts';
import type { DialPurpose } from './broker-side.ts';
import type { LegConnection } from './leg-connection.ts';
import { closeAsked, type DialContext, dialLeg, type LegRequest } from './leg-dial.ts';
import { type LegFailure, unreachable } from './leg-failure.ts';
import type { Relay } from './relay.ts';
import type { SessionEnds } from './session-ends.ts';
import type { SightRegistration } from './sight-registration.ts';

/** What those share who give live sessions further legs. */
export interface AttachmentContext extends DialContext {
  readonly sessionEnds: SessionEnds;
  readonly registration: SightRegistration;
}

/** Milliseconds for each CONNECT of a further leg, from its token to CONNACK. */
export const attachMs = 10_000;

/**
 * Gives a live session one more leg. The client ID is kept meanwhile: a newer connection of it waits until the broker that
 * is being asked has lost this one.
 */
export async function attachLeg(
  relay: Relay,
  request: Omit<LegRequest, 'timeoutMs'> & { readonly purpose: DialPurpose },
  context: AttachmentContext,
): Promise<Result<LegConnection, LegFailure>> {
  const release = relay.hold();
  const over = Promise.withResolvers<void>();
  const before = relay.legs.asking;
  relay.legs.asking = over.promise;
  try {
    await before;
    // A purge of the same session would end what is asked for here.
    await context.sessionEnds.settle(relay.record.connection, Math.ceil(context.limits.takeoverMs / 2));
    const dialled = await dialLeg(relay, { ...request, timeoutMs: attachMs }, context);
    if (!dialled.ok) return dialled;
    const leg = request.signal.aborted ? undefined : relay.addLeg(dialled.value, request.purpose);
    if (leg !== undefined) return success(leg);
    await closeAsked(dialled.value.socket, context.limits);
    return failure(unreachable('aborted', 'the session needs it no more'));
  } finally {
    over.resolve();
    release();
  }
}
