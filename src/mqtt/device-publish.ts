import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import type { AdaptationKind, Obstacle } from './adaptation-kind.ts';
import { packetType } from './control-packet.ts';
import { reasonOfObstacle } from './delivery-limits.ts';
import type { HeldPacket } from './held-packets.ts';
import { type PacketSpan, type PacketVerdict, spanOfPacket } from './packet-stream.ts';
import { payloadDigest } from './payload-digest.ts';
import { encodePublishHead, spanOfPublish } from './publish-encoding.ts';
import type { PublishHead } from './publish-head.ts';
import { reasonCode } from './reason-code.ts';
import { exceedsReceiveMaximum, legOfUplink, type SessionParts } from './session-parts.ts';
import { exampleCharacters } from './target-assessor.ts';
import { TopicAliases } from './topic-aliases.ts';
import { uplinkState } from './uplink-exchanges.ts';

const dupFlag = 0x08;

/** PUBLISH packets of the device: judged, then sent on, held until a window opens, or answered where they cannot go on. */
export class DevicePublish {
  readonly #parts: SessionParts;
  readonly #aliases: TopicAliases;
  readonly #head: PublishHead;
  /** The packet with its topic instead of an alias. */
  readonly #plainHead: PublishHead;
  /** Where the payload goes that follows a large PUBLISH. */
  #payloadGoes: 'broker' | 'nowhere' = 'broker';
  /** What the packet waits for that `#carry` did not let pass. */
  #waitsFor: AdaptationKind | undefined;
  /** The packet was sent on a leg that is lost: it has its place among the acknowledgements. */
  #isAgain = false;

  constructor(parts: SessionParts) {
    const { device } = parts;
    this.#parts = parts;
    this.#aliases = new TopicAliases(device.told.topicAliasMaximum);
    this.#head = parts.scratch.deviceHead(device.protocol);
    this.#plainHead = parts.scratch.plainHead(device.protocol);
  }

