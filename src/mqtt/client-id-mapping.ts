import { createHash } from 'node:crypto';
import type { BrokerProfile } from './broker-profiles.ts';
import type { ProtocolVersion } from './control-packet.ts';

/**
 * The client ID that a broker of this profile takes for a device's: the device's own where that is legal, else
 * `h-` and the lower-case base32 of its SHA-256, the same on every gateway and at every connect. One that looks like a
 * mapped one is mapped too, so that no device takes another's session by calling itself so.
 */
export function mapClientId(clientId: string, { clientId: rules }: BrokerProfile): string {
  const isLegal =
    Buffer.byteLength(clientId) <= rules.maxBytes && (rules.mayBeginWithDollar || !clientId.startsWith('$'));
  if (isLegal && !looksMapped(clientId, rules)) return clientId;
  return `h-${base32(createHash('sha256').update(clientId).digest())}`.slice(0, rules.maxBytes);
}

/** Bytes of a mapped client ID that is not cut. */
const mappedBytes = 54;
/** Bytes of a UTF-8 field (MQTT 3.1.1 section 1.5.3): a broker that takes so many maps nothing for its length. */
const longestField = 65_535;

function looksMapped(clientId: string, { maxBytes, mayBeginWithDollar }: BrokerProfile['clientId']): boolean {
  const mapsSome = !mayBeginWithDollar || maxBytes < longestField;
  return mapsSome && clientId.length === Math.min(mappedBytes, maxBytes) && /^h-[a-z2-7]+$/.test(clientId);
}

/**
 * Whether a CONNECT may go up without a client ID. 3.1 wants one; 3.1.1 only takes none with a clean session
 * [MQTT-3.1.3-8]; what a broker before MQTT 5 assigns it does not tell, and a device of MQTT 5 must be told [MQTT-3.2.2-16].
 */
export function mayOmitClientId(versions: {
  readonly device: ProtocolVersion;
  readonly upstream: ProtocolVersion;
  readonly profile: BrokerProfile;
}): boolean {
  if (!versions.profile.clientId.mayBeEmpty || versions.upstream === '3.1') return false;
  return versions.upstream === '5' || versions.device === '3.1.1';
}

// RFC 4648 §6
const base32Digits = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += base32Digits.charAt((value >> (bits - 5)) & 0x1f);
  }
  return bits === 0 ? text : text + base32Digits.charAt((value << (5 - bits)) & 0x1f);
}
