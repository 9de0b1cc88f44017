import type { BrokerProfile } from './broker-profiles.ts';
import type { ConnectPacket } from './connect-packet.ts';
import type { ProtocolVersion } from './control-packet.ts';

/** A session as it is asked of the broker, in the words of the version that is spoken with it. */
export interface SessionRequest {
  /** Clean Session before MQTT 5. */
  readonly cleanStart: boolean;
  /** Seconds that the session is to outlive its connection, as far as the broker's profile lets it. */
  readonly expirySeconds: number;
  /** An earlier session has to end before, and CONNECT has no words for it. */
  readonly isPurgedFirst: boolean;
  /** The broker knows no expiry and would keep for ever what the device lets end. */
  readonly isEndedByGateway: boolean;
}

export const forEverSeconds = 0xffff_ffff;

/** What a device asks of its session, put to a broker of this version and profile. */
export function requestSession(
  connect: ConnectPacket,
  broker: { readonly protocol: ProtocolVersion; readonly profile: BrokerProfile; readonly sessionExpired: boolean },
): SessionRequest {
  const isFresh = connect.cleanStart || (connect.protocol === '5' && broker.sessionExpired);
  const expirySeconds = Math.min(connect.sessionExpiryInterval, broker.profile.maxSessionExpirySeconds);
  if (broker.protocol === '5') {
    return { cleanStart: isFresh, expirySeconds, isPurgedFirst: false, isEndedByGateway: false };
  }
  if (connect.protocol !== '5') {
    // The flag goes on as it came; how long the broker keeps a session it does not say.
    const { cleanStart, sessionExpiryInterval } = connect;
    return { cleanStart, expirySeconds: sessionExpiryInterval, isPurgedFirst: false, isEndedByGateway: false };
  }
  // Clean Session means both: no earlier session, and none afterwards.
  const cleanStart = isFresh && expirySeconds === 0;
  return { cleanStart, expirySeconds, isPurgedFirst: isFresh && !cleanStart, isEndedByGateway: !cleanStart };
}