  handle(span: PacketSpan): PacketVerdict {
    const parts = this.#parts;
    const fault = this.#head.read(span) || this.#faultOf(this.#head);
    if (fault !== 0) return this.#refuse(fault, 'PUBLISH is not well-formed or not allowed');
    const head = this.#head.hasTopicAlias ? this.#withoutAlias(this.#head) : this.#head;
    if (head === undefined) return 'stop';
    parts.assessor?.notePublish(head, parts.nowMs);
    parts.topics?.notePublish(head, parts.nowMs);
    this.#payloadGoes = 'nowhere';
    if (head.isDuplicate && head.qos > 0 && this.#isUnderWay(head)) return 'proceed';
    if (parts.isQuiescing) return 'block';
    this.#waitsFor = undefined;
    const mayPass = parts.heldFromDevice.size === 0 && !parts.isHolding;
    const isNamedAlias = head !== this.#head && this.#head.topicBytes > 0;
    const verdict = mayPass && this.#carry(head) ? 'proceed' : this.#hold(head);
    if (verdict !== 'proceed') return verdict;
    if (isNamedAlias) parts.adapted('topic-alias');
    return parts.end === undefined ? 'proceed' : 'stop';
  }

  /** A held packet's turn. False: it waits on. */
  handleHeld(span: PacketSpan, held: HeldPacket): boolean {
    this.#isAgain = held.isAgain ?? false;
    const isCarried = this.#carryHeld(span, held);
    this.#isAgain = false;
    return isCarried;
  }

  /** Sends an exchange again on the leg that has taken its broker's session up, under the identifier that it has there. */
  repeat(packet: Buffer, upstreamId: number, qos: 1 | 2): void {
    const head = this.#plainHead;
    if (head.read(spanOfPacket(Buffer.from(packet))) !== 0) return;
    this.#send(head, (head.firstByte & 0xf1) | dupFlag | (qos << 1), upstreamId);
  }

  /**
   * Sends a message in the device's place, which has its PUBREC: at QoS 1, because the device will not say it again.
   * False: this broker cannot take it.
   */
  sendOwn(packet: Buffer, upstreamId: number): boolean {
    const { leg } = this.#parts;
    const head = this.#plainHead;
    if (head.read(spanOfPacket(Buffer.from(packet))) !== 0) return false;
    if (leg.limits.isBound && leg.limits.obstacleOf(head) !== undefined) return false;
    return this.#send(head, (head.firstByte & 0xf1) | dupFlag | 0x02, upstreamId);
  }

  #carryHeld(span: PacketSpan, held: HeldPacket): boolean {
    const head = this.#head;
    if (head.read(span) !== 0) return true;
    const { messageExpiryInterval } = head.properties;
    if (messageExpiryInterval >= 0 && this.#parts.device.protocol === '5') {
      const waitedSeconds = Math.floor((this.#parts.nowMs - held.heldAtMs) / 1_000);
      if (waitedSeconds >= messageExpiryInterval) return this.#expire(head);
      if (waitedSeconds > 0) {
        span.bytes.writeUInt32BE(messageExpiryInterval - waitedSeconds, head.properties.messageExpiryAt + 1);
        // It may have to wait on: these seconds are counted.
        held.heldAtMs += waitedSeconds * 1_000;
      }
    }
    return this.#carry(head);
  }

  handlePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const { output } = this.#parts.leg;
    if (this.#payloadGoes === 'nowhere') return;
    output.pass(bytes, start, end);
    if (isLast) output.endPacket();
  }

  /** What the version and CONNACK forbid; an MQTT 5 reason code, or 0. */
  #faultOf(head: PublishHead): number {
    const { told, protocol } = this.#parts.device;
    if (head.qos === 0 && head.isDuplicate) {
      if (protocol !== '3.1') return reasonCode.malformedPacket; // [MQTT-3.3.1-2]
      head.bytes[head.start] = head.firstByte & 0xf7;
      head.firstByte &= 0xf7;
    }
    if (protocol !== '5') return 0;
    if (head.properties.hasSubscriptionIdentifier) return reasonCode.protocolError; // [MQTT-3.3.4-6]
    if (head.qos > told.maximumQos) return reasonCode.qosNotSupported; // [MQTT-3.2.2-11]
    if (head.retain && !told.retainAvailable) return reasonCode.retainNotSupported; // [MQTT-3.2.2-14]
    if (head.packetBytes > told.maximumPacketSize) {
      this.#parts.port.obstructed('payload-size', `${head.packetBytes} bytes`);
      return reasonCode.packetTooLarge; // [MQTT-3.2.2-15]
    }
    return 0;
  }

  /** Undefined: the alias is not one that may be used, and the session has failed. */
  #withoutAlias(head: PublishHead): PublishHead | undefined {
    const alias = head.properties.topicAlias;
    const isNamed = head.topicBytes > 0;
    if (!this.#aliases.isAllowed(alias)) {
      this.#refuse(reasonCode.topicAliasInvalid, `topic alias ${alias} is above the maximum`);
      return undefined;
    }
    if (isNamed && !this.#aliases.set(alias, head.bytes.subarray(head.topicAt, head.topicEnd))) {
      this.#refuse(reasonCode.quotaExceeded, 'the topics of its topic aliases are too long together');
      return undefined;
    }
    const topic = this.#aliases.topicOf(alias);
    if (topic === undefined) {
      this.#refuse(reasonCode.protocolError, `topic alias ${alias} was not set`); // MQTT 5 §3.3.2.3.4
      return undefined;
    }
    const { firstByte, packetId } = head;
    const encoded = encodePublishHead(head, { firstByte, packetId, protocol: '5', topic });
    this.#plainHead.read(spanOfPublish(encoded, head));
    return this.#plainHead;
  }

  /** A device that says a PUBLISH again on a timer: it waits here or at the broker, or its acknowledgement for its turn. */
  #isUnderWay(head: PublishHead): boolean {
    const { ackOrder, heldFromDevice } = this.#parts;
    const { packetId, qos, bytes, start, end } = head;
    const state = legOfUplink(this.#parts, packetId).uplink.stateOf(packetId);
    if (qos === 1 && state === uplinkState.sent1) return true;
    if (qos === 2 && (state === uplinkState.sent2 || state === uplinkState.forwarded)) return true;
    if (ackOrder.isEarly(packetId)) return true;
    return heldFromDevice.size > 0 && heldFromDevice.holdsSame(bytes.subarray(start, end));
  }

