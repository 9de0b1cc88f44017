import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import { type AcknowledgementRead, passAcknowledgement, readAcknowledgement } from './acknowledgement-relay.ts';
import { packetType } from './control-packet.ts';
import { DevicePublish } from './device-publish.ts';
import { decodeDisconnect, encodeClientDisconnect } from './disconnect-packet.ts';
import { downlinkState, nobody } from './downlink-exchanges.ts';
import type { HeldPacket } from './held-packets.ts';
import { type PacketReader, type PacketSpan, type PacketVerdict, spanOfPacket } from './packet-stream.ts';
import { reasonCode } from './reason-code.ts';
import { legOfUplink, type SessionParts } from './session-parts.ts';
import type { DeviceDone } from './session-port.ts';
import { decodeSubscribe, decodeUnsubscribe } from './subscribe-packet.ts';
import { uplinkState } from './uplink-exchanges.ts';

/** Every packet of the device, judged before anything of it goes on. */
export class DevicePackets implements PacketReader {
  readonly #parts: SessionParts;
  readonly publish: DevicePublish;
  readonly #sessionExpiryInterval: number;
  readonly #ack: AcknowledgementRead = { packetId: 0, reason: 0 };
  /** Set by DISCONNECT. */
  done: DeviceDone | undefined;

  /** `sessionExpiryInterval`: seconds, as agreed at CONNACK. */
  constructor(parts: SessionParts, sessionExpiryInterval: number) {
    this.#parts = parts;
    this.publish = new DevicePublish(parts);
    this.#sessionExpiryInterval = sessionExpiryInterval;
  }

  handlePacket(span: PacketSpan): PacketVerdict {
    if (this.#parts.end !== undefined) return 'stop';
    if (this.#parts.toDevice.isCrowded) return 'block';
    const type = (span.bytes[span.start] as number) >> 4;
    const verdict = this.#handle(type, span);
    if (verdict !== 'block') this.#count(type);
    return this.#parts.end === undefined ? verdict : 'stop';
  }

  handleLargePublish(span: PacketSpan): PacketVerdict {
    const verdict = this.publish.handle(span);
    if (verdict !== 'block' && verdict !== 'collect') this.#count(packetType.publish);
    return verdict;
  }

  handlePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    this.publish.handlePayload(bytes, start, end, isLast);
  }

  /** Lets go what a window held, in order, as far as the window goes. */
  releaseHeld(): void {
    const parts = this.#parts;
    const { heldFromDevice } = parts;
    for (let held = heldFromDevice.first; held !== undefined; held = heldFromDevice.first) {
      if (parts.isHolding || parts.end !== undefined || !this.#releaseOne(held)) return;
      heldFromDevice.shift();
    }
  }

  /** Says PUBREL to the broker for the device, whose own lies behind what is not read until the window opens. */
  releaseReceived(): void {
    const { uplink, upstream, output } = this.#parts.leg;
    for (const packetId of uplink.releaseReceived()) {
      output.send(encodeAcknowledgement(upstream.protocol, { type: packetType.pubrel, packetId }));
    }
  }

  #releaseOne(held: HeldPacket): boolean {
    const span = spanOfPacket(held.bytes);
    switch ((held.bytes[0] as number) >> 4) {
      case packetType.publish:
        return this.publish.handleHeld(span, held);
      case packetType.disconnect:
        this.#disconnect(span);
        return true;
      default:
        if (this.#parts.leg.desk.isFull) return false;
        this.#subscribe(span);
        return true;
    }
  }

  /**
   * What waits here for the broker will not go any more. Where the device said DISCONNECT behind it, that still counts: the
   * broker publishes no will.
   */
  giveUpHeld(): void {
    const { heldFromDevice } = this.#parts;
    const last = heldFromDevice.last;
    while (heldFromDevice.size > 0) heldFromDevice.shift();
    if (last !== undefined && (last.bytes[0] as number) >> 4 === packetType.disconnect) {
      this.#disconnect(spanOfPacket(last.bytes));
    }
  }

  #handle(type: number, span: PacketSpan): PacketVerdict {
    switch (type) {
      case packetType.publish:
        return this.publish.handle(span);
      case packetType.puback:
      case packetType.pubrec:
      case packetType.pubcomp:
        return this.#handleAnswer(type, span);
      case packetType.pubrel:
        return this.#handlePubrel(span);
      case packetType.subscribe:
      case packetType.unsubscribe:
        return this.#inOrder(span, () => this.#subscribe(span));
      case packetType.pingreq:
        return this.#handlePing(span);
      case packetType.disconnect:
        return this.#inOrder(span, () => this.#disconnect(span));
      default:
        return this.#refuse(reasonCode.protocolError, `packet type ${type} is not a device's to send`);
    }
  }

  /** What may not overtake a held PUBLISH waits behind it. */
  #inOrder(span: PacketSpan, handle: () => void): PacketVerdict {
    const { heldFromDevice, isHolding, isQuiescing, leg, nowMs } = this.#parts;
    const isDisconnect = (span.bytes[span.start] as number) >> 4 === packetType.disconnect;
    if (heldFromDevice.size > 0 || (isHolding && !isDisconnect)) {
      const packet = span.bytes.subarray(span.start, span.end);
      return heldFromDevice.hold(packet, nowMs, isHolding) ? 'proceed' : 'block';
    }
    if (!isDisconnect && (isQuiescing || leg.desk.isFull)) return 'block';
    handle();
    return 'proceed';
  }

