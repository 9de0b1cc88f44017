import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import { maxPacketBytes, packetType } from './control-packet.ts';
import { downlinkState } from './downlink-exchanges.ts';
import { type PacketSpan, type PacketVerdict, spanOfPacket } from './packet-stream.ts';
import { payloadDigest } from './payload-digest.ts';
import { changedPacketBytes, encodePublishHead } from './publish-encoding.ts';
import type { PublishHead } from './publish-head.ts';
import type { SessionParts } from './session-parts.ts';
import { matchesTopicFilter, parseTopicFilter } from './topic.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

const noIdentifiers: readonly number[] = [];

/** PUBLISH packets of one leg's broker: given to the device, held for its window, or acknowledged where it is not to have them. */
export class BrokerPublish {
  readonly #parts: SessionParts;
  readonly #leg: UpstreamLeg;
  readonly #head: PublishHead;
  /** Whether the device bounds what it has in flight. */
  readonly #hasWindow: boolean;
  /** Whether the broker knows the device's Receive Maximum, and keeps it as far as its own deliveries go. */
  readonly #keepsWindow: boolean;
  /** Whether the broker does not know how much the device takes. */
  readonly #checksSize: boolean;
  #payloadGoes: 'device' | 'nowhere' = 'device';

  constructor(parts: SessionParts, leg: UpstreamLeg) {
    const { device } = parts;
    this.#parts = parts;
    this.#leg = leg;
    this.#head = parts.scratch.brokerHead(leg.upstream.protocol);
    this.#hasWindow = device.receiveMaximum < 65_535;
    this.#keepsWindow = leg.upstream.protocol === '5';
    this.#checksSize = device.maximumPacketSize < maxPacketBytes;
  }

  handle(span: PacketSpan): PacketVerdict {
    const { nowMs } = this.#parts;
    const { heldFromBroker } = this.#leg;
    const head = this.#head;
    if (head.read(span) !== 0 || head.hasTopicAlias) return this.#distrust();
    if (head.qos > 0 && this.#isAwaited(head)) return 'proceed';
    if (head.qos > 0 && head.isDuplicate && this.#isUnderWay(head)) {
      this.#swallowRepeat(head);
      return 'proceed';
    }
    if (heldFromBroker.size === 0 && this.#carry(head)) return 'proceed';
    const isLarge = head.packetBytes > head.end - head.start;
    if (!isLarge && heldFromBroker.hold(span.bytes.subarray(span.start, span.end), nowMs)) return 'proceed';
    return isLarge || !this.#holdUrgent(span, head.qos) ? 'block' : 'proceed';
  }

  /** What a broker that took the session up says again: it is answered as the device has answered, or will. */
  #isAwaited(head: PublishHead): boolean {
    const { downlink } = this.#parts;
    const { slot, output, upstream } = this.#leg;
    const { packetId } = head;
    if (!downlink.isAwaited(slot, packetId)) return false;
    if (!head.isDuplicate) {
      downlink.replaceAwaited(slot, packetId);
      return false;
    }
    this.#payloadGoes = 'nowhere';
    const type = downlink.takeAwaited(slot, packetId);
    if (type === packetType.puback || type === packetType.pubrec) {
      output.send(encodeAcknowledgement(upstream.protocol, { type, packetId }));
    } else if (downlink.stateOf(slot, packetId) === downlinkState.received2) this.#acknowledge(head);
    return true;
  }

  #isWindowFull(): boolean {
    const { downlink, device } = this.#parts;
    if (!this.#hasWindow || (this.#keepsWindow && !downlink.hasForeign(this.#leg.slot))) return false;
    return downlink.inflight >= device.receiveMaximum;
  }

  #isSeen(head: PublishHead): boolean {
    const { values } = this.#parts;
    const { askedAnew, isRelieved, upstream } = this.#leg;
    const isSeen = isRelieved
      ? values.isRecent(head)
      : // What changed meanwhile waits in a session that was taken up, and comes ahead of this.
        values.isLast(head) || (upstream.sessionPresent && values.isEarlier(head));
    if (!isSeen) return false;
    return !askedAnew.some((filter) => matchesTopicFilter(parseTopicFilter(filter).filter, head.topic()));
  }