  #hold(head: PublishHead): PacketVerdict {
    const { heldFromDevice, leg, nowMs, isHolding } = this.#parts;
    const { bytes, start, end, packetBytes, qos } = head;
    if (packetBytes > end - start) {
      if (leg.isOver && heldFromDevice.hasRoom(packetBytes, isHolding)) return 'collect';
    } else if (heldFromDevice.hold(bytes.subarray(start, end), nowMs, isHolding)) {
      if (this.#waitsFor !== undefined) this.#parts.adapted(this.#waitsFor);
      return 'proceed';
    }
    // Without a broker what lies behind it would lie there for long, and pings are among it.
    if (qos > 0 || !leg.isOver) return 'block';
    this.#parts.port.dropped('held-overflow');
    return 'proceed';
  }

  /** Sends the packet on, or answers it. False: it has to wait. */
  #carry(head: PublishHead): boolean {
    const { ackOrder, leg } = this.#parts;
    const { packetId, qos } = head;
    // Its identifier is used again before the device was told of the message that had it.
    if (qos > 0 && ackOrder.isEarly(packetId)) return false;
    if (qos > 0) {
      const holder = legOfUplink(this.#parts, packetId);
      const state = holder.uplink.stateOf(packetId);
      if (state !== uplinkState.none) {
        return holder === leg ? this.#carryRepeat(head, state) : this.#carryFormer(head, state);
      }
    }
    const obstacle = leg.limits.isBound ? leg.limits.obstacleOf(head) : undefined;
    if (obstacle !== undefined) return this.#handleUndeliverable(head, obstacle);
    if (this.#mustWait(qos)) return false;
    if (qos === 0) return this.#send(head, head.firstByte, 0);
    return this.#carryNew(head, qos);
  }

  #carryNew(head: PublishHead, qos: 1 | 2): boolean {
    const parts = this.#parts;
    const { ackOrder, leg, nowMs } = parts;
    const { uplink, patience, unacknowledged } = leg;
    const { packetId } = head;
    // An identifier that is used again has its place in the order: one answer comes for both.
    const hasPlace = this.#isAgain || (uplink.stateOf(packetId) !== uplinkState.none && ackOrder.has(packetId));
    if (!uplink.isOwedByBroker) patience.asked(nowMs);
    const upstreamId = uplink.begin(packetId, qos);
    if (upstreamId === undefined) return false;
    if (!hasPlace) ackOrder.push(packetId);
    if (this.#isAgain) leg.repeated.add(packetId);
    parts.assessor?.noteInflight(uplink.inflight);
    if (head.packetBytes === head.end - head.start) {
      unacknowledged.keep(packetId, head.bytes.subarray(head.start, head.end));
    }
    if (qos <= leg.upstream.capabilities.maximumQos) return this.#send(head, head.firstByte, upstreamId);
    parts.adapted('qos2-publish');
    // The exchange upstream is a new one: DUP is its own affair.
    return this.#send(head, (head.firstByte & 0xf1) | 0x02 | (this.#isAgain ? dupFlag : 0), upstreamId);
  }

  /** An identifier that is in use on the leg that drains: a retry is answered, anything else waits for that exchange's end. */
  #carryFormer(head: PublishHead, state: number): boolean {
    const isTaken = state === uplinkState.kept || state === uplinkState.releasedHere;
    if (head.qos === 2 && isTaken) {
      if (!this.#parts.ackOrder.has(head.packetId)) this.#answer(head, packetType.pubrec, 0);
      return true;
    }
    return head.isDuplicate && state !== uplinkState.released2 && !isTaken;
  }

  /** A PUBLISH whose identifier is in use: a retry, or a device that has forgotten. */
  #carryRepeat(head: PublishHead, state: number): boolean {
    const parts = this.#parts;
    const { packetId, qos } = head;
    switch (state) {
      case uplinkState.kept: // [MQTT-4.3.3-10]: until PUBREL the same identifier is the same message
        if (qos === 1) return this.#mustWait(qos) ? false : this.#carryNew(head, qos);
        if (!parts.ackOrder.has(packetId)) this.#answer(head, packetType.pubrec, 0);
        return true;
      case uplinkState.releasedHere:
        if (qos === 2 && !parts.ackOrder.has(packetId)) this.#answer(head, packetType.pubrec, 0);
        return qos === 2;
      case uplinkState.forwarded:
        return qos === 2;
      case uplinkState.sent1:
        return qos === 1 && head.isDuplicate;
      case uplinkState.released2:
        return false;
      default:
        if (qos === 1) return this.#mustWait(qos) ? false : this.#carryNew(head, qos);
        if (state === uplinkState.sent2 && head.isDuplicate) return true;
        return this.#send(head, head.firstByte, parts.leg.uplink.upstreamIdOf(packetId));
    }
  }

