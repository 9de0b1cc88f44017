import { maxRememberedBytes, unknownSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import { type ClaimAnswer, remainingIdentifiers, type SessionRemains } from './session-registry.ts';

export type ClaimRemains = NonNullable<Extract<ClaimAnswer, { readonly granted: true }>['remains']>;

/** What is worth keeping, bounded; undefined: nothing. */
export function boundedRemains(remains: SessionRemains | undefined): SessionRemains | undefined {
  if (remains === undefined) return undefined;
  const { received, subscriptions, expiresAtMs } = remains;
  if (received.length === 0 && subscriptions === undefined && expiresAtMs === undefined) return undefined;
  return {
    received: received.slice(-remainingIdentifiers),
    ...(subscriptions !== undefined && { subscriptions: boundedText(subscriptions) }),
    ...(expiresAtMs !== undefined && { expiresAtMs: Math.ceil(expiresAtMs) }),
  };
}

function boundedText(subscriptions: string): string {
  return Buffer.byteLength(subscriptions) > maxRememberedBytes ? unknownSubscriptions : subscriptions;
}

/** Of a session that lives: nothing is left of an exchange, its subscriptions are as they were. */
export const livingSession: SessionRemains = { received: [] };

/** `nowMs` is of the wall clock, as the expiry is. */
export function isExpired(remains: SessionRemains | undefined, nowMs: number): boolean {
  return remains?.expiresAtMs !== undefined && remains.expiresAtMs <= nowMs;
}

/**
 * What a CONNECT that takes a session up is told of it. Exchanges and subscriptions belong to the broker that they were
 * begun with: a session that is over, or that goes elsewhere, has none.
 */
export function remainsForClaim(
  remains: SessionRemains | undefined,
  { isAtHome, nowMs }: { readonly isAtHome: boolean; readonly nowMs: number },
): ClaimRemains | undefined {
  if (remains === undefined) return undefined;
  const expired = isExpired(remains, nowMs);
  if (expired) return { received: [], expired };
  const { received } = remains;
  const subscriptions = remains.subscriptions === unknownSubscriptions ? undefined : remains.subscriptions;
  if (!isAtHome || (received.length === 0 && subscriptions === undefined)) return undefined;
  return { received, ...(subscriptions !== undefined && { subscriptions }), expired };
}
