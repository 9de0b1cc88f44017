import { createHash, hkdfSync } from 'node:crypto';
import type { ListenerTlsPolicy } from './listener-tls.ts';

/** What a session ticket was issued under; another value of any of it means a full handshake. */
export interface TicketScope {
  readonly policy: ListenerTlsPolicy;
  /** Fingerprints of the trusted CAs; their order does not count. */
  readonly authorities: readonly string[];
  /** Digest of the revocation lists in force. */
  readonly revocation: string;
  /** Empty: shared by all workers and gateways; else tickets are this process's own. */
  readonly processNonce: string;
}

/** Node's 48 octets (name, HMAC key, AES key) for the rotation period that `wallMs` is in. */
export function ticketKeys(scope: TicketScope, wallMs: number): Buffer {
  const { policy } = scope;
  const trust = createHash('sha256').update(
    JSON.stringify([
      scope.authorities.toSorted(),
      scope.revocation,
      policy.clientCertificates,
      policy.tolerate.toSorted(),
      policy.crlStale,
      scope.processNonce,
    ]),
  );
  const salt = Buffer.concat([Buffer.from(`${policy.name}\0`), trust.digest()]);
  const info = `crossfade session tickets v1|${rotationPeriod(policy, wallMs)}`;
  return Buffer.from(hkdfSync('sha256', policy.ticketSecret, salt, info, 48));
}

/** When the period ends, in milliseconds since the Unix epoch: the same moment on every gateway. */
export function nextRotation(policy: ListenerTlsPolicy, wallMs: number): number {
  return (rotationPeriod(policy, wallMs) + 1) * policy.ticketRotationMs;
}

function rotationPeriod({ ticketRotationMs }: ListenerTlsPolicy, wallMs: number): number {
  return Math.floor(wallMs / ticketRotationMs);
}
