import type { HostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { Assessments } from '../session/assessments.ts';
import type { DeviceTopics } from '../session/device-topics.ts';
import type { FilterTokens } from '../session/filter-tokens.ts';
import type { RegistrationTokens } from '../session/registration-tokens.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import type { BrokerTraits } from './credential-policy.ts';
import type { Registrar } from './registrar.ts';
import type { UpstreamConnector } from './upstream-connector.ts';

/** What the gateway needs from the rest of its process. */
export interface GatewayPorts {
  /** The plan in force; asked per CONNECT. */
  snapshot(): RoutingSnapshot;
  readonly registry: SessionRegistry;
  /** Absent: no broker bounds what it is subscribed to. */
  readonly filters?: FilterTokens;
  /** Absent: a first contact needs no token. */
  readonly registrations?: RegistrationTokens;
  /** Absent: no broker is told of devices by the gateway. */
  readonly registrar?: Registrar;
  /** Absent: nobody assesses. */
  readonly assessments?: Assessments;
  /** Absent: nobody wants to know which topics devices use. */
  readonly topics?: DeviceTopics;
  /** Absent: no bridge carries messages between brokers. */
  readonly bridgeDelays?: BridgeDelays;
  readonly upstream: UpstreamConnector;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 ≤ number < 1, for jitter; absent: `Math.random`. */
  readonly random?: () => number;
}

/** What a bridge's lag means for handovers between two brokers. */
export interface BridgeDelays {
  /** Milliseconds that their overlap takes at least. */
  overlapMs(from: string, to: string): number;
}

/** The bounds of `limits` that concern devices; each is described in the configuration. */
export interface GatewayLimits {
  readonly tlsHandshakeMs: number;
  readonly firstPacketMs: number;
  readonly connectPacketBytes: number;
  readonly brokerAnswerMs: number;
  readonly connectionsPerWorker: number;
  readonly pendingConnectionsPerWorker: number;
  readonly relayBufferBytes: number;
  readonly quiesceMs: number;
  /** Sessions that a drain hands back per second, at least; more where its deadline wants that. */
  readonly drainPerSecond: number;
  /** How long the registry waits for `endLeg`; half of it is a closing broker's. */
  readonly takeoverMs: number;
  /** How long a device is kept without a broker before its broker's `onDown` decides. */
  readonly repairMs: number;
}

export interface GatewaySettings {
  readonly clientIdPolicy: 'any' | 'equals-common-name' | 'prefixed-by-common-name';
  /** By broker name; a broker that is not there takes credentials as they come. */
  readonly brokers?: Readonly<Record<string, BrokerTraits>>;
  /** Absent: `handoverDefaults`. */
  readonly handover?: HandoverSettings;
}

/** How a live session changes its broker; milliseconds. */
export interface HandoverSettings {
  /** Both brokers deliver for so long, at least. It has to be above what a mirror between them takes that nobody measures. */
  readonly overlapMs: number;
  /** From SUBACK until the new broker is taken to deliver; absent: as its profile says. */
  readonly settleMs?: number;
  /** The former broker stays connected for so long behind a move, so that the way back is short. */
  readonly rollbackWindowMs: number;
  /** A cut that has not switched by then is taken back. */
  readonly attemptMs: number;
}

export const handoverDefaults: HandoverSettings = {
  overlapMs: 1_500,
  rollbackWindowMs: 900_000,
  attemptMs: 60_000,
};

/** Where devices come in, and by which rules. */
export interface DeviceListenerSettings {
  readonly name: string;
  readonly bind: HostPort;
  /** Bytes of one packet from a device after CONNECT, header included. */
  readonly maxPacketBytes: number;
  /** Peers that must send a PROXY v2 header; from others it is garbage. Absent: nobody. */
  readonly sendsProxyProtocol?: (ip: string) => boolean;
  /** Absent: MQTT over plain TCP. */
  readonly tls?: ListenerTls;
}

/** Milliseconds an upstream leg whose device came back elsewhere waits for the broker's own takeover. */
export const takeoverLingerMs = 5_000;

/** Milliseconds that a closing socket may take to deliver what it was given. */
export const flushLingerMs = 5_000;
