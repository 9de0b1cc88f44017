import { hash } from 'node:crypto';
import type { DeviceKeyKind } from './device-key.ts';

/** What can be hashed to a position: a device key, or an asking network of a DNS split (its canonical CIDR). */
export type HashedKind = DeviceKeyKind | 'subnet';

/** One end of the ring of positions; a position is below it. */
export const positionCount = 10_000;

/** The first 4 bytes, big-endian, of SHA-256("crossfade:v1|salt|kind|key") in UTF-8 (contract section 1). */
export function pointOf(salt: string, kind: HashedKind, key: string): number {
  return Number.parseInt(hash('sha256', `crossfade:v1|${salt}|${kind}|${key}`, 'hex').slice(0, 8), 16);
}

/** Where a key stands, 0 ≤ position < 10 000, as a double (contract section 1). */
export function positionOf(salt: string, kind: HashedKind, key: string): number {
  return (pointOf(salt, kind, key) * positionCount) / 2 ** 32;
}

/** The salt of a cohort's weight: another than the fleet's, so that membership by hash and weight are independent. */
export function cohortSalt(salt: string, cohort: string): string {
  return `${salt}/${cohort}`;
}
