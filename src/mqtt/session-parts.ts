import type { AckOrder } from './ack-order.ts';
import type { AdaptationKind } from './adaptation-kind.ts';
import type { BrokerPatience } from './broker-patience.ts';
import type { DownlinkExchanges } from './downlink-exchanges.ts';
import type { HeldPackets } from './held-packets.ts';
import type { DeviceKeepAlive, UpstreamKeepAlive } from './leg-keep-alive.ts';
import type { LegOutput } from './leg-output.ts';
import type { PublishPace } from './publish-pace.ts';
import type { SessionFault, SessionPort } from './session-port.ts';
import type { SessionScratch } from './session-scratch.ts';
import type { DeviceTerms, UndeliverablePolicy, UpstreamTerms } from './session-terms.ts';
import type { SubscriptionDesk } from './subscription-desk.ts';
import type { TargetAssessor } from './target-assessor.ts';
import type { UplinkExchanges } from './uplink-exchanges.ts';

/** Packets by type number, counted on the hot path. */
export interface PacketCounters {
  readonly fromDevice: Float64Array;
  readonly fromBroker: Float64Array;
}

/** What the two sides of a session machine share. */
export interface SessionParts {
  readonly device: DeviceTerms;
  readonly upstream: UpstreamTerms;
  readonly undeliverable: UndeliverablePolicy;
  readonly scratch: SessionScratch;
  readonly port: SessionPort;
  readonly counts: PacketCounters;
  readonly toDevice: LegOutput;
  readonly toBroker: LegOutput;
  readonly uplink: UplinkExchanges;
  readonly downlink: DownlinkExchanges;
  readonly ackOrder: AckOrder;
  readonly patience: BrokerPatience;
  readonly heldFromDevice: HeldPackets;
  readonly heldFromBroker: HeldPackets;
  readonly desk: SubscriptionDesk;
  readonly pace: PublishPace;
  readonly deviceKeepAlive: DeviceKeepAlive;
  readonly upstreamKeepAlive: UpstreamKeepAlive;
  /** Present while the device is on its source: what the target could not carry is noted. */
  readonly assessor: TargetAssessor | undefined;
  /** Both legs speak MQTT 5, or neither does: then a PUBLISH goes on as it came. */
  readonly sameForm: boolean;
  /** Milliseconds of the event that is handled. */
  nowMs: number;
  /** Set once; nothing is handled after it. */
  end: 'device-done' | 'failed' | undefined;
  /** Begins nothing new for the device: its next exchanges stay unread. */
  isQuiescing: boolean;
  fail(fault: SessionFault): void;
  adapted(kind: AdaptationKind): void;
}
