import type { ConnectPacket } from '../mqtt/connect-packet.ts';
import type { Admission } from './admission.ts';
import type { DeviceIntake } from './device-intake.ts';
import type { AcceptedDevice } from './device-listener.ts';
import type { FirstContacts } from './first-contacts.ts';
import type { GatewayLimits, GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { OccasionalLog } from './occasional-log.ts';
import type { ParkedUpstreams } from './parked-upstreams.ts';
import type { PendingLeg } from './pending-leg.ts';
import type { Relay } from './relay.ts';
import type { RelayHost } from './relay-host.ts';
import type { SessionEnds } from './session-ends.ts';
import type { SessionTable } from './session-table.ts';
import type { SightRegistration } from './sight-registration.ts';
import type { UndeliverableRecords } from './undeliverable-record.ts';

/** What all connections of a worker share. */
export interface ConnectionContext {
  readonly settings: GatewaySettings;
  readonly limits: GatewayLimits;
  readonly ports: GatewayPorts;
  readonly admission: Admission;
  readonly occasionalLog: OccasionalLog;
  readonly sessions: SessionTable;
  /** Connections between CONNECT and the broker's answer, by connection number. */
  readonly pendingLegs: Map<number, PendingLeg>;
  readonly parked: ParkedUpstreams;
  readonly relayHost: RelayHost<Relay>;
  readonly undeliverable: UndeliverableRecords;
  readonly sessionEnds: SessionEnds;
  readonly contacts: FirstContacts;
  readonly registration: SightRegistration;
}

/** A device whose CONNECT was understood and that looks for its broker. */
export interface Candidate {
  readonly device: AcceptedDevice;
  readonly connect: ConnectPacket;
  readonly intake: DeviceIntake;
  readonly leg: PendingLeg;
  /** When its CONNECT was whole: monotonic milliseconds. */
  readonly atMs: number;
}
