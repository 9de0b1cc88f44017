import { isIP } from 'node:net';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { UndeliverablePolicy } from '../mqtt/session-terms.ts';

/** What the configuration says of a broker, as far as sessions on it are concerned. */
export interface BrokerTraits {
  readonly profile: string;
  readonly endpoints: readonly { readonly host: string; readonly tls: boolean }[];
  /** Protocol versions that it speaks; absent: its profile's. */
  readonly versions?: readonly ProtocolVersion[];
  /** What happens to a message that it cannot take; absent: `refuse`. */
  readonly undeliverable?: UndeliverablePolicy;
  /** Absolute path of the NDJSON record that `acknowledge` owes. */
  readonly undeliverableRecord?: string;
  /** What becomes of devices that have been without it for `repairMs`; absent: `hold`. */
  readonly onDown?: 'hold' | 'source' | 'close';
}

export type CredentialFault =
  /** A password would leave this machine without TLS. */
  | 'password-in-clear'
  /** A device must not write the fields that AWS IoT Core reads from a username (custom authorizers). */
  | 'reserved-username';

/** Whether a CONNECT's credentials may be forwarded; undefined: they may. */
export function judgeCredentials(
  { username, hasPassword }: { readonly username?: string; readonly hasPassword: boolean },
  { profile, endpoints }: BrokerTraits,
): CredentialFault | undefined {
  if (profile === 'aws-iot-core' && username !== undefined && hasReservedField(username)) return 'reserved-username';
  return hasPassword && endpoints.some(({ host, tls }) => !tls && !isLoopback(host)) ? 'password-in-clear' : undefined;
}

/** AWS IoT Core reads a username's fields behind the first `?`; a second `?` is split too, as another reader might. */
function hasReservedField(username: string): boolean {
  const fieldsAt = username.indexOf('?');
  if (fieldsAt < 0) return false;
  return username
    .slice(fieldsAt + 1)
    .split(/[&?]/)
    .some((field) => field.toLowerCase().startsWith('x-amz-'));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
