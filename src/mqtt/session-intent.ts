import type { ConnectPacket } from './connect-packet.ts';

/**
 * What a CONNECT asks of an earlier session of the same client ID: `clean` discards it and leaves nothing behind,
 * `fresh` discards it and leaves one behind, `resume` takes it up.
 */
export function sessionIntentOf(connect: ConnectPacket): 'clean' | 'fresh' | 'resume' {
  if (!connect.cleanStart) return 'resume';
  return isPersistent(connect) ? 'fresh' : 'clean';
}

/** True when the session outlives the network connection. */
export function isPersistent(connect: Pick<ConnectPacket, 'sessionExpiryInterval'>): boolean {
  return connect.sessionExpiryInterval > 0;
}
