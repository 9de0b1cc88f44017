import { isIP } from 'node:net';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import type { UndeliverablePolicy } from '../mqtt/session-terms.ts';
import type { FirstContactTerms } from './first-contact-choice.ts';
import type { VouchedIdentity } from './vouched-identity.ts';

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
  /** What the gateway presents on a device's behalf; absent: its credentials as they came. */
  readonly identity?: {
    readonly mode: 'forward' | 'gateway-certificate' | 'device-certificate' | 'custom-authorizer';
    readonly vouchUnverified: boolean;
    /** How it comes to know devices; absent: it knows them without the gateway's doing. */
    readonly firstContact?: FirstContactTerms;
    /** Who makes a device known: the broker by itself, or the gateway behind its first contact; absent: `jitr`. */
    readonly register?: 'jitr' | 'on-sight';
  };
}

export type CredentialFault =
  /** A password would leave this machine without TLS. */
  | 'password-in-clear'
  /** A device must not write the fields that AWS IoT Core reads from a username (custom authorizers). */
  | 'reserved-username'
  /** The broker would take the gateway's word for a device that proved nothing. */
  | 'unproven'
  /** It presents none of `fleet.identity`: there is nobody to vouch for. */
  | 'no-device-key'
  /** Its device key and client ID make a longer token than AWS IoT Core takes. */
  | 'token-too-long'
  /** With the token behind it, the device's username is more than a CONNECT can hold. */
  | 'username-too-long';

/** Whether a CONNECT's credentials may be forwarded; undefined: they may. */
export function judgeCredentials(
  { username, hasPassword }: { readonly username?: string; readonly hasPassword: boolean },
  { profile, endpoints, identity: { mode, vouchUnverified } = forwarding }: BrokerTraits,
  device?: VouchedIdentity,
): CredentialFault | undefined {
  if (mode !== 'forward' && !vouchUnverified && device?.isProven !== true) return 'unproven';
  const isPerDevice = mode === 'device-certificate' || mode === 'custom-authorizer';
  if (isPerDevice && device?.key === undefined) return 'no-device-key';
  // An authorizer's username is escaped before ours is put behind it.
  const isEscaped = mode === 'custom-authorizer';
  if (profile === 'aws-iot-core' && !isEscaped && username !== undefined && hasReservedField(username))
    return 'reserved-username';
  const hasSecret = hasPassword || mode === 'custom-authorizer';
  return hasSecret && endpoints.some(({ host, tls }) => !tls && !isLoopback(host)) ? 'password-in-clear' : undefined;
}

const forwarding = { mode: 'forward', vouchUnverified: false } as const;

/** AWS IoT Core reads a username's fields behind the first `?`; a second `?` is split too, as another reader might. */
function hasReservedField(username: string): boolean {
  const fieldsAt = username.indexOf('?');
  if (fieldsAt < 0) return false;
  return username
    .slice(fieldsAt + 1)
    .split(/[&?]/)
    .some((field) => decoded(field).toLowerCase().startsWith('x-amz-'));
}

/** A field's name as a reader of query strings sees it. */
function decoded(field: string): string {
  const [name = ''] = field.split('=', 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
