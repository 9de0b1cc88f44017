import type { BrokerPatience } from './broker-patience.ts';
import type { DeliveryLimits } from './delivery-limits.ts';
import type { LegSlot } from './downlink-exchanges.ts';
import type { HeldPackets } from './held-packets.ts';
import type { UpstreamKeepAlive } from './leg-keep-alive.ts';
import type { LegOutput } from './leg-output.ts';
import type { PacketStream } from './packet-stream.ts';
import type { PublishPace } from './publish-pace.ts';
import type { UpstreamTerms } from './session-terms.ts';
import type { SubscriptionOrder } from './subscription-answer.ts';
import type { SubscriptionDesk } from './subscription-desk.ts';
import type { UnacknowledgedPublishes } from './unacknowledged-publishes.ts';
import type { UplinkExchanges } from './uplink-exchanges.ts';
import type { UpstreamIdentifiers } from './upstream-identifiers.ts';

/** One upstream connection of a session: everything that is one broker's. */
export interface UpstreamLeg {
  /** The shell's number of the connection. */
  readonly number: number;
  readonly slot: LegSlot;
  readonly upstream: UpstreamTerms;
  readonly output: LegOutput;
  readonly identifiers: UpstreamIdentifiers;
  readonly uplink: UplinkExchanges;
  readonly unacknowledged: UnacknowledgedPublishes;
  /** PUBLISH packets that the gateway finishes in the device's place, by upstream identifier. */
  readonly ownPublishes: Map<number, Buffer>;
  /** Those that wait for the broker's window. */
  readonly ownWaiting: Buffer[];
  /** Device identifiers of what was sent again on this leg and is not answered. */
  readonly repeated: Set<number>;
  /** SUBSCRIBEs and UNSUBSCRIBEs that were sent again on this leg, answered or not. */
  readonly repeatedOrders: Set<SubscriptionOrder>;
  readonly desk: SubscriptionDesk;
  readonly limits: DeliveryLimits;
  readonly pace: PublishPace;
  readonly patience: BrokerPatience;
  readonly keepAlive: UpstreamKeepAlive;
  readonly heldFromBroker: HeldPackets;
  /** Lets go what the device's window held, as far as it goes. */
  readonly packets: { releaseHeld(): void };
  readonly stream: PacketStream;
  /** Both legs speak MQTT 5, or neither does: then a PUBLISH goes on as it came. */
  readonly sameForm: boolean;
  /** Until then retained messages that come are answers to the gateway's own SUBSCRIBE: only news go on. */
  restoringUntilMs: number;
  /** Another leg has delivered to the device ever since this one was subscribed: nothing can have been missed. */
  isRelieved: boolean;
  /** What the device itself asked for meanwhile: its retained messages are sent again [MQTT-3.8.4-3 of 3.1.1]. */
  readonly askedAnew: string[];
  /** Its connection is gone, or nothing more goes there. */
  isOver: boolean;
  /** Nothing more is sent, but what comes is still read: the session has ended with its DISCONNECT. */
  isSilent: boolean;
  /** PUBLISH packets that came. */
  deliveries: number;
  /** What the shell was told last. */
  isRead: boolean;
  /** Whether the broker takes one more PUBLISH of QoS 1 or 2. */
  readonly hasWindow: boolean;
  /** When something is due; infinity: never. */
  nextDeadlineMs(): number;
  /** When an answer of the broker is due. */
  brokerDeadlineMs(): number;
  /** Pings where it is time. Gives what the broker is to be blamed for, if anything. */
  handleTick(nowMs: number): string | undefined;
  /** PINGREQ now, between two packets. */
  ping(nowMs: number): void;
  /** It is not read at the moment: an answer may lie there. */
  excuse(nowMs: number): void;
}
