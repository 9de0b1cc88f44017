import { packetType } from './control-packet.ts';

/** Where an exchange that the broker began stands. */
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

/** QoS 1 and 2 exchanges that the broker began. The device sees the broker's own numbers. */
export class DownlinkExchanges {
  #stateById: Map<number, number> | undefined;
  #withDevice = 0;

  /** Exchanges that the device has not finished: what its Receive Maximum counts. */
  get inflight(): number {
    return this.#withDevice;
  }

  get size(): number {
    return this.#stateById?.size ?? 0;
  }

  stateOf(packetId: number): number {
    return this.#stateById?.get(packetId) ?? 0;
  }

  begin(packetId: number, qos: 1 | 2): void {
    if (this.stateOf(packetId) === downlinkState.none) this.#withDevice += 1;
    this.#set(packetId, qos === 1 ? downlinkState.sent1 : downlinkState.sent2);
  }

  /** The device does not get it; QoS 2 waits for the broker's PUBREL. */
  swallow(packetId: number): void {
    this.#set(packetId, downlinkState.swallowed);
  }

  /** Whether the window opens only with a PUBREL of the broker. */
  get awaitsRelease(): boolean {
    for (const state of this.#stateById?.values() ?? []) if (state === downlinkState.received2) return true;
    return false;
  }

  /** The device refused a QoS 2 message (MQTT 5) and the broker has no word for that: its PUBREL is answered here. */
  refuse(packetId: number): void {
    if (this.stateOf(packetId) !== downlinkState.none) this.#withDevice -= 1;
    this.swallow(packetId);
  }

  /** PUBACK, PUBREC or PUBCOMP of the device: whether it goes on to the broker. `isRefusal`: PUBREC with a reason from 0x80. */
  handleAnswer(type: number, packetId: number, isRefusal: boolean): boolean {
    const state = this.stateOf(packetId);
    if (type === packetType.puback && state === downlinkState.sent1) return this.#end(packetId);
    if (type === packetType.pubcomp && state === downlinkState.released2) return this.#end(packetId);
    if (type !== packetType.pubrec) return false;
    if (state === downlinkState.sent2 && isRefusal) return this.#end(packetId);
    if (state === downlinkState.sent2) this.#set(packetId, downlinkState.received2);
    return state === downlinkState.sent2 || state === downlinkState.received2 || state === downlinkState.released2;
  }

  /**
   * PUBREL of the broker: whether it goes on to the device; otherwise the gateway answers with PUBCOMP. An unknown one goes
   * on: it belongs to a session that both sides have resumed.
   */
  release(packetId: number): boolean {
    const state = this.stateOf(packetId);
    if (state === downlinkState.swallowed) {
      this.#stateById?.delete(packetId);
      return false;
    }
    if (state === downlinkState.none) this.#withDevice += 1;
    this.#set(packetId, downlinkState.released2);
    return true;
  }

  #end(packetId: number): true {
    this.#stateById?.delete(packetId);
    this.#withDevice -= 1;
    return true;
  }

  #set(packetId: number, state: number): void {
    this.#stateById ??= new Map();
    this.#stateById.set(packetId, state);
  }
}