  /** Where the window opens only with a PUBREL, which lies behind this packet, the stream may not stand still. */
  #holdUrgent(span: PacketSpan, qos: number): boolean {
    const { downlink, port, nowMs } = this.#parts;
    const { heldFromBroker, slot } = this.#leg;
    if (!downlink.awaitsRelease(slot)) return false;
    if (qos > 0) return heldFromBroker.hold(span.bytes.subarray(span.start, span.end), nowMs, true);
    port.dropped('held-overflow');
    return true;
  }

  releaseHeld(): void {
    const { heldFromBroker } = this.#leg;
    if (this.#parts.passing !== undefined && this.#parts.passing !== this.#leg) return;
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
    if (!isLast) return;
    this.#parts.toDevice.endPacket();
    this.#parts.passing = undefined;
  }

  /** False: it waits for the device's window. */
  #carry(head: PublishHead): boolean {
    const parts = this.#parts;
    const { nowMs } = parts;
    const { desk, pace } = this.#leg;
    const { qos } = head;
    if (qos > 0 && this.#isWindowFull()) return false;
    if (pace.isBound) pace.note(nowMs);
    if (head.retain && this.#leg.restoringUntilMs > nowMs && this.#isSeen(head))
      return this.#drop(head, 'retained-seen');
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
    const { downlink } = this.#parts;
    const { heldFromBroker, slot } = this.#leg;
    if (downlink.stateOf(slot, packetId) !== downlinkState.none) return true;
    return heldFromBroker.size > 0 && heldFromBroker.holdsSame(bytes.subarray(start, end));
  }

  /**
   * A broker repeats only what the device has and has not acknowledged yet. Behind a resumed session it may have missed that
   * the device's PUBREC came.
   */
  #swallowRepeat(head: PublishHead): true {
    this.#payloadGoes = 'nowhere';
    const state = this.#parts.downlink.stateOf(this.#leg.slot, head.packetId);
    const isReceived = state === downlinkState.swallowed || (state === downlinkState.received2 && head.qos === 2);
    if (isReceived) this.#acknowledge(head);
    return true;
  }

  /** False: the device has every identifier in flight. */
  #send(head: PublishHead, subscriptionIdentifiers: readonly number[]): boolean {
    const { toDevice, device, downlink, values, overlap } = this.#parts;
    const { sameForm, slot } = this.#leg;
    const { bytes, start, end, firstByte, packetId, qos, packetIdAt } = head;
    const deviceId = qos === 0 ? 0 : downlink.begin(slot, packetId, qos as 1 | 2);
    if (qos > 0 && deviceId === 0) return false;
    if (sameForm && subscriptionIdentifiers.length === 0) {
      if (this.#checksSize && head.packetBytes > device.maximumPacketSize) return this.#dropLarge(head, deviceId);
      values.note(head);
      overlap?.note(head, slot);
      if (deviceId !== packetId && qos > 0) bytes.writeUInt16BE(deviceId, packetIdAt);
      toDevice.pass(bytes, start, end);
    } else {
      const change = { firstByte, packetId: deviceId, protocol: device.protocol, subscriptionIdentifiers };
      const encoded = encodePublishHead(head, change);
      if (changedPacketBytes(head, encoded) > device.maximumPacketSize) return this.#dropLarge(head, deviceId);
      if (device.protocol !== '5' && !head.properties.isEmpty) this.#parts.adapted('properties');
      values.note(head);
      overlap?.note(head, slot);
      toDevice.send(encoded);
      toDevice.pass(bytes, head.payloadAt, end);
    }
    if (head.packetBytes > end - start) {
      this.#payloadGoes = 'device';
      this.#parts.passing = this.#leg;
      toDevice.beginPacket();
    }
    return true;
  }

  #dropLarge(head: PublishHead, deviceId: number): true {
    if (deviceId !== 0) this.#parts.downlink.undo(deviceId);
    return this.#drop(head, 'device-packet-size');
  }

  /** The broker is told that it went well: nobody else is to get it, and it would send it again otherwise. */
  #drop(head: PublishHead, reason: 'not-wanted' | 'device-packet-size' | 'retained-seen'): true {
    this.#payloadGoes = 'nowhere';
    this.#parts.port.dropped(reason);
    if (head.qos === 2) this.#parts.downlink.swallow(this.#leg.slot, head.packetId);
    this.#acknowledge(head);
    return true;
  }

  #acknowledge({ qos, packetId }: PublishHead): void {
    const { output, upstream } = this.#leg;
    if (qos === 0) return;
    const type = qos === 1 ? packetType.puback : packetType.pubrec;
    output.send(encodeAcknowledgement(upstream.protocol, { type, packetId }));
  }

  #noteRetained(head: PublishHead): void {
    const { assessor } = this.#parts;
    const { desk } = this.#leg;
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
    this.#parts.leaveLeg(this.#leg, message);
    return 'stop';
  }
}
