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

/**
 * What a further connection of a live session asks for, whatever its device's CONNECT did: `resume` takes up what the broker
 * has of it, `fresh` begins a new one there. Either outlives the connection as the device's session does.
 */
export type FurtherSession = 'fresh' | 'resume';

/** What a device asks of its session, put to a broker of this version and profile. */
export function requestSession(
  connect: ConnectPacket,
  broker: {
    readonly protocol: ProtocolVersion;
    readonly profile: BrokerProfile;
    readonly sessionExpired: boolean;
    readonly further?: FurtherSession | undefined;
  },
): SessionRequest {
  const { further } = broker;
  const isFresh =
    further === undefined
      ? connect.cleanStart || (connect.protocol === '5' && broker.sessionExpired)
      : further === 'fresh' || connect.sessionExpiryInterval === 0;
  const expirySeconds = Math.min(connect.sessionExpiryInterval, broker.profile.maxSessionExpirySeconds);
  if (broker.protocol === '5') {
    return { cleanStart: isFresh, expirySeconds, isPurgedFirst: false, isEndedByGateway: false };
  }
  if (connect.protocol !== '5') {
    // The flag goes on as it came; how long the broker keeps a session it does not say.
    const { cleanStart, sessionExpiryInterval } = connect;
    const asked = { cleanStart, expirySeconds: sessionExpiryInterval, isPurgedFirst: false, isEndedByGateway: false };
    if (further === undefined || sessionExpiryInterval === 0) return asked;
    return { ...asked, cleanStart: false, isPurgedFirst: isFresh };
  }
  // Clean Session means both: no earlier session, and none afterwards.
  const cleanStart = isFresh && expirySeconds === 0;
  return { cleanStart, expirySeconds, isPurgedFirst: isFresh && !cleanStart, isEndedByGateway: !cleanStart };
}
