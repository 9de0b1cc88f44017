import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import { packetType } from './control-packet.ts';
import type { DevicePublish } from './device-publish.ts';
import type { HeldPacket } from './held-packets.ts';
import type { SessionParts } from './session-parts.ts';
import { uplinkState } from './uplink-exchanges.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

const dupFlag = 0x08;

/**
 * What the device began on a leg that is lost, given to `to`, which has begun a session of its own: PUBLISH packets that
 * were not acknowledged wait in front of all others and go out again with DUP; QoS 2 messages of which the device has
 * PUBREC are finished by the gateway. False: a packet would be needed that is not there.
 */
export function transferUplink(
  parts: SessionParts,
  from: UpstreamLeg,
  to: UpstreamLeg,
  publish: DevicePublish,
): boolean {
  if (!isTransferable(from)) return false;
  const { heldFromDevice, nowMs } = parts;
  const again: HeldPacket[] = [];
  const own: Buffer[] = [...from.ownPublishes.values(), ...from.ownWaiting.splice(0)];
  from.ownPublishes.clear();
  for (const deviceId of from.uplink.deviceIds()) {
    const state = from.uplink.stateOf(deviceId);
    const packet = from.unacknowledged.packetOf(deviceId);
    from.uplink.forsake(deviceId);
    from.unacknowledged.drop(deviceId);
    if (state === uplinkState.kept) to.uplink.keep(deviceId);
    else if (packet !== undefined) {
      const isAgain = state === uplinkState.sent1 || state === uplinkState.sent2 || state === uplinkState.forwarded;
      if (isAgain) again.push(toHeld(packet, nowMs));
      else if (!finishHere(parts, to, deviceId, state)) return false;
      else own.push(packet);
    }
  }
  heldFromDevice.putFirst(again);
  to.ownWaiting.push(...own);
  sendOwnWaiting(parts, to, publish);
  return true;
}

/** Finishes QoS 2 messages that wait for the broker's window, as far as it goes. */
export function sendOwnWaiting(parts: SessionParts, leg: UpstreamLeg, publish: DevicePublish): void {
  while (!leg.isOver && leg.hasWindow) {
    const packet = leg.ownWaiting.shift();
    if (packet === undefined) return;
    sendOwn(parts, leg, packet, publish);
  }
}

/** Whether there is a copy of all that a broker has not acknowledged. */
export function isTransferable({ uplink, unacknowledged }: UpstreamLeg): boolean {
  return uplink
    .deviceIds()
    .every((id) => uplink.stateOf(id) === uplinkState.kept || unacknowledged.packetOf(id) !== undefined);
}

/** The same on a leg whose broker has taken the session up: every exchange goes on where it was. False as above. */
export function resumeUplink(parts: SessionParts, leg: UpstreamLeg, publish: DevicePublish): boolean {
  const { uplink, output, upstream, unacknowledged, ownPublishes } = leg;
  for (const [upstreamId, packet] of ownPublishes) publish.sendOwn(packet, upstreamId);
  for (const deviceId of uplink.deviceIds()) {
    const state = uplink.stateOf(deviceId);
    const upstreamId = uplink.upstreamIdOf(deviceId);
    const packet = unacknowledged.packetOf(deviceId);
    switch (state) {
      case uplinkState.sent1:
      case uplinkState.sent2:
      case uplinkState.forwarded:
        if (packet === undefined) return false;
        leg.repeated.add(deviceId);
        publish.repeat(packet, upstreamId, state === uplinkState.sent2 ? 2 : 1);
        break;
      case uplinkState.released2:
      case uplinkState.releasedHere:
        output.send(encodeAcknowledgement(upstream.protocol, { type: packetType.pubrel, packetId: upstreamId }));
        break;
    }
  }
  leg.patience.asked(parts.nowMs);
  return true;
}

/** The device has PUBREC: PUBREL is answered here, at once where it has come. */
function finishHere(parts: SessionParts, to: UpstreamLeg, deviceId: number, state: number): boolean {
  const { ackOrder, device, toDevice } = parts;
  if (state !== uplinkState.released2) {
    to.uplink.keep(deviceId);
    return true;
  }
  // PUBREL before PUBREC: nobody told the device that its message arrived.
  if (ackOrder.has(deviceId)) return false;
  toDevice.send(encodeAcknowledgement(device.protocol, { type: packetType.pubcomp, packetId: deviceId }));
  return true;
}

function sendOwn(parts: SessionParts, leg: UpstreamLeg, packet: Buffer, publish: DevicePublish): void {
  const { identifiers, uplink, ownPublishes } = leg;
  const upstreamId = identifiers.take(undefined, (packetId) => uplink.usesUpstream(packetId));
  if (upstreamId === undefined || !publish.sendOwn(packet, upstreamId)) {
    parts.port.dropped('undeliverable');
    return;
  }
  identifiers.remember(upstreamId, 0);
  ownPublishes.set(upstreamId, packet);
}

function toHeld(packet: Buffer, heldAtMs: number): HeldPacket {
  packet[0] = (packet[0] as number) | dupFlag;
  return { bytes: packet, heldAtMs, isAgain: true };
}
