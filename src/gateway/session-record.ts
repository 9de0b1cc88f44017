import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { isPersistent, type sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { UpstreamDevice } from './upstream-connector.ts';

/** What is known of one live session, as long as its relay lives. */
export interface SessionRecord {
  readonly connection: number;
  epoch: number;
  /** As the device sent it, else as the broker assigned it (MQTT 5), else empty. */
  readonly clientId: string;
  /** False for a device that sent no client ID, until the registry knows the one that the broker assigned. */
  isClaimed: boolean;
  /** What a plan looks at, kept to ask every new plan. */
  readonly identity: DeviceIdentity;
  /** The newest plan's answer: `assignment.broker` is `desired`. */
  assignment: Assignment;
  /** The broker that the session is on. */
  readonly home: string;
  readonly protocol: ProtocolVersion;
  /** What its CONNECT asked of an earlier session; its next one is taken to ask the same. */
  readonly intent: ReturnType<typeof sessionIntentOf>;
  /** Seconds the session outlives its connection; a DISCONNECT of MQTT 5 may change it. */
  sessionExpiryInterval: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly listener: string;
  /** Why the device is on its cohort's source, or will be with its next CONNECT, whatever the plan wants. */
  heldBack: Obstacle | undefined;
  /** Seconds between the loss of the device and the loss that its broker is to see: a will delay that the broker lacks. */
  readonly lossDelaySeconds: number;
  /** Seconds between PINGREQs that keep the broker's side alive. */
  readonly upstreamKeepAliveSeconds: number;
  /** Present when the broker would keep for ever what the device lets end. */
  readonly sessionEnd?: SessionEnd;
}

/** How a session is ended at a broker that does not end it by itself. */
export interface SessionEnd {
  /** A CONNECT for a connection of its own. It may hold a password. */
  readonly packet: Buffer;
  readonly protocol: ProtocolVersion;
  readonly device: UpstreamDevice;
}

/** Something of the session is left at its broker when the connection is gone. */
export function outlivesConnection({ sessionExpiryInterval, sessionEnd }: SessionRecord): boolean {
  return sessionExpiryInterval > 0 || sessionEnd !== undefined;
}

/** Whether the device finds its session where it is when it connects again, and so goes there whatever the plan says. */
export function returnsHome(record: SessionRecord): boolean {
  return record.intent === 'resume' && isPersistent(record);
}
