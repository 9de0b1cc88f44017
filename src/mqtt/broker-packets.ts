import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import {
  type AcknowledgementRead,
  keptAcknowledgement,
  passAcknowledgement,
  readAcknowledgement,
} from './acknowledgement-relay.ts';
import { BrokerPublish } from './broker-publish.ts';
import { packetType } from './control-packet.ts';
import { decodeDisconnect } from './disconnect-packet.ts';
import type { PacketDecoding } from './packet-fault.ts';
import type { PacketReader, PacketSpan, PacketVerdict } from './packet-stream.ts';
import { reasonCode } from './reason-code.ts';
import type { SessionParts } from './session-parts.ts';
import { decodeSuback, decodeUnsuback, type SubackPacket } from './suback-packet.ts';
import type { UplinkAnswer } from './uplink-exchanges.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** Every packet of one leg's broker: passed on to the device, answered here, or taken as the end of what the broker can be trusted with. */
export class BrokerPackets implements PacketReader {
  readonly #parts: SessionParts;
  readonly #leg: UpstreamLeg;
  readonly #publish: BrokerPublish;
  readonly #ack: AcknowledgementRead = { packetId: 0, reason: 0 };

  constructor(parts: SessionParts, leg: UpstreamLeg) {
    this.#parts = parts;
    this.#leg = leg;
    this.#publish = new BrokerPublish(parts, leg);
  }

