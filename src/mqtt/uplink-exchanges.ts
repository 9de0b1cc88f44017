import { packetType } from './control-packet.ts';
import type { UpstreamIdentifiers } from './upstream-identifiers.ts';

/** Where an exchange that the device began stands. */
export const uplinkState = {
  none: 0,
  /** QoS 1, not acknowledged. */
  sent1: 1,
  /** QoS 2 at the broker too: PUBREC, PUBREL, PUBCOMP are awaited in this order. */
  sent2: 2,
  received2: 3,
  released2: 4,
  /** QoS 2 that ends at the gateway: sent on at QoS 1, PUBACK awaited. */
  forwarded: 5,
  /** A broker has the message, the device its PUBREC (or will have, in its turn); PUBREL is awaited. */
  kept: 6,
  /** QoS 2 at the broker: the gateway said PUBREL in the device's place, whose own is awaited, and PUBCOMP of the broker. */
  releasedHere: 7,
} as const;

/** What becomes of an acknowledgement of the broker. */
export interface UplinkAnswer {
  /** 0: it belongs to nothing of the device's. */
  deviceId: number;
  /** The packet type that the device gets. */
  type: number;
  /** Whether it is a first answer (PUBACK, PUBREC), which leaves in order. */
  isFirst: boolean;
}

/**
 * QoS 1 and 2 exchanges that the device began, on one upstream leg. Numbers in one map: the state in the lower four bits,
 * the upstream identifier above them.
 */
export class UplinkExchanges {
  readonly #endsQos2: boolean;
  readonly #identifiers: UpstreamIdentifiers;
  #exchangeByDeviceId: Map<number, number> | undefined;
  #inflight = 0;
  #adopted = 0;
  #owedByDevice = 0;
  /** Of those, the ones whose PUBREL the broker awaits, too. */
  #received = 0;
  readonly #answer: UplinkAnswer = { deviceId: 0, type: 0, isFirst: false };

  /** `endsQos2`: the broker has no QoS 2, so it ends here. */
  constructor(
    identifiers: UpstreamIdentifiers,
    options: { readonly endsQos2: boolean; readonly kept?: readonly number[] },
  ) {
    this.#identifiers = identifiers;
    this.#endsQos2 = options.endsQos2;
    const kept = options.kept ?? [];
    // A broker with QoS 2 may not have had PUBREL: the identifier is taken there until the device's goes on.
    for (const deviceId of kept) this.#set(deviceId, uplinkState.kept, this.#endsQos2 ? 0 : deviceId);
    this.#adopted = kept.length;
  }

  /** Exchanges that the broker has not finished: what its Receive Maximum counts. */
  get inflight(): number {
    return this.#inflight;
  }

  /** Exchanges that are not finished between device and gateway. */
  get size(): number {
    return this.#exchangeByDeviceId?.size ?? 0;
  }

  /** Exchanges that wait for the device's PUBREL. */
  get owedByDevice(): number {
    return this.#owedByDevice;
  }

  /** Whether some exchange waits for the broker. */
  get isOwedByBroker(): boolean {
    return this.size > this.#owedByDevice;
  }

  /** How many exchanges of earlier connections were gone on with on this one. */
  get adopted(): number {
    return this.#adopted;
  }

