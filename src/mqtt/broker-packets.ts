import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import {
  type AcknowledgementRead,
  keptAcknowledgement,
  passAcknowledgement,
  readAcknowledgement,
} from './acknowledgement-relay.ts';
import { BrokerPublish } from './broker-publish.ts';
import { packetType } from './control-packet.ts';
import { decodeDisconnect, encodeServerDisconnect } from './disconnect-packet.ts';
import type { PacketDecoding } from './packet-fault.ts';
import type { PacketReader, PacketSpan, PacketVerdict } from './packet-stream.ts';
import { reasonCode } from './reason-code.ts';
import type { SessionParts } from './session-parts.ts';
import { decodeSuback, decodeUnsuback, type SubackPacket } from './suback-packet.ts';
import type { UplinkAnswer } from './uplink-exchanges.ts';

/** Every packet of the broker: passed on to the device, answered here, or taken as the end of what the broker can be trusted with. */
export class BrokerPackets implements PacketReader {
  readonly #parts: SessionParts;
  readonly #publish: BrokerPublish;
  readonly #ack: AcknowledgementRead = { packetId: 0, reason: 0 };

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#publish = new BrokerPublish(parts);
  }

  handlePacket(span: PacketSpan): PacketVerdict {
    if (this.#hasFailed()) return 'stop';
    if (this.#parts.toBroker.isCrowded) return 'block';
    const type = (span.bytes[span.start] as number) >> 4;
    const verdict = this.#handle(type, span);
    if (verdict !== 'block') this.#count(type);
    return this.#hasFailed() ? 'stop' : verdict;
  }

  handleLargePublish(span: PacketSpan): PacketVerdict {
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
    const { desk, upstream } = this.#parts;
    switch (type) {
      case packetType.publish:
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
        this.#parts.upstreamKeepAlive.answered();
        return 'proceed';
      case packetType.disconnect:
        return upstream.protocol === '5' ? this.#handleDisconnect(span) : this.#distrust('DISCONNECT before MQTT 5');
      default:
        return this.#distrust(`packet type ${type} is not a broker's to send`);
    }
  }

  /** PUBACK, PUBREC and PUBCOMP for what the device sent. */
  #handleAnswer(type: 4 | 5 | 7, span: PacketSpan): PacketVerdict {
    const { uplink, upstream, device, port, toBroker, undeliverable } = this.#parts;
    if (readAcknowledgement(span, upstream.protocol, this.#ack) !== 0)
      return this.#distrust('a malformed acknowledgement');
    const { packetId, reason } = this.#ack;
    const answer = uplink.handleAnswer(type, packetId, reason);
    if (answer.deviceId === 0) {
      if (type === packetType.pubrec && reason < 0x80) {
        const notFound = upstream.protocol === '5' ? reasonCode.packetIdentifierNotFound : 0;
        toBroker.send(
          encodeAcknowledgement(upstream.protocol, { type: packetType.pubrel, packetId, reason: notFound }),
        );
      }
      return 'proceed';
    }
    if (reason >= 0x80 && device.protocol !== '5') {
      port.dropped('refused-by-broker');
      // A device before MQTT 5 has no word for it: to acknowledge it all the same is the operator's to choose.
      if (undeliverable === 'refuse') {
        this.#parts.fail({ side: 'device', reason, message: 'the broker refused a PUBLISH' });
        return 'stop';
      }
    }
    if (answer.isFirst) this.#answerInOrder(answer, span);
    else this.#passAnswer(answer, span);
    return 'proceed';
  }

  #answerInOrder(answer: UplinkAnswer, span: PacketSpan): void {
    const { ackOrder, device, toDevice, patience, nowMs } = this.#parts;
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
    const { downlink, upstream, device, toDevice, toBroker } = this.#parts;
    if (readAcknowledgement(span, upstream.protocol, this.#ack) !== 0) return this.#distrust('a malformed PUBREL');
    const { packetId } = this.#ack;
    if (downlink.release(packetId)) {
      passAcknowledgement(span, { output: toDevice, protocol: device.protocol, type: packetType.pubrel, packetId });
    } else {
      toBroker.send(encodeAcknowledgement(upstream.protocol, { type: packetType.pubcomp, packetId }));
    }
    return 'proceed';
  }

  #handleSuback(
    { bytes, start, end }: PacketSpan,
    decode: (packet: Buffer, protocol: '3.1' | '3.1.1' | '5') => PacketDecoding<SubackPacket>,
    handle: (packet: SubackPacket, bytes: Buffer, nowMs: number) => boolean,
  ): PacketVerdict {
    const packet = bytes.subarray(start, end);
    const decoded = decode(packet, this.#parts.upstream.protocol);
    if (!decoded.ok) return this.#distrust(decoded.error.message);
    handle(decoded.value, packet, this.#parts.nowMs);
    return 'proceed';
  }

  /** What the broker says on leaving is passed on, but never another server's address: the device's address is ours. */
  #handleDisconnect(span: PacketSpan): PacketVerdict {
    const { device, toDevice } = this.#parts;
    const { bytes, start, end } = span;
    const decoded = decodeDisconnect(bytes.subarray(start, end), '5', 'server');
    if (!decoded.ok) return this.#distrust('a malformed DISCONNECT');
    if (device.protocol !== '5') return 'proceed';
    const { reason } = decoded.value;
    if (reason === reasonCode.useAnotherServer || reason === reasonCode.serverMoved) {
      const farewell = encodeServerDisconnect('5', reasonCode.serverShuttingDown);
      if (farewell !== undefined) toDevice.send(farewell);
    } else toDevice.pass(bytes, start, end);
    return 'proceed';
  }

  #distrust(message: string): PacketVerdict {
    this.#parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message });
    return 'stop';
  }

  #hasFailed(): boolean {
    return this.#parts.end === 'failed';
  }

  #count(type: number): void {
    const { fromBroker } = this.#parts.counts;
    fromBroker[type] = (fromBroker[type] as number) + 1;
  }
}
