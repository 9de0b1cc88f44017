import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { ProtocolVersion } from '../mqtt/control-packet.ts';
import { isPersistent, type sessionIntentOf } from '../mqtt/session-intent.ts';
import type { Assignment } from '../plan/assignment.ts';
import type { DeviceIdentity } from '../plan/device-key.ts';
import type { CohortPlace } from '../session/session-registry.ts';
import type { LegTerms } from './leg-terms.ts';

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
  /** The broker that the session is on, which is the active leg's, and what holds there. Without a leg: the last one's. */
  home: LegTerms;
  readonly protocol: ProtocolVersion;
  /** What its CONNECT asked of an earlier session; its next one is taken to ask the same. */
  readonly intent: ReturnType<typeof sessionIntentOf>;
  /** Seconds the session outlives its connection; a DISCONNECT of MQTT 5 may change it. */
  sessionExpiryInterval: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly listener: string;
  /** A former broker that was lost before its queue for the device was dry: the device goes there first, with its next CONNECT. */
  queueAt: string | undefined;
  /** Why the device is on its cohort's source, or will be with its next CONNECT, whatever the plan wants. */
  heldBack: Obstacle | undefined;
}

/** Where its device stands in the plan. */
export function placeOf({ assignment }: SessionRecord): CohortPlace {
  return { cohort: assignment.cohort ?? '', position: assignment.position ?? 0 };
}

/** Something of the session is left at its broker when the connection is gone. */
export function outlivesConnection({ sessionExpiryInterval, home }: SessionRecord): boolean {
  return sessionExpiryInterval > 0 || home.sessionEnd !== undefined;
}

/** Whether the device finds its session where it is when it connects again, and so goes there whatever the plan says. */
export function returnsHome(record: SessionRecord): boolean {
  return record.intent === 'resume' && isPersistent(record);
}
