import { BrokerPackets } from './broker-packets.ts';
import { BrokerPatience } from './broker-patience.ts';
import { maxPacketBytes } from './control-packet.ts';
import { DeliveryLimits } from './delivery-limits.ts';
import type { LegSlot } from './downlink-exchanges.ts';
import { HeldPackets } from './held-packets.ts';
import { pingPhase, pingreq, UpstreamKeepAlive } from './leg-keep-alive.ts';
import { LegOutput } from './leg-output.ts';
import { PacketStream } from './packet-stream.ts';
import { PublishPace } from './publish-pace.ts';
import type { SessionParts } from './session-parts.ts';
import type { UpstreamTerms } from './session-terms.ts';
import { SubscriptionDesk } from './subscription-desk.ts';
import type { HeldSubscription } from './subscription-table.ts';
import { UnacknowledgedPublishes } from './unacknowledged-publishes.ts';
import { UplinkExchanges } from './uplink-exchanges.ts';
import { UpstreamIdentifiers } from './upstream-identifiers.ts';

export interface LegOptions {
  /** The shell's number of the connection. */
  readonly number: number;
  readonly slot: LegSlot;
  readonly upstream: UpstreamTerms;
  /** What the broker holds for the device already. */
  readonly held?: Iterable<HeldSubscription>;
  /** QoS 2 exchanges of an earlier connection whose PUBREL is awaited. */
  readonly kept?: readonly number[];
  /** The lost leg whose session the broker has taken up. */
  readonly resumes?: UpstreamLeg;
}

/** One upstream connection of a session: everything that is one broker's. */
export class UpstreamLeg {
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
  readonly desk: SubscriptionDesk;
  readonly limits: DeliveryLimits;
  readonly pace: PublishPace;
  readonly patience: BrokerPatience;
  readonly keepAlive: UpstreamKeepAlive;
  readonly heldFromBroker = new HeldPackets();
  readonly packets: BrokerPackets;
  readonly stream: PacketStream;
  /** Both legs speak MQTT 5, or neither does: then a PUBLISH goes on as it came. */
  readonly sameForm: boolean;
  /** Until then retained messages that come are answers to the gateway's own SUBSCRIBE: only news go on. */
  restoringUntilMs = Number.NEGATIVE_INFINITY;
  /** Its connection is gone, or nothing more goes there. */
  isOver = false;
  /** Nothing more is sent, but what comes is still read: the session has ended with its DISCONNECT. */
  isSilent = false;
  /** What the shell was told last. */
  isRead = true;

  constructor(parts: SessionParts, { number, slot, upstream, held = [], kept = [], resumes }: LegOptions) {
    const { device, port } = parts;
    this.number = number;
    this.slot = slot;
    this.upstream = upstream;
    this.keepAlive = new UpstreamKeepAlive(upstream.keepAliveSeconds, pingPhase(device.clientId), parts.nowMs);
    this.output = new LegOutput((bytes) => {
      if (this.isOver || this.isSilent) return;
      this.keepAlive.sent(parts.nowMs);
      port.toBroker(number, bytes);
    });
    this.identifiers = resumes?.identifiers ?? new UpstreamIdentifiers();
    const endsQos2 = upstream.capabilities.maximumQos < 2;
    this.uplink = resumes?.uplink ?? new UplinkExchanges(this.identifiers, { endsQos2, kept });
    this.unacknowledged = resumes?.unacknowledged ?? new UnacknowledgedPublishes();
    this.ownPublishes = resumes?.ownPublishes ?? new Map();
    this.ownWaiting = resumes?.ownWaiting ?? [];
    this.desk = this.#createDesk(parts, held);
    this.limits = new DeliveryLimits(upstream, device.protocol);
    this.pace = new PublishPace(upstream.profile.publishesPerSecond);
    this.patience = new BrokerPatience(parts.nowMs);
    this.sameForm = (device.protocol === '5') === (upstream.protocol === '5');
    this.packets = new BrokerPackets(parts, this);
    const hasProperties = upstream.protocol === '5';
    this.stream = new PacketStream(this.packets, { maxPacketBytes, hasProperties, span: parts.scratch.spanFromBroker });
  }

  /** Whether the broker takes one more PUBLISH of QoS 1 or 2. */
  get hasWindow(): boolean {
    return this.uplink.inflight + this.ownPublishes.size < this.upstream.capabilities.receiveMaximum;
  }

  /** When something is due; infinity: never. */
  nextDeadlineMs(): number {
    if (this.isOver) return Number.POSITIVE_INFINITY;
    return Math.min(this.keepAlive.deadlineMs, this.brokerDeadlineMs());
  }

  /** When an answer of the broker is due. */
  brokerDeadlineMs(): number {
    return Math.min(this.desk.nextDeadlineMs(), this.patience.deadlineMs(this.uplink.isOwedByBroker));
  }

  /** Pings where it is time. Gives what the broker is to be blamed for, if anything. */
  handleTick(nowMs: number): string | undefined {
    if (this.stream.isBlocked) this.excuse(nowMs);
    if (this.desk.handleTick(nowMs) === 'unanswered') return 'a SUBSCRIBE was not answered';
    if (this.patience.deadlineMs(this.uplink.isOwedByBroker) <= nowMs) return 'a PUBLISH was not answered';
    return this.keepAlive.deadlineMs <= nowMs ? this.#ping(nowMs) : undefined;
  }

  /** It is not read at the moment: an answer may lie there. */
  excuse(nowMs: number): void {
    this.keepAlive.excuse(nowMs);
    this.desk.excuse(nowMs);
    this.patience.excuse(nowMs);
  }

  #ping(nowMs: number): string | undefined {
    // It would wait for the end of a large PUBLISH, whose bytes keep the leg alive.
    if (!this.output.atBoundary) {
      this.keepAlive.excuse(nowMs);
      return undefined;
    }
    if (this.keepAlive.isSilent(nowMs)) return 'PINGREQ was not answered';
    this.output.send(pingreq);
    this.keepAlive.pinged(nowMs);
    return undefined;
  }

  #createDesk({ device, toDevice, port }: SessionParts, held: Iterable<HeldSubscription>): SubscriptionDesk {
    const { identifiers, output, uplink, upstream } = this;
    return new SubscriptionDesk({
      device,
      upstream,
      held,
      port: {
        sendToBroker: (packet) => output.send(packet),
        sendToDevice: (packet) => toDevice.send(packet),
        takeIdentifier: (wanted) => {
          const taken = identifiers.take(wanted, (packetId) => uplink.usesUpstream(packetId));
          if (taken !== undefined) identifiers.remember(taken, 0);
          return taken;
        },
        releaseIdentifier: (packetId) => identifiers.forget(packetId),
        adapted: (kind) => port.adapted(kind),
        obstructed: (obstacle, example) => port.obstructed(obstacle, example),
      },
    });
  }
}