  stateOf(deviceId: number): number {
    return (this.#exchangeByDeviceId?.get(deviceId) ?? 0) & 0x0f;
  }

  /** The upstream identifier of an exchange that is under way. */
  upstreamIdOf(deviceId: number): number {
    return (this.#exchangeByDeviceId?.get(deviceId) ?? 0) >> 4;
  }

  /** Whether a broker is not done with the exchange. */
  isWithBroker(deviceId: number): boolean {
    return this.#isWithBroker(this.stateOf(deviceId));
  }

  /** The device's identifiers of all exchanges, in the order in which they began. */
  deviceIds(): number[] {
    return [...(this.#exchangeByDeviceId?.keys() ?? [])];
  }

  /** Upstream identifiers under which the broker may have a message of QoS 2 whose PUBREL it awaits. */
  unreleased(): number[] {
    const isQos1 = (state: number) => state === uplinkState.sent1 || state === uplinkState.forwarded;
    const exchanges = [...(this.#exchangeByDeviceId?.values() ?? [])];
    return exchanges.flatMap((exchange) => (isQos1(exchange & 0x0f) || exchange >> 4 === 0 ? [] : [exchange >> 4]));
  }

  /** The exchange goes on elsewhere: here it never was. */
  forsake(deviceId: number): void {
    const exchange = this.#exchangeByDeviceId?.get(deviceId);
    if (exchange === undefined) return;
    if (this.#isWithBroker(exchange & 0x0f)) this.#end(deviceId, exchange >> 4);
    else this.#delete(deviceId);
  }

  /** Whether an exchange uses the number upstream as it is. */
  usesUpstream(packetId: number): boolean {
    const exchange = this.#exchangeByDeviceId?.get(packetId);
    return exchange !== undefined && exchange >> 4 === packetId;
  }

  /** The device's packets with `deviceId` that the gateway keeps, for the next connection of the session. */
  keptIds(): number[] {
    const kept: number[] = [];
    for (const [deviceId, exchange] of this.#exchangeByDeviceId ?? []) {
      const state = exchange & 0x0f;
      if (state === uplinkState.kept || state === uplinkState.releasedHere) kept.push(deviceId);
    }
    return kept;
  }

  /** Begins an exchange; gives the upstream identifier, or undefined when all are in use. */
  begin(deviceId: number, qos: 1 | 2): number | undefined {
    const before = this.#exchangeByDeviceId?.get(deviceId) ?? 0;
    const isFree = before >> 4 !== deviceId && !this.#identifiers.isOwn(deviceId);
    const upstreamId = isFree ? deviceId : this.#otherIdentifier(deviceId);
    if (upstreamId === undefined) return undefined;
    if (!this.#isWithBroker(before & 0x0f)) this.#inflight += 1;
    this.#set(deviceId, this.#firstState(qos), upstreamId);
    return upstreamId;
  }

  /** Exchanges whose PUBREL is awaited are released without it; gives their upstream identifiers. */
  releaseReceived(): number[] {
    const upstreamIds: number[] = [];
    if (this.#received === 0) return upstreamIds;
    for (const [deviceId, exchange] of this.#exchangeByDeviceId ?? []) {
      if ((exchange & 0x0f) !== uplinkState.received2) continue;
      this.#set(deviceId, uplinkState.releasedHere, exchange >> 4);
      upstreamIds.push(exchange >> 4);
    }
    return upstreamIds;
  }

  /** The gateway has answered the PUBLISH itself: QoS 2 waits for PUBREL. */
  keep(deviceId: number): void {
    this.#set(deviceId, uplinkState.kept, 0);
  }

  /** An answer of the broker (PUBACK, PUBREC, PUBCOMP) with its MQTT 5 reason (0 before). The result is used again. */
  handleAnswer(type: number, upstreamId: number, reason: number): UplinkAnswer {
    const answer = this.#answer;
    const deviceId = this.#identifiers.deviceIdOf(upstreamId);
    const exchange = this.#exchangeByDeviceId?.get(deviceId) ?? 0;
    answer.deviceId = 0;
    if (exchange >> 4 !== upstreamId) return answer;
    answer.type = type;
    answer.isFirst = type !== packetType.pubcomp;
    const isRefused = reason >= 0x80;
    const state = exchange & 0x0f;
    if (type === packetType.puback && state === uplinkState.sent1) this.#end(deviceId, upstreamId);
    else if (type === packetType.puback && state === uplinkState.forwarded)
      this.#endUpstream(deviceId, upstreamId, isRefused);
    else if (type === packetType.pubrec && (state === uplinkState.sent2 || state === uplinkState.released2)) {
      // Behind a PUBREL that did not wait for it, it still is the first answer, and others wait for their turn behind it.
      if (isRefused) this.#end(deviceId, upstreamId);
      else if (state === uplinkState.sent2) this.#set(deviceId, uplinkState.received2, upstreamId);
    } else if (type === packetType.pubrec && state === uplinkState.received2) answer.isFirst = false;
    else if (type === packetType.pubcomp && state === uplinkState.released2) this.#end(deviceId, upstreamId);
    else {
      if (type === packetType.pubcomp && state === uplinkState.releasedHere)
        this.#endUpstream(deviceId, upstreamId, false);
      return answer;
    }
    if (state === uplinkState.forwarded) answer.type = packetType.pubrec;
    answer.deviceId = deviceId;
    return answer;
  }

  /**
   * PUBREL of the device: the upstream identifier that it goes on under, or 0 when the gateway answers it with PUBCOMP
   * itself. An unknown one goes on as it is where the broker has QoS 2: it belongs to a session resumed there.
   */
  release(deviceId: number): number {
    const exchange = this.#exchangeByDeviceId?.get(deviceId) ?? 0;
    const state = exchange & 0x0f;
    if (state === uplinkState.kept) this.#delete(deviceId);
    if (this.#endsQos2) return 0;
    const isWithBroker = state !== uplinkState.none && state !== uplinkState.kept && state !== uplinkState.sent1;
    if (isWithBroker) {
      this.#set(deviceId, uplinkState.released2, exchange >> 4);
      return exchange >> 4;
    }
    if (state !== uplinkState.none && exchange >> 4 !== deviceId) return 0;
    if (state === uplinkState.sent1) return 0;
    this.#adopted += 1;
    this.#inflight += 1;
    this.#set(deviceId, uplinkState.released2, deviceId);
    return deviceId;
  }

  #otherIdentifier(deviceId: number): number | undefined {
    const upstreamId = this.#identifiers.take(undefined, (packetId) => this.usesUpstream(packetId));
    if (upstreamId !== undefined) this.#identifiers.remember(upstreamId, deviceId);
    return upstreamId;
  }

  #firstState(qos: 1 | 2): number {
    if (qos === 1) return uplinkState.sent1;
    return this.#endsQos2 ? uplinkState.forwarded : uplinkState.sent2;
  }

  #isWithBroker(state: number): boolean {
    return state !== uplinkState.none && state !== uplinkState.kept;
  }

  #end(deviceId: number, upstreamId: number): void {
    this.#inflight -= 1;
    this.#delete(deviceId);
    if (upstreamId !== deviceId) this.#identifiers.forget(upstreamId);
  }

  #endUpstream(deviceId: number, upstreamId: number, isRefused: boolean): void {
    this.#end(deviceId, upstreamId);
    if (!isRefused) this.#set(deviceId, uplinkState.kept, 0);
  }

  #delete(deviceId: number): void {
    this.#count(this.stateOf(deviceId), -1);
    this.#exchangeByDeviceId?.delete(deviceId);
  }

  #set(deviceId: number, state: number, upstreamId: number): void {
    this.#exchangeByDeviceId ??= new Map();
    const before = this.#exchangeByDeviceId.get(deviceId);
    if (before !== undefined) this.#count(before & 0x0f, -1);
    this.#count(state, 1);
    this.#exchangeByDeviceId.set(deviceId, state | (upstreamId << 4));
  }

  #count(state: number, change: 1 | -1): void {
    if (state === uplinkState.received2) this.#received += change;
    if (state === uplinkState.received2 || state === uplinkState.kept) this.#owedByDevice += change;
  }
}
