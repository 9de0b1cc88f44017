import { AckOrder } from './ack-order.ts';
import { BrokerPatience } from './broker-patience.ts';
import { DownlinkExchanges } from './downlink-exchanges.ts';
import { HeldPackets } from './held-packets.ts';
import { DeviceKeepAlive, pingPhase, UpstreamKeepAlive } from './leg-keep-alive.ts';
import { LegOutput } from './leg-output.ts';
import { PublishPace } from './publish-pace.ts';
import type { SessionSubscriptions } from './remembered-subscriptions.ts';
import type { PacketCounters, SessionParts } from './session-parts.ts';
import type { SessionFault, SessionPort } from './session-port.ts';
import { SessionScratch } from './session-scratch.ts';
import type { DeviceTerms, UndeliverablePolicy, UnfinishedExchanges, UpstreamTerms } from './session-terms.ts';
import { SubscriptionDesk } from './subscription-desk.ts';
import type { TargetAssessor } from './target-assessor.ts';
import { UplinkExchanges } from './uplink-exchanges.ts';
import { UpstreamIdentifiers } from './upstream-identifiers.ts';

export interface SessionMachineOptions {
  readonly device: DeviceTerms;
  readonly upstream: UpstreamTerms;
  /** Seconds the session outlives its connection, as agreed at CONNACK. */
  readonly sessionExpiryInterval: number;
  readonly undeliverable: UndeliverablePolicy;
  /** Bytes of one packet from the device, header included. */
  readonly maxPacketBytes: number;
  readonly counts: PacketCounters;
  /** One for all machines of a worker; absent: one of its own. */
  readonly scratch?: SessionScratch;
  readonly port: SessionPort;
  /** Present while the device is on its source. */
  readonly assessor?: TargetAssessor;
  /** What an earlier connection of the session left. */
  readonly unfinished?: UnfinishedExchanges;
  /** Given for a session that the broker took up: what is remembered of it. */
  readonly subscriptions?: SessionSubscriptions;
  /** Milliseconds, monotonic. */
  readonly nowMs: number;
}

/** The parts of a machine, put together once: what one of them sends goes through the outputs of both legs. */
export function createSessionParts(
  options: SessionMachineOptions,
  machine: { readonly isOver: () => boolean; readonly fail: (fault: SessionFault) => void },
): SessionParts {
  const { device, upstream, port, nowMs } = options;
  const identifiers = new UpstreamIdentifiers();
  const endsQos2 = upstream.capabilities.maximumQos < 2;
  const uplink = new UplinkExchanges(identifiers, { endsQos2, kept: options.unfinished?.received ?? [] });
  const upstreamKeepAlive = new UpstreamKeepAlive(upstream.keepAliveSeconds, pingPhase(device.clientId), nowMs);
  const toDevice = new LegOutput((bytes) => port.toDevice(bytes));
  const toBroker = new LegOutput((bytes) => {
    // Nothing follows DISCONNECT [MQTT-3.14.4-2].
    if (machine.isOver()) return;
    upstreamKeepAlive.sent(parts.nowMs);
    port.toBroker(bytes);
  });
  const adapted = port.adapted.bind(port);
  const desk = createDesk(options, { toDevice, toBroker, identifiers, uplink });
  const parts: SessionParts = {
    device,
    upstream,
    undeliverable: options.undeliverable,
    scratch: options.scratch ?? new SessionScratch(),
    port,
    counts: options.counts,
    toDevice,
    toBroker,
    uplink,
    downlink: new DownlinkExchanges(),
    ackOrder: new AckOrder(),
    patience: new BrokerPatience(nowMs),
    heldFromDevice: new HeldPackets(),
    heldFromBroker: new HeldPackets(),
    desk,
    pace: new PublishPace(upstream.profile.publishesPerSecond),
    deviceKeepAlive: new DeviceKeepAlive(device.keepAliveSeconds, nowMs),
    upstreamKeepAlive,
    assessor: options.assessor,
    sameForm: (device.protocol === '5') === (upstream.protocol === '5'),
    nowMs,
    end: undefined,
    isQuiescing: false,
    fail: machine.fail,
    adapted,
  };
  return parts;
}

function createDesk(
  { device, upstream, port, subscriptions }: SessionMachineOptions,
  {
    toDevice,
    toBroker,
    identifiers,
    uplink,
  }: Pick<SessionParts, 'toDevice' | 'toBroker' | 'uplink'> & { readonly identifiers: UpstreamIdentifiers },
): SubscriptionDesk {
  return new SubscriptionDesk({
    device,
    upstream,
    held: subscriptions?.held ?? [],
    port: {
      sendToBroker: (packet) => toBroker.send(packet),
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
