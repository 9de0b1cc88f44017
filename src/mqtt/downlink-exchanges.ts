import { packetType } from './control-packet.ts';

/** Where an exchange that a broker began stands. */
export const downlinkState = {
  none: 0,
  sent1: 1,
  /** QoS 2: PUBREC, then PUBREL of the broker, then PUBCOMP are awaited. */
  sent2: 2,
  received2: 3,
  released2: 4,
  /** QoS 2 that the device does not get, or refused: PUBREL of the broker is answered here. */
  swallowed: 5,
} as const;

/** Which of a session's two places for legs an exchange belongs to. */
export type LegSlot = 0 | 1;

/** In place of a slot: the broker that began it is gone, and the gateway finishes it with the device. */
export const nobody = 2;

/** What becomes of an acknowledgement of the device. The object is used again. */
export interface DownlinkAnswer {
  /** False: the exchange is not known, or awaits another packet. */
  isExpected: boolean;
  /** The leg that it goes on to; `nobody`: none. */
  slot: LegSlot | typeof nobody;
  upstreamId: number;
  /** False: the broker that took the session up has not said it again yet, and is answered when it does. */
  isPassed: boolean;
}

/**
 * QoS 1 and 2 exchanges that brokers began. The device sees the broker's own number wherever it is free; only while two
 * legs deliver can it be taken, and then one from the top of the range stands for it. By device identifier: the state in
 * the lower four bits, the slot in two, the upstream identifier above them.
 */
export class DownlinkExchanges {
  #exchangeByDeviceId: Map<number, number> | undefined;
  /** Device identifiers by upstream ones, where they differ. */
  readonly #otherIds: [Map<number, number> | undefined, Map<number, number> | undefined] = [undefined, undefined];
  readonly #swallowed: [Set<number> | undefined, Set<number> | undefined] = [undefined, undefined];
  /**
   * Upstream identifiers of a session that was taken up, until the broker says them again, each with the answer that the
   * device has given meanwhile; 0: none.
   */
  readonly #awaited: [Map<number, number> | undefined, Map<number, number> | undefined] = [undefined, undefined];
  readonly #inflightBySlot: [number, number, number] = [0, 0, 0];
  readonly #answer: DownlinkAnswer = { isExpected: false, slot: nobody, upstreamId: 0, isPassed: true };
  #next = 0xffff;

  /** Exchanges that the device has not finished: what its Receive Maximum counts. */
  get inflight(): number {
    return this.#exchangeByDeviceId?.size ?? 0;
  }

