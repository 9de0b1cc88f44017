import { AckOrder } from './ack-order.ts';
import { BrokerLeg } from './broker-leg.ts';
import { DeliveredValues } from './delivered-values.ts';
import { DownlinkExchanges } from './downlink-exchanges.ts';
import { HeldPackets } from './held-packets.ts';
import { DeviceKeepAlive } from './leg-keep-alive.ts';
import { LegOutput } from './leg-output.ts';
import type { SessionSubscriptions } from './remembered-subscriptions.ts';
import type { PacketCounters, SessionParts } from './session-parts.ts';
import type { SessionPort } from './session-port.ts';
import { SessionScratch } from './session-scratch.ts';
import type { DeviceTerms, UnfinishedExchanges, UpstreamTerms } from './session-terms.ts';
import type { TargetAssessor } from './target-assessor.ts';
import type { TopicObserver } from './topic-observer.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

export interface SessionMachineOptions {
  readonly device: DeviceTerms;
  /** Of the leg that the session begins with, number 1. */
  readonly upstream: UpstreamTerms;
  /** Seconds the session outlives its connection, as agreed at CONNACK. */
  readonly sessionExpiryInterval: number;
  readonly counts: PacketCounters;
  /** One for all machines of a worker; absent: one of its own. */
  readonly scratch?: SessionScratch;
  readonly port: SessionPort;
  /** Present while the device is on its source. */
  readonly assessor?: TargetAssessor;
  /** Present where somebody wants to know which topics the device uses. */
  readonly topics?: TopicObserver;
  /** What an earlier connection of the session left. */
  readonly unfinished?: UnfinishedExchanges;
  /** Given for a session that the broker took up: what is remembered of it. */
  readonly subscriptions?: SessionSubscriptions;
  /** Milliseconds, monotonic. */
  readonly nowMs: number;
}

/** The number of the leg that a session begins with. */
export const firstLeg = 1;

/** The parts of a machine, put together once, with its first leg. */
export function createSessionParts(
  options: SessionMachineOptions,
  machine: Pick<SessionParts, 'fail' | 'leaveLeg' | 'loseLeg'>,
): SessionParts {
  const { device, port, nowMs } = options;
  // A leg needs the parts, and the parts are not whole without the active leg.
  const parts: Omit<SessionParts, 'leg'> & { leg?: UpstreamLeg } = {
    device,
    scratch: options.scratch ?? new SessionScratch(),
    port,
    counts: options.counts,
    toDevice: new LegOutput((bytes) => port.toDevice(bytes)),
    downlink: new DownlinkExchanges(),
    ackOrder: new AckOrder(),
    heldFromDevice: new HeldPackets(),
    deviceKeepAlive: new DeviceKeepAlive(device.keepAliveSeconds, nowMs),
    values: new DeliveredValues(options.subscriptions?.held.map(({ filter }) => filter) ?? []),
    legs: [undefined, undefined],
    passing: undefined,
    overlap: undefined,
    assessor: options.assessor,
    topics: options.topics,
    nowMs,
    end: undefined,
    isQuiescing: false,
    isHolding: false,
    fail: machine.fail,
    leaveLeg: machine.leaveLeg,
    loseLeg: machine.loseLeg,
    adapted: (kind) => port.adapted(kind),
  };
  const leg = new BrokerLeg(parts as SessionParts, {
    number: firstLeg,
    slot: 0,
    upstream: options.upstream,
    held: options.subscriptions?.held ?? [],
    kept: options.unfinished?.received ?? [],
  });
  parts.leg = leg;
  parts.legs[0] = leg;
  return parts as SessionParts;
}
