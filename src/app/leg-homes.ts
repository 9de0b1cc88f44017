import type { AttachedSession, SessionRemains } from '../session/session-registry.ts';
import { boundedRemains, livingSession } from '../session/session-remains.ts';
import type { HeldLeg } from './held-legs.ts';
import type { HomeChange } from './process-messages.ts';

/** What the life of a leg changes of its session's home. Undefined: nothing. */

/** `before` and `after`: the leg on either side of the change. */
export function homeAtAttach(
  { before, after }: { readonly before: HeldLeg; readonly after: HeldLeg },
  { persistent, place, keepsSubscriptions }: AttachedSession,
): HomeChange | undefined {
  // A clean session without a recorded home changes nothing that the control process keeps.
  if (!persistent && !before.hasHome) return undefined;
  const { clientId, epoch, broker, former } = after;
  if (!persistent) return { clientId, epoch, former };
  const home = { clientId, epoch, broker, former, ...(place !== undefined && { place }) };
  if (before.isAttached) return { ...home, remains: livingSession };
  // Said in full: another worker may know of them, and what it told the control process may be lost with that.
  const { subscriptions } = before;
  if (keepsSubscriptions !== true || subscriptions === undefined) return home;
  return { ...home, remains: { ...livingSession, subscriptions } };
}

export function homeAtChange(leg: HeldLeg | undefined, subscriptions: string): HomeChange | undefined {
  if (leg?.isAttached !== true || !leg.hasHome) return undefined;
  const { clientId, epoch, broker } = leg;
  const remains = boundedRemains({ ...livingSession, subscriptions });
  return { clientId, epoch, broker, ...(remains !== undefined && { remains }) };
}

export function homeAtEnd(
  leg: HeldLeg | undefined,
  { sessionOver, remains }: { readonly sessionOver: boolean; readonly remains: SessionRemains | undefined },
): HomeChange | undefined {
  if (leg?.hasHome !== true) return undefined;
  const { clientId, epoch, broker } = leg;
  if (sessionOver) return { clientId, epoch };
  const left = boundedRemains(remains);
  return left === undefined ? undefined : { clientId, epoch, broker, remains: left };
}