  get size(): number {
    return this.inflight + (this.#swallowed[0]?.size ?? 0) + (this.#swallowed[1]?.size ?? 0);
  }

  /** What one leg's broker waits for. */
  sizeOn(slot: LegSlot): number {
    return this.#inflightBySlot[slot] + (this.#swallowed[slot]?.size ?? 0);
  }

  /** Whether the device has something in flight that this leg's broker does not know of. */
  hasForeign(slot: LegSlot): boolean {
    return this.inflight !== this.#inflightBySlot[slot];
  }

  stateOf(slot: LegSlot, upstreamId: number): number {
    if (this.#swallowed[slot]?.has(upstreamId) === true) return downlinkState.swallowed;
    return this.stateOfDevice(this.#deviceIdOf(slot, upstreamId));
  }

  stateOfDevice(deviceId: number): number {
    return (this.#exchangeByDeviceId?.get(deviceId) ?? 0) & 0x0f;
  }

  /** The leg of an exchange that the device knows by that number. */
  slotOf(deviceId: number): LegSlot | typeof nobody {
    const exchange = this.#exchangeByDeviceId?.get(deviceId);
    return exchange === undefined ? nobody : (((exchange >> 4) & 0x03) as LegSlot | typeof nobody);
  }

  /** The number that the device gets it under; 0: all are taken. */
  begin(slot: LegSlot, upstreamId: number, qos: 1 | 2): number {
    const known = this.#deviceIdOf(slot, upstreamId);
    const deviceId = known === 0 ? this.#take(slot, upstreamId) : known;
    if (deviceId !== 0) this.#set(deviceId, qos === 1 ? downlinkState.sent1 : downlinkState.sent2, slot, upstreamId);
    return deviceId;
  }

  /** It was not sent to the device after all. */
  undo(deviceId: number): void {
    this.#end(deviceId);
  }

  /** The device does not get it; QoS 2 waits for the broker's PUBREL. */
  swallow(slot: LegSlot, upstreamId: number): void {
    const swallowed = this.#swallowed[slot] ?? new Set();
    swallowed.add(upstreamId);
    this.#swallowed[slot] = swallowed;
  }

  /** Whether the window opens only with a PUBREL of that leg's broker. */
  awaitsRelease(slot: LegSlot): boolean {
    for (const exchange of this.#exchangeByDeviceId?.values() ?? []) {
      if ((exchange & 0x3f) === (downlinkState.received2 | (slot << 4))) return true;
    }
    return false;
  }

  /** The device refused a QoS 2 message (MQTT 5) and the broker has no word for that: its PUBREL is answered here. */
  refuse(deviceId: number): DownlinkAnswer {
    const answer = this.#found(deviceId);
    if (answer.slot !== nobody) this.swallow(answer.slot, answer.upstreamId);
    this.#end(deviceId);
    return answer;
  }

  /** PUBACK, PUBREC or PUBCOMP of the device. `isRefusal`: PUBREC with a reason from 0x80. */
  handleAnswer(type: number, deviceId: number, isRefusal: boolean): DownlinkAnswer {
    const answer = this.#found(deviceId);
    const state = this.stateOfDevice(deviceId);
    const ends =
      (type === packetType.puback && state === downlinkState.sent1) ||
      (type === packetType.pubcomp && state === downlinkState.released2) ||
      (type === packetType.pubrec && state === downlinkState.sent2 && isRefusal);
    const isReceived =
      type === packetType.pubrec &&
      (state === downlinkState.sent2 || state === downlinkState.received2 || state === downlinkState.released2);
    answer.isExpected = ends || isReceived;
    if (answer.slot !== nobody && answer.isExpected && this.isAwaited(answer.slot, answer.upstreamId)) {
      this.#awaited[answer.slot]?.set(answer.upstreamId, type);
      answer.isPassed = false;
    }
    if (ends) this.#end(deviceId);
    else if (isReceived && state === downlinkState.sent2) this.#setState(deviceId, downlinkState.received2);
    return answer;
  }

  /**
   * PUBREL of a broker: the device's number of the exchange, or 0: the gateway answers with PUBCOMP. An unknown one goes on:
   * it belongs to a session that both sides have resumed.
   */
  release(slot: LegSlot, upstreamId: number): number {
    if (this.#swallowed[slot]?.delete(upstreamId) === true) return 0;
    const known = this.#deviceIdOf(slot, upstreamId);
    if (known === 0 && this.#exchangeByDeviceId?.has(upstreamId) === true) return 0;
    if (known === 0) this.#inflightBySlot[slot] += 1;
    const deviceId = known === 0 ? upstreamId : known;
    this.#set(deviceId, downlinkState.released2, slot, upstreamId);
    return deviceId;
  }

  /** The broker has taken the session up on another connection: it says again what was not acknowledged there. */
  resume(slot: LegSlot): void {
    // What was answered before an earlier loss still waits to be said again.
    const awaited = new Map([...(this.#awaited[slot] ?? [])].filter(([, answer]) => answer !== 0));
    for (const exchange of this.#exchangeByDeviceId?.values() ?? []) {
      if (((exchange >> 4) & 0x03) === slot) awaited.set(exchange >> 6, awaited.get(exchange >> 6) ?? 0);
    }
    this.#awaited[slot] = awaited.size > 0 ? awaited : undefined;
  }

  /** The leg is lost that the answer (a packet type) would go to: a broker that takes the session up says the message again. */
  keepAnswer(slot: LegSlot, upstreamId: number, type: number): void {
    const awaited = this.#awaited[slot] ?? new Map<number, number>();
    awaited.set(upstreamId, type);
    this.#awaited[slot] = awaited;
  }

  isAwaited(slot: LegSlot, upstreamId: number): boolean {
    return this.#awaited[slot]?.has(upstreamId) ?? false;
  }

  /** The broker has said it again: the answer that the device gave (a packet type), or 0. */
  takeAwaited(slot: LegSlot, upstreamId: number): number {
    const answer = this.#awaited[slot]?.get(upstreamId) ?? 0;
    this.#awaited[slot]?.delete(upstreamId);
    if (this.#awaited[slot]?.size === 0) this.#awaited[slot] = undefined;
    return answer;
  }

  /** The broker uses the identifier for another message: it had the answer to the one before, which the device may not have given. */
  replaceAwaited(slot: LegSlot, upstreamId: number): void {
    this.takeAwaited(slot, upstreamId);
    const deviceId = this.#deviceIdOf(slot, upstreamId);
    const exchange = this.#exchangeByDeviceId?.get(deviceId);
    if (exchange === undefined) return;
    this.#otherIds[slot]?.delete(upstreamId);
    this.#exchangeByDeviceId?.set(deviceId, (exchange & 0x0f) | (nobody << 4));
    this.#inflightBySlot[slot] -= 1;
    this.#inflightBySlot[nobody] += 1;
  }

  /** The gateway said PUBREL to the device for a broker that is gone. */
  released(deviceId: number): void {
    this.#setState(deviceId, downlinkState.released2);
  }

  /**
   * The leg's broker is gone and its session with it. Gives the device's numbers of QoS 2 exchanges that wait for its
   * PUBREL: the gateway says it now, and finishes with the device what else is open.
   */
  orphan(slot: LegSlot): number[] {
    const released: number[] = [];
    for (const [deviceId, exchange] of this.#exchangeByDeviceId ?? []) {
      if (((exchange >> 4) & 0x03) !== slot) continue;
      let state = exchange & 0x0f;
      if (state === downlinkState.received2) {
        state = downlinkState.released2;
        released.push(deviceId);
      }
      this.#exchangeByDeviceId?.set(deviceId, state | (nobody << 4));
      this.#inflightBySlot[slot] -= 1;
      this.#inflightBySlot[nobody] += 1;
    }
    this.#otherIds[slot] = undefined;
    this.#swallowed[slot] = undefined;
    this.#awaited[slot] = undefined;
    return released;
  }

  #deviceIdOf(slot: LegSlot, upstreamId: number): number {
    const other = this.#otherIds[slot]?.get(upstreamId);
    if (other !== undefined) return other;
    const exchange = this.#exchangeByDeviceId?.get(upstreamId);
    return exchange !== undefined && exchange >> 4 === (slot | (upstreamId << 2)) ? upstreamId : 0;
  }

  #take(slot: LegSlot, upstreamId: number): number {
    const deviceId = this.#exchangeByDeviceId?.has(upstreamId) === true ? this.#freeId() : upstreamId;
    if (deviceId === 0) return 0;
    this.#inflightBySlot[slot] += 1;
    if (deviceId === upstreamId) return deviceId;
    const others = this.#otherIds[slot] ?? new Map<number, number>();
    others.set(upstreamId, deviceId);
    this.#otherIds[slot] = others;
    return deviceId;
  }

  #freeId(): number {
    for (let tried = 0; tried < 0xffff; tried += 1) {
      const candidate = this.#next;
      this.#next = candidate === 1 ? 0xffff : candidate - 1;
      if (this.#exchangeByDeviceId?.has(candidate) !== true) return candidate;
    }
    return 0;
  }

  #found(deviceId: number): DownlinkAnswer {
    const exchange = this.#exchangeByDeviceId?.get(deviceId) ?? nobody << 4;
    this.#answer.isExpected = false;
    this.#answer.isPassed = true;
    this.#answer.slot = ((exchange >> 4) & 0x03) as LegSlot | typeof nobody;
    this.#answer.upstreamId = exchange >> 6;
    return this.#answer;
  }

  #end(deviceId: number): void {
    const exchange = this.#exchangeByDeviceId?.get(deviceId);
    if (exchange === undefined) return;
    this.#exchangeByDeviceId?.delete(deviceId);
    const slot = ((exchange >> 4) & 0x03) as LegSlot | typeof nobody;
    this.#inflightBySlot[slot] -= 1;
    const upstreamId = exchange >> 6;
    if (slot !== nobody && upstreamId !== deviceId) this.#otherIds[slot]?.delete(upstreamId);
  }

  #setState(deviceId: number, state: number): void {
    const exchange = this.#exchangeByDeviceId?.get(deviceId);
    if (exchange !== undefined) this.#exchangeByDeviceId?.set(deviceId, (exchange & ~0x0f) | state);
  }

  #set(deviceId: number, state: number, slot: LegSlot, upstreamId: number): void {
    this.#exchangeByDeviceId ??= new Map();
    this.#exchangeByDeviceId.set(deviceId, state | (slot << 4) | (upstreamId << 6));
  }
}