  #mustWait(qos: number): boolean {
    const { nowMs, leg } = this.#parts;
    const { pace } = leg;
    if (qos > 0 && exceedsReceiveMaximum(this.#parts)) {
      this.#refuse(reasonCode.receiveMaximumExceeded, 'more is unacknowledged than the Receive Maximum allows');
      return true;
    }
    if (qos > 0 && !leg.hasWindow) {
      this.#waitsFor = 'inflight-window';
      return true;
    }
    if (!pace.isBound || pace.nextAtMs(nowMs) <= nowMs) return false;
    this.#waitsFor = 'publish-rate';
    return true;
  }

  #send(head: PublishHead, firstByte: number, upstreamId: number): true {
    const { nowMs, leg } = this.#parts;
    const { output, pace, desk, sameForm, upstream } = leg;
    const { bytes, start, end, packetIdAt } = head;
    if (pace.isBound) pace.note(nowMs);
    if (desk.watchesOwnPublishes && head.packetBytes === end - start) {
      desk.noteOwnPublish(head.topic(), payloadDigest(bytes, head.payloadAt, end), nowMs);
    }
    if (sameForm) {
      bytes[start] = firstByte;
      if (packetIdAt !== 0 && upstreamId !== head.packetId) bytes.writeUInt16BE(upstreamId, packetIdAt);
      output.pass(bytes, start, end);
    } else {
      if (!head.properties.isEmpty) this.#parts.adapted('properties');
      output.send(encodePublishHead(head, { firstByte, packetId: upstreamId, protocol: upstream.protocol }));
      output.pass(bytes, head.payloadAt, end);
    }
    if (head.packetBytes > end - start) {
      this.#payloadGoes = 'broker';
      output.beginPacket();
    }
    return true;
  }

  #handleUndeliverable(head: PublishHead, obstacle: Obstacle): boolean {
    const { port, leg, device } = this.#parts;
    const topic = head.topic();
    port.obstructed(obstacle, topic.slice(0, exampleCharacters));
    this.#payloadGoes = 'nowhere';
    if (leg.upstream.undeliverable === 'acknowledge') {
      const payload = Buffer.from(head.bytes.subarray(head.payloadAt, head.end));
      const { qos, retain, payloadBytes } = head;
      if (!port.recordDropped({ obstacle, topic, qos, retain, payloadBytes, payload })) return true;
      port.dropped('undeliverable');
      this.#acknowledgeHere(head, 0);
      return true;
    }
    port.dropped('refused');
    const reason = reasonOfObstacle(obstacle);
    if (device.protocol === '5' && head.qos > 0) this.#acknowledgeHere(head, reason);
    else this.#refuse(reason, `the broker cannot take this PUBLISH: ${obstacle}`);
    return true;
  }

  #expire(head: PublishHead): true {
    this.#parts.port.dropped('expired');
    this.#acknowledgeHere(head, 0);
    return true;
  }

  /** The answer that no broker gave: because the message ends here, with a record or a reason. */
  #acknowledgeHere(head: PublishHead, reason: number): void {
    const { qos, packetId } = head;
    if (qos === 0) return;
    if (qos === 2 && reason < 0x80) this.#parts.leg.uplink.keep(packetId);
    this.#answer(head, qos === 1 ? packetType.puback : packetType.pubrec, reason);
  }

  #answer({ packetId }: PublishHead, type: 4 | 5, reason: number): void {
    const { ackOrder, toDevice, device } = this.#parts;
    const packet = encodeAcknowledgement(device.protocol, { type, packetId, reason });
    if (this.#isAgain && ackOrder.take(packetId)) {
      toDevice.send(packet);
      for (let early = ackOrder.nextEarly(); early !== undefined; early = ackOrder.nextEarly()) toDevice.send(early);
      return;
    }
    if (ackOrder.size === 0) {
      toDevice.send(packet);
      return;
    }
    if (!this.#isAgain) ackOrder.push(packetId);
    ackOrder.keep(packetId, packet);
  }

  #refuse(reason: number, message: string): PacketVerdict {
    this.#parts.fail({ side: 'device', reason, message });
    return 'stop';
  }
}
