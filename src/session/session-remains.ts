import { type ClaimAnswer, remainingIdentifiers, type SessionRemains } from './session-registry.ts';

export type ClaimRemains = NonNullable<Extract<ClaimAnswer, { readonly granted: true }>['remains']>;

/** What is worth keeping, bounded; undefined: nothing. */
export function boundedRemains(remains: SessionRemains | undefined): SessionRemains | undefined {
  if (remains === undefined) return undefined;
  const { received, expiresAtMs } = remains;
  if (received.length === 0 && expiresAtMs === undefined) return undefined;
  return {
    received: received.slice(-remainingIdentifiers),
    ...(expiresAtMs !== undefined && { expiresAtMs: Math.ceil(expiresAtMs) }),
  };
}

/** `nowMs` is of the wall clock, as the expiry is. */
export function isExpired(remains: SessionRemains | undefined, nowMs: number): boolean {
  return remains?.expiresAtMs !== undefined && remains.expiresAtMs <= nowMs;
}

/**
 * What a CONNECT that takes a session up is told of it. Exchanges belong to the broker that they were begun with: a
 * session that is over, or that goes elsewhere, has none.
 */
export function remainsForClaim(
  remains: SessionRemains | undefined,
  { isAtHome, nowMs }: { readonly isAtHome: boolean; readonly nowMs: number },
): ClaimRemains | undefined {
  if (remains === undefined) return undefined;
  const expired = isExpired(remains, nowMs);
  const received = isAtHome && !expired ? remains.received : [];
  return received.length === 0 && !expired ? undefined : { received, expired };
}
