import { Violation } from './flow-ledger.ts';
import { type ModelPacket, subackBytes, subscribeBytes, unsubscribeBytes } from './model-packets.ts';
import { type ModelPeer, wordOf } from './model-peer.ts';
import type { Setting } from './session-setting.ts';

/** SUBSCRIBE and UNSUBSCRIBE of the device, and how the broker answers: S12, and the broker's limits (U8). */
export class ModelSubscriptions {
  readonly #device: ModelPeer;
  readonly #broker: ModelPeer;
  readonly #setting: Setting;
  /** How many filters each waiting request of the device has. */
  readonly #filtersById = new Map<number, { readonly type: number; readonly filters: readonly string[] }>();
  readonly #wantedById = new Map<number, readonly number[]>();
  /** What the broker has not answered. */
  #asked: ModelPacket[] = [];

  constructor(device: ModelPeer, broker: ModelPeer, setting: Setting) {
    this.#device = device;
    this.#broker = broker;
    this.#setting = setting;
  }

  get isAtRest(): boolean {
    return this.#filtersById.size === 0 && this.#asked.length === 0;
  }

  request(choice: number): void {
    if (this.#filtersById.size > 2) return;
    const count = 1 + (choice % 5);
    const filters = Array.from({ length: count }, (_, index) => `f${(choice >> 3) % 3}/${index}`);
    const id = this.#device.takeId();
    const { protocol } = this.#device.options;
    const type = (choice >> 6) % 3 === 0 ? 11 : 9;
    const packet =
      type === 9
        ? subscribeBytes(
            protocol,
            id,
            filters.map((filter, index) => [filter, (choice + index) % 3]),
          )
        : unsubscribeBytes(protocol, id, filters);
    this.#wantedById.set(
      id,
      filters.map((_, index) => (choice + index) % 3),
    );
    this.#device.usedIds.add(id);
    this.#filtersById.set(id, { type, filters });
    this.#device.wire.send(packet, wordOf(type - 1, id));
  }

  readAtBroker(packet: ModelPacket): void {
    const { profile } = this.#setting.upstream;
    const limit = packet.type === 8 ? profile.filtersPerSubscribe : profile.filtersPerUnsubscribe;
    if (packet.filters.length === 0 || packet.filters.length > limit) {
      throw new Violation(`U8: ${packet.filters.length} filters in one packet`);
    }
    if ((packet.firstByte & 0x0f) !== 2) throw new Violation('U8: flags of SUBSCRIBE or UNSUBSCRIBE');
    const { maximumQos } = this.#setting.upstream.capabilities;
    if (packet.type === 8 && packet.filters.some(([, options]) => (options & 3) > maximumQos)) {
      throw new Violation('U8: a subscription at a QoS that the broker does not have');
    }
    this.#asked.push(packet);
  }

  /** The broker answers what it was asked. */
  answer(count = this.#asked.length): void {
    const { protocol } = this.#broker.options;
    for (const packet of this.#asked.splice(0, count)) {
      const codes = packet.filters.map(([, options]) => (packet.type === 8 ? options & 3 : 0));
      const type = packet.type === 8 ? 9 : 11;
      this.#broker.wire.send(subackBytes(protocol, type, packet.id, codes), wordOf(type, packet.id));
    }
  }

  /** The machine answers the device. */
  judgeAnswer({ type, id, codes }: ModelPacket): void {
    const request = this.#filtersById.get(id);
    if (request === undefined || request.type !== type) throw new Violation(`S12: an answer for identifier ${id}`);
    const hasCodes = type === 9 || this.#device.options.protocol === '5';
    if (codes.length !== (hasCodes ? request.filters.length : 0)) throw new Violation(`S12: ${codes.length} codes`);
    if (type === 9) this.#judgeCodes(id, codes);
  }

  #judgeCodes(id: number, codes: readonly number[]): void {
    const wanted = this.#wantedById.get(id);
    codes.forEach((code, index) => {
      if (wanted !== undefined && code !== wanted[index]) throw new Violation(`S12: code ${code} at place ${index}`);
    });
  }

  readAtDevice({ type, id }: ModelPacket): void {
    if (type !== 9 && type !== 11) return;
    this.#filtersById.delete(id);
    this.#device.usedIds.delete(id);
  }

  /** A device asks again only if it still wants to. */
  reconnect(): void {
    this.#filtersById.clear();
    this.#asked = [];
  }
}