  #handlePing({ bytes, start, body, end }: PacketSpan): PacketVerdict {
    // MQTT 3.1 §3.12 does not use the flags of PINGREQ.
    const isFlagged = bytes[start] !== packetType.pingreq << 4 && this.#parts.device.protocol !== '3.1';
    if (end !== body || isFlagged) {
      return this.#refuse(reasonCode.malformedPacket, 'PINGREQ has a body or flags');
    }
    this.#parts.toDevice.send(pingresp);
    return 'proceed';
  }

  /** PUBACK, PUBREC and PUBCOMP for what a broker sent: they go back on the leg that it came on. */
  #handleAnswer(type: 4 | 5 | 7, span: PacketSpan): PacketVerdict {
    const { downlink, device, legs, toDevice } = this.#parts;
    const fault = readAcknowledgement(span, device.protocol, this.#ack);
    if (fault !== 0) return this.#refuse(fault, 'an acknowledgement is malformed');
    const { packetId, reason } = this.#ack;
    const isRefusal = type === packetType.pubrec && reason >= 0x80;
    const slot = downlink.slotOf(packetId);
    const leg = slot === nobody ? undefined : legs[slot];
    const hasWord = leg === undefined || leg.upstream.protocol === '5';
    const isRefused = isRefusal && !hasWord && downlink.stateOfDevice(packetId) === downlinkState.sent2;
    const answer = isRefused ? downlink.refuse(packetId) : downlink.handleAnswer(type, packetId, isRefusal);
    if (!isRefused && !answer.isExpected) return this.#handleUnknownAnswer(type, span);
    if (leg?.isOver === true && slot !== nobody) downlink.keepAnswer(slot, answer.upstreamId, type);
    else if (leg !== undefined && answer.isPassed) {
      const { output, upstream } = leg;
      passAcknowledgement(span, { output, protocol: upstream.protocol, type, packetId: answer.upstreamId });
    } else if (leg === undefined && type === packetType.pubrec && !isRefusal) {
      toDevice.send(encodeAcknowledgement(device.protocol, { type: packetType.pubrel, packetId }));
      downlink.released(packetId);
    }
    return 'proceed';
  }

  /** A PUBREC of a session that was resumed goes on, others end here: the broker sends again what it misses. */
  #handleUnknownAnswer(type: number, span: PacketSpan): PacketVerdict {
    const { device, leg, toDevice, downlink } = this.#parts;
    const { upstream, output } = leg;
    const { packetId, reason } = this.#ack;
    if (downlink.stateOfDevice(packetId) !== downlinkState.none) {
      return this.#refuse(reasonCode.protocolError, 'an acknowledgement is not of the kind that the PUBLISH needs'); // MQTT 5 §4.3.2, §4.3.3
    }
    if (type !== packetType.pubrec || reason >= 0x80) return 'proceed';
    if (upstream.capabilities.maximumQos === 2 && !leg.isOver) {
      passAcknowledgement(span, { output, protocol: upstream.protocol, type, packetId });
    } else {
      const notFound = device.protocol === '5' ? reasonCode.packetIdentifierNotFound : 0;
      toDevice.send(encodeAcknowledgement(device.protocol, { type: packetType.pubrel, packetId, reason: notFound }));
    }
    return 'proceed';
  }

  #handlePubrel(span: PacketSpan): PacketVerdict {
    const { device, toDevice } = this.#parts;
    const fault = readAcknowledgement(span, device.protocol, this.#ack);
    if (fault !== 0) return this.#refuse(fault, 'PUBREL is malformed');
    const { packetId } = this.#ack;
    const { uplink, upstream, output } = legOfUplink(this.#parts, packetId);
    const state = uplink.stateOf(packetId);
    // PUBREL before PUBREC: the PUBREC that comes makes the device say it again.
    if (state === uplinkState.forwarded) return 'proceed';
    const upstreamId = uplink.release(packetId);
    if (upstreamId !== 0) {
      const type = packetType.pubrel;
      passAcknowledgement(span, { output, protocol: upstream.protocol, type, packetId: upstreamId });
      return 'proceed';
    }
    const isUnknown = state !== uplinkState.kept && device.protocol === '5';
    const reason = isUnknown ? reasonCode.packetIdentifierNotFound : 0;
    toDevice.send(encodeAcknowledgement(device.protocol, { type: packetType.pubcomp, packetId, reason }));
    return 'proceed';
  }

  #subscribe(span: PacketSpan): void {
    if ((span.bytes[span.start] as number) >> 4 === packetType.subscribe) this.#handleSubscribe(span);
    else this.#handleUnsubscribe(span);
  }

  #handleSubscribe({ bytes, start, end }: PacketSpan): void {
    const { leg, device, assessor, nowMs } = this.#parts;
    const packet = bytes.subarray(start, end);
    const decoded = decodeSubscribe(packet, device.protocol);
    if (!decoded.ok) {
      this.#refuse(decoded.error.reason, decoded.error.message);
      return;
    }
    assessor?.noteSubscribe(decoded.value);
    if (leg.restoringUntilMs > nowMs) leg.askedAnew.push(...decoded.value.requests.map(({ filter }) => filter));
    leg.desk.handleSubscribe(decoded.value, packet, nowMs);
  }

  #handleUnsubscribe({ bytes, start, end }: PacketSpan): void {
    const { leg, device, assessor, nowMs } = this.#parts;
    const packet = bytes.subarray(start, end);
    const decoded = decodeUnsubscribe(packet, device.protocol);
    if (!decoded.ok) {
      this.#refuse(decoded.error.reason, decoded.error.message);
      return;
    }
    assessor?.noteUnsubscribe(decoded.value);
    leg.desk.handleUnsubscribe(decoded.value, packet, nowMs);
  }

  #disconnect({ bytes, start, end }: PacketSpan): void {
    const parts = this.#parts;
    const { device } = parts;
    const { upstream, output } = parts.leg;
    const decoded = decodeDisconnect(bytes.subarray(start, end), device.protocol);
    if (!decoded.ok) {
      this.#refuse(decoded.error.reason, decoded.error.message);
      return;
    }
    const { reason, sessionExpiryInterval } = decoded.value;
    if (sessionExpiryInterval !== undefined && sessionExpiryInterval > 0 && this.#sessionExpiryInterval === 0) {
      // MQTT 5 §3.14.2.2.2
      this.#refuse(reasonCode.protocolError, 'DISCONNECT gives an expiry to a session that has none');
      return;
    }
    const withWill = reason === reasonCode.disconnectWithWill;
    parts.end = 'device-done';
    this.done = { withWill, ...(sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval }) };
    if (device.protocol === '5' && upstream.protocol === '5') output.pass(bytes, start, end);
    else if (!withWill) output.send(encodeClientDisconnect(upstream.protocol));
  }

  #refuse(reason: number, message: string): PacketVerdict {
    this.#parts.fail({ side: 'device', reason, message });
    return 'stop';
  }

  #count(type: number): void {
    const { fromDevice } = this.#parts.counts;
    fromDevice[type] = (fromDevice[type] as number) + 1;
  }
}

const pingresp = Buffer.from([packetType.pingresp << 4, 0]);