  handlePacket(span: PacketSpan): PacketVerdict {
    if (this.#hasFailed()) return 'stop';
    if (this.#leg.output.isCrowded || this.#isDeviceTaken()) return 'block';
    const type = (span.bytes[span.start] as number) >> 4;
    const verdict = this.#handle(type, span);
    if (verdict !== 'block') this.#count(type);
    return this.#hasFailed() ? 'stop' : verdict;
  }

  handleLargePublish(span: PacketSpan): PacketVerdict {
    if (this.#isDeviceTaken() || this.#mayBeTakenBack()) return 'block';
    this.#leg.deliveries += 1;
    const verdict = this.#publish.handle(span);
    if (verdict !== 'block') this.#count(packetType.publish);
    return verdict;
  }

  handlePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    this.#publish.handlePayload(bytes, start, end, isLast);
  }

  releaseHeld(): void {
    this.#publish.releaseHeld();
  }

  #handle(type: number, span: PacketSpan): PacketVerdict {
    const { desk, upstream } = this.#leg;
    switch (type) {
      case packetType.publish:
        this.#leg.deliveries += 1;
        return this.#publish.handle(span);
      case packetType.puback:
      case packetType.pubrec:
      case packetType.pubcomp:
        return this.#handleAnswer(type, span);
      case packetType.pubrel:
        return this.#handlePubrel(span);
      case packetType.suback:
        return this.#handleSuback(span, decodeSuback, (packet, bytes, nowMs) =>
          desk.handleSuback(packet, bytes, nowMs),
        );
      case packetType.unsuback:
        return this.#handleSuback(span, decodeUnsuback, (packet, bytes, nowMs) =>
          desk.handleUnsuback(packet, bytes, nowMs),
        );
      case packetType.pingresp:
        this.#leg.keepAlive.answered();
        return 'proceed';
      case packetType.disconnect:
        return upstream.protocol === '5' ? this.#handleDisconnect(span) : this.#distrust('DISCONNECT before MQTT 5');
      default:
        return this.#distrust(`packet type ${type} is not a broker's to send`);
    }
  }

  /** PUBACK, PUBREC and PUBCOMP for what the device sent. */
  #handleAnswer(type: 4 | 5 | 7, span: PacketSpan): PacketVerdict {
    const { device, port } = this.#parts;
    const { uplink, upstream, output, identifiers, ownPublishes, unacknowledged, repeated } = this.#leg;
    if (readAcknowledgement(span, upstream.protocol, this.#ack) !== 0)
      return this.#distrust('a malformed acknowledgement');
    const { packetId, reason } = this.#ack;
    const deviceId = identifiers.deviceIdOf(packetId);
    const answer = uplink.handleAnswer(type, packetId, reason);
    if (!uplink.isWithBroker(deviceId)) unacknowledged.drop(deviceId);
    if (repeated.size > 0) repeated.delete(deviceId);
    if (answer.deviceId === 0) {
      if (type === packetType.puback && ownPublishes.delete(packetId)) identifiers.forget(packetId);
      else if (type === packetType.pubrec && reason < 0x80) {
        const notFound = upstream.protocol === '5' ? reasonCode.packetIdentifierNotFound : 0;
        output.send(encodeAcknowledgement(upstream.protocol, { type: packetType.pubrel, packetId, reason: notFound }));
      }
      return 'proceed';
    }
    if (reason >= 0x80 && device.protocol !== '5') {
      port.dropped('refused-by-broker');
      // A device before MQTT 5 has no word for it: to acknowledge it all the same is the operator's to choose.
      if (upstream.undeliverable === 'refuse') {
        this.#parts.fail({ side: 'device', reason, message: 'the broker refused a PUBLISH' });
        return 'stop';
      }
    }
    if (answer.isFirst) this.#answerInOrder(answer, span);
    else this.#passAnswer(answer, span);
    return 'proceed';
  }

  #answerInOrder(answer: UplinkAnswer, span: PacketSpan): void {
    const { ackOrder, device, toDevice, nowMs } = this.#parts;
    const { patience } = this.#leg;
    const { deviceId, type } = answer;
    if (!ackOrder.take(deviceId)) {
      patience.answered(true, false, nowMs);
      if (ackOrder.keep(deviceId, keptAcknowledgement(span, { protocol: device.protocol, type, packetId: deviceId }))) {
        this.#parts.adapted('ack-order');
        return;
      }
    }
    this.#passAnswer(answer, span);
    for (let early = ackOrder.nextEarly(); early !== undefined; early = ackOrder.nextEarly()) toDevice.send(early);
    patience.answered(ackOrder.hasEarly, true, nowMs);
  }

  #passAnswer({ deviceId, type }: UplinkAnswer, span: PacketSpan): void {
    const { device, toDevice } = this.#parts;
    passAcknowledgement(span, { output: toDevice, protocol: device.protocol, type, packetId: deviceId });
  }

  #handlePubrel(span: PacketSpan): PacketVerdict {
    const { downlink, device, toDevice } = this.#parts;
    const { upstream, output, slot } = this.#leg;
    if (readAcknowledgement(span, upstream.protocol, this.#ack) !== 0) return this.#distrust('a malformed PUBREL');
    const { packetId } = this.#ack;
    const given = downlink.takeAwaited(slot, packetId);
    const deviceId = given === packetType.pubcomp ? 0 : downlink.release(slot, packetId);
    if (deviceId !== 0) {
      const type = packetType.pubrel;
      passAcknowledgement(span, { output: toDevice, protocol: device.protocol, type, packetId: deviceId });
    } else {
      output.send(encodeAcknowledgement(upstream.protocol, { type: packetType.pubcomp, packetId }));
    }
    return 'proceed';
  }

  #handleSuback(
    { bytes, start, end }: PacketSpan,
    decode: (packet: Buffer, protocol: '3.1' | '3.1.1' | '5') => PacketDecoding<SubackPacket>,
    handle: (packet: SubackPacket, bytes: Buffer, nowMs: number) => boolean,
  ): PacketVerdict {
    const packet = bytes.subarray(start, end);
    const decoded = decode(packet, this.#leg.upstream.protocol);
    if (!decoded.ok) return this.#distrust(decoded.error.message);
    handle(decoded.value, packet, this.#parts.nowMs);
    return 'proceed';
  }

  /**
   * A broker that stops or is busy is left, and the device stays. What it says of the device itself (taken over, not
   * authorized, a packet it cannot take) is the device's to hear, because another connection would end the same way.
   */
  #handleDisconnect({ bytes, start, end }: PacketSpan): PacketVerdict {
    const { device, toDevice, leg } = this.#parts;
    const decoded = decodeDisconnect(bytes.subarray(start, end), '5', 'server');
    if (!decoded.ok) return this.#distrust('a malformed DISCONNECT');
    const { reason } = decoded.value;
    const message = `DISCONNECT with reason 0x${reason.toString(16)}`;
    if (this.#leg !== leg || isOfBroker(reason)) {
      this.#parts.loseLeg(this.#leg, message);
      return 'stop';
    }
    if (device.protocol === '5') toDevice.pass(bytes, start, end);
    this.#parts.fail({ side: 'broker', reason, message });
    return 'stop';
  }

  #distrust(message: string): PacketVerdict {
    this.#parts.leaveLeg(this.#leg, message);
    return 'stop';
  }

  /** A large PUBLISH of the other leg passes by to the device: nothing may come between. */
  #isDeviceTaken(): boolean {
    const { passing } = this.#parts;
    return passing !== undefined && passing !== this.#leg;
  }

  /** A leg that is not active yet may be left at any moment: it begins nothing that takes its time. */
  #mayBeTakenBack(): boolean {
    const { leg, overlap } = this.#parts;
    return this.#leg !== leg && overlap === undefined;
  }

  #hasFailed(): boolean {
    return this.#leg.isOver || this.#parts.end === 'failed';
  }

  #count(type: number): void {
    const { fromBroker } = this.#parts.counts;
    fromBroker[type] = (fromBroker[type] as number) + 1;
  }
}

const reasonsOfBroker: readonly number[] = [
  reasonCode.success,
  reasonCode.unspecifiedError,
  reasonCode.serverUnavailable,
  reasonCode.serverBusy,
  reasonCode.serverShuttingDown,
  reasonCode.keepAliveTimeout,
  reasonCode.messageRateTooHigh,
  reasonCode.quotaExceeded,
  reasonCode.useAnotherServer,
  reasonCode.serverMoved,
  reasonCode.connectionRateExceeded,
  reasonCode.maximumConnectTime,
];

/** Whether the reason is the broker's own state, which a later connection may find changed. */
function isOfBroker(reason: number): boolean {
  return reasonsOfBroker.includes(reason);
}
