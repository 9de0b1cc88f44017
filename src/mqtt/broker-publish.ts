import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import { maxPacketBytes, packetType } from './control-packet.ts';
import { downlinkState } from './downlink-exchanges.ts';
import { type PacketSpan, type PacketVerdict, spanOfPacket } from './packet-stream.ts';
import { payloadDigest } from './payload-digest.ts';
import { changedPacketBytes, encodePublishHead } from './publish-encoding.ts';
import type { PublishHead } from './publish-head.ts';
import { reasonCode } from './reason-code.ts';
import type { SessionParts } from './session-parts.ts';
import { matchesTopicFilter, parseTopicFilter } from './topic.ts';

const noIdentifiers: readonly number[] = [];

/** PUBLISH packets of the broker: given to the device, held for its window, or acknowledged where it is not to have them. */
export class BrokerPublish {
  readonly #parts: SessionParts;
  readonly #head: PublishHead;
  /** Whether the device may have fewer in flight than the broker was told, or could be told. */
  readonly #hasWindow: boolean;
  /** Whether the broker does not know how much the device takes. */
  readonly #checksSize: boolean;
  #payloadGoes: 'device' | 'nowhere' = 'device';

  constructor(parts: SessionParts) {
    const { device, upstream } = parts;
    this.#parts = parts;
    this.#head = parts.scratch.brokerHead(upstream.protocol);
    this.#hasWindow = upstream.protocol !== '5' && device.receiveMaximum < 65_535;
    this.#checksSize = device.maximumPacketSize < maxPacketBytes;
  }

  handle(span: PacketSpan): PacketVerdict {
    const { heldFromBroker, nowMs } = this.#parts;
    const head = this.#head;
    if (head.read(span) !== 0 || head.hasTopicAlias) return this.#distrust();
    if (head.qos > 0 && head.isDuplicate && this.#isUnderWay(head)) {
      this.#swallowRepeat(head);
      return 'proceed';
    }
    if (heldFromBroker.size === 0 && this.#carry(head)) return 'proceed';
    const isLarge = head.packetBytes > head.end - head.start;
    if (!isLarge && heldFromBroker.hold(span.bytes.subarray(span.start, span.end), nowMs)) return 'proceed';
    return isLarge || !this.#holdUrgent(span, head.qos) ? 'block' : 'proceed';
  }

  /** Where the window opens only with a PUBREL, which lies behind this packet, the stream may not stand still. */
  #holdUrgent(span: PacketSpan, qos: number): boolean {
    const { downlink, heldFromBroker, port, nowMs } = this.#parts;
    if (!downlink.awaitsRelease) return false;
    if (qos > 0) return heldFromBroker.hold(span.bytes.subarray(span.start, span.end), nowMs, true);
    port.dropped('held-overflow');
    return true;
  }

  releaseHeld(): void {
    const { heldFromBroker } = this.#parts;
    for (let held = heldFromBroker.first; held !== undefined; held = heldFromBroker.first) {
      const { bytes } = held;
      const head = this.#head;
      head.read(spanOfPacket(bytes));
      if (!this.#carry(head)) return;
      heldFromBroker.shift();
    }
  }

  handlePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (this.#payloadGoes === 'nowhere') return;
    this.#parts.toDevice.pass(bytes, start, end);
    if (isLast) this.#parts.toDevice.endPacket();
  }

  /** False: it waits for the device's window. */
  #carry(head: PublishHead): boolean {
    const parts = this.#parts;
    const { downlink, desk, pace, nowMs } = parts;
    const { qos } = head;
    if (this.#hasWindow && qos > 0 && downlink.inflight >= parts.device.receiveMaximum) return false;
    if (pace.isBound) pace.note(nowMs);
    if (!desk.judgesDeliveries) {
      if (head.retain) this.#noteRetained(head);
      return this.#send(head, noIdentifiers);
    }
    // The payload of a large one is not at hand, and so is nobody's own.
    const isLarge = head.packetBytes > head.end - head.start;
    const digest = () => (isLarge ? -1 : payloadDigest(head.bytes, head.payloadAt, head.end));
    const judgement = desk.judgeDelivery({ topic: head.topic(), retain: head.retain, digest }, nowMs);
    return judgement.deliver ? this.#send(head, judgement.subscriptionIdentifiers) : this.#drop(head, 'not-wanted');
  }

  #isUnderWay({ packetId, bytes, start, end }: PublishHead): boolean {
    const { downlink, heldFromBroker } = this.#parts;
    if (downlink.stateOf(packetId) !== downlinkState.none) return true;
    return heldFromBroker.size > 0 && heldFromBroker.holdsSame(bytes.subarray(start, end));
  }

  /** On one connection a broker repeats only what the device has and has not acknowledged yet. */
  #swallowRepeat(head: PublishHead): true {
    this.#payloadGoes = 'nowhere';
    if (this.#parts.downlink.stateOf(head.packetId) === downlinkState.swallowed) this.#acknowledge(head);
    return true;
  }

  #send(head: PublishHead, subscriptionIdentifiers: readonly number[]): true {
    const { toDevice, sameForm, device, downlink } = this.#parts;
    const { bytes, start, end, firstByte, packetId, qos } = head;
    if (sameForm && subscriptionIdentifiers.length === 0) {
      if (this.#checksSize && head.packetBytes > device.maximumPacketSize)
        return this.#drop(head, 'device-packet-size');
      toDevice.pass(bytes, start, end);
    } else {
      const change = { firstByte, packetId, protocol: device.protocol, subscriptionIdentifiers };
      const encoded = encodePublishHead(head, change);
      if (changedPacketBytes(head, encoded) > device.maximumPacketSize) return this.#drop(head, 'device-packet-size');
      if (device.protocol !== '5' && !head.properties.isEmpty) this.#parts.adapted('properties');
      toDevice.send(encoded);
      toDevice.pass(bytes, head.payloadAt, end);
    }
    if (qos > 0) downlink.begin(packetId, qos as 1 | 2);
    if (head.packetBytes > end - start) {
      this.#payloadGoes = 'device';
      toDevice.beginPacket();
    }
    return true;
  }

  /** The broker is told that it went well: nobody else is to get it, and it would send it again otherwise. */
  #drop(head: PublishHead, reason: 'not-wanted' | 'device-packet-size'): true {
    this.#payloadGoes = 'nowhere';
    this.#parts.port.dropped(reason);
    if (head.qos === 2) this.#parts.downlink.swallow(head.packetId);
    this.#acknowledge(head);
    return true;
  }

  #acknowledge({ qos, packetId }: PublishHead): void {
    const { toBroker, upstream } = this.#parts;
    if (qos === 0) return;
    const type = qos === 1 ? packetType.puback : packetType.pubrec;
    toBroker.send(encodeAcknowledgement(upstream.protocol, { type, packetId }));
  }

  #noteRetained(head: PublishHead): void {
    const { assessor, desk } = this.#parts;
    if (assessor === undefined) return;
    const topic = head.topic();
    const held = desk.subscriptions();
    if (held.has(topic)) return;
    for (const filter of held.keys()) {
      const { filter: plain, hasWildcard } = parseTopicFilter(filter);
      if (!hasWildcard || !matchesTopicFilter(plain, topic)) continue;
      assessor.noteRetainedDelivery(topic, true);
      return;
    }
  }

  #distrust(): PacketVerdict {
    const message = 'a PUBLISH that is malformed, or has a topic alias that was not offered';
    this.#parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message });
    return 'stop';
  }
}
