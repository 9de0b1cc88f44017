import { BrokerPackets } from './broker-packets.ts';
import { BrokerPatience } from './broker-patience.ts';
import { maxPacketBytes } from './control-packet.ts';
import { DeliveryLimits } from './delivery-limits.ts';
import type { LegSlot } from './downlink-exchanges.ts';
import { HeldPackets } from './held-packets.ts';
import { pingPhase, pingreq, UpstreamKeepAlive } from './leg-keep-alive.ts';
import { LegOutput } from './leg-output.ts';
import { legSilence } from './leg-silence.ts';
import { PacketStream } from './packet-stream.ts';
import { PublishPace } from './publish-pace.ts';
import type { SessionParts } from './session-parts.ts';
import type { UpstreamTerms } from './session-terms.ts';
import type { SubscriptionOrder } from './subscription-answer.ts';
import { SubscriptionDesk } from './subscription-desk.ts';
import type { HeldSubscription } from './subscription-table.ts';
import { UnacknowledgedPublishes } from './unacknowledged-publishes.ts';
import { UplinkExchanges } from './uplink-exchanges.ts';
import { UpstreamIdentifiers } from './upstream-identifiers.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

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

export class BrokerLeg implements UpstreamLeg {
  readonly number: number;
  readonly slot: LegSlot;
  readonly upstream: UpstreamTerms;
  readonly output: LegOutput;
  readonly identifiers: UpstreamIdentifiers;
  readonly uplink: UplinkExchanges;
  readonly unacknowledged: UnacknowledgedPublishes;
  readonly ownPublishes: Map<number, Buffer>;
  readonly ownWaiting: Buffer[];
  readonly desk: SubscriptionDesk;
  readonly limits: DeliveryLimits;
  readonly pace: PublishPace;
  readonly patience: BrokerPatience;
  readonly keepAlive: UpstreamKeepAlive;
  readonly heldFromBroker = new HeldPackets();
  readonly packets: BrokerPackets;
  readonly stream: PacketStream;
  readonly sameForm: boolean;
  restoringUntilMs = Number.NEGATIVE_INFINITY;
  isRelieved = false;
  readonly askedAnew: string[] = [];
  readonly repeated = new Set<number>();
  readonly repeatedOrders = new Set<SubscriptionOrder>();
  isOver = false;
  isSilent = false;
  deliveries = 0;
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

  get hasWindow(): boolean {
    return this.uplink.inflight + this.ownPublishes.size < this.upstream.capabilities.receiveMaximum;
  }

  nextDeadlineMs(): number {
    if (this.isOver) return Number.POSITIVE_INFINITY;
    return Math.min(this.keepAlive.deadlineMs, this.brokerDeadlineMs());
  }

  brokerDeadlineMs(): number {
    return Math.min(this.desk.nextDeadlineMs(), this.patience.deadlineMs(this.uplink.isOwedByBroker));
  }

  handleTick(nowMs: number): string | undefined {
    if (this.stream.isBlocked) this.excuse(nowMs);
    if (this.desk.handleTick(nowMs) === 'unanswered') return legSilence.subscribe;
    if (this.patience.deadlineMs(this.uplink.isOwedByBroker) <= nowMs) return legSilence.publish;
    return this.keepAlive.deadlineMs <= nowMs ? this.#keepAlive(nowMs) : undefined;
  }

  ping(nowMs: number): void {
    this.output.send(pingreq);
    this.keepAlive.pinged(nowMs);
  }

  excuse(nowMs: number): void {
    this.keepAlive.excuse(nowMs);
    this.desk.excuse(nowMs);
    this.patience.excuse(nowMs);
  }

  #keepAlive(nowMs: number): string | undefined {
    // It would wait for the end of a large PUBLISH, whose bytes keep the leg alive.
    if (!this.output.atBoundary) {
      this.keepAlive.excuse(nowMs);
      return undefined;
    }
    if (this.keepAlive.isSilent(nowMs)) return legSilence.ping;
    this.ping(nowMs);
    return undefined;
  }

  #createDesk({ device, toDevice, port }: SessionParts, held: Iterable<HeldSubscription>): SubscriptionDesk {
    const { identifiers, number, output, uplink, upstream } = this;
    return new SubscriptionDesk({
      device,
      upstream,
      held,
      port: {
        sendToBroker: (packet) => output.send(packet),
        sendToDevice: (packet) => toDevice.send(packet),
        maySubscribe: (wish) => port.maySubscribe(number, wish),
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
