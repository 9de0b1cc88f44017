import type { AckOrder } from './ack-order.ts';
import type { AdaptationKind } from './adaptation-kind.ts';
import type { DeliveredValues } from './delivered-values.ts';
import type { DownlinkExchanges, LegSlot } from './downlink-exchanges.ts';
import type { HeldPackets } from './held-packets.ts';
import type { DeviceKeepAlive } from './leg-keep-alive.ts';
import type { LegOutput } from './leg-output.ts';
import type { OverlapDuplicates } from './overlap-duplicates.ts';
import type { SessionFault, SessionPort } from './session-port.ts';
import type { SessionScratch } from './session-scratch.ts';
import type { DeviceTerms } from './session-terms.ts';
import type { TargetAssessor } from './target-assessor.ts';
import type { TopicObserver } from './topic-observer.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** Packets by type number, counted on the hot path. */
export interface PacketCounters {
  readonly fromDevice: Float64Array;
  readonly fromBroker: Float64Array;
}

/** What the sides of a session machine share. */
export interface SessionParts {
  readonly device: DeviceTerms;
  readonly scratch: SessionScratch;
  readonly port: SessionPort;
  readonly counts: PacketCounters;
  readonly toDevice: LegOutput;
  readonly downlink: DownlinkExchanges;
  readonly ackOrder: AckOrder;
  readonly heldFromDevice: HeldPackets;
  readonly deviceKeepAlive: DeviceKeepAlive;
  readonly values: DeliveredValues;
  /** Where what the device begins goes. Detached: the leg that is lost, which takes in what is said and sends nothing. */
  leg: UpstreamLeg;
  /** The leg in each place: the active one, and the one that stands by, is being restored or drains. */
  readonly legs: [UpstreamLeg | undefined, UpstreamLeg | undefined];
  /** The leg whose large PUBLISH passes by to the device: the other one is not read as long. */
  passing: UpstreamLeg | undefined;
  /** Present while two legs deliver. */
  overlap: OverlapDuplicates | undefined;
  /** Present while the device is on its source: what the target could not carry is noted. */
  assessor: TargetAssessor | undefined;
  /** Absent: nobody wants to know which topics the device uses. */
  readonly topics: TopicObserver | undefined;
  /** Milliseconds of the event that is handled. */
  nowMs: number;
  /** Set once; nothing is handled after it. */
  end: 'device-done' | 'failed' | undefined;
  /** Begins nothing new for the device: its next exchanges stay unread. */
  isQuiescing: boolean;
  /** What the device begins waits here: no leg is active, or the active role is about to move. */
  isHolding: boolean;
  fail(fault: SessionFault): void;
  /** The leg can be trusted no more. */
  leaveLeg(leg: UpstreamLeg, message: string): void;
  /** The broker has ended the leg. */
  loseLeg(leg: UpstreamLeg, message: string): void;
  adapted(kind: AdaptationKind): void;
}

/** The leg that is not active. */
export function otherLeg({ leg, legs }: SessionParts): UpstreamLeg | undefined {
  return legs[otherSlot(leg.slot)];
}

/** A place for a leg that is free. */
export function freeSlot({ legs }: SessionParts): LegSlot | undefined {
  if (legs[0] === undefined) return 0;
  return legs[1] === undefined ? 1 : undefined;
}

export function otherSlot(slot: LegSlot): LegSlot {
  return slot === 0 ? 1 : 0;
}

/** Exchanges that the device began and that are not finished between it and the gateway. */
export function begunByDevice({ legs, ackOrder }: SessionParts): number {
  const begun = legs.reduce((sum, leg) => sum + (leg?.uplink.size ?? 0), 0);
  const asked = legs.reduce((sum, leg) => sum + (leg?.desk.pending ?? 0), 0);
  return Math.max(begun, ackOrder.size) + asked;
}

/** The leg that an exchange of the device is on; of one that is not known the active leg. */
export function legOfUplink(parts: SessionParts, deviceId: number): UpstreamLeg {
  const other = otherLeg(parts);
  return other !== undefined && other.uplink.stateOf(deviceId) !== 0 ? other : parts.leg;
}

/**
 * Whether the device itself has used its Receive Maximum up, with exchanges that wait for its PUBREL [MQTT-3.3.4-7]. What
 * only waits for a broker is held instead: many clients count too little, and a broker that answers at once lets them.
 */
export function exceedsReceiveMaximum({ device, leg, legs }: SessionParts): boolean {
  if (device.protocol !== '5') return false;
  // What an earlier connection began counts for nothing on this one (MQTT 5 §4.9).
  let owed = leg.uplink.owedByDevice - leg.uplink.adopted;
  for (const other of legs)
    if (other !== undefined && other !== leg) owed += other.uplink.owedByDevice - other.uplink.adopted;
  return owed >= device.told.receiveMaximum;
}
