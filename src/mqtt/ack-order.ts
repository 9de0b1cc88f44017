/**
 * PUBACK and PUBREC leave to the device in the order in which its PUBLISH packets came [MQTT-4.6.0-2, MQTT-4.6.0-3],
 * also from a broker that acknowledges out of order.
 */
export class AckOrder {
  /** Packet identifiers of the device, from `#first` to `#last`; what lies behind is used again, so that nothing is allocated. */
  readonly #ids: number[] = [];
  #first = 0;
  #last = 0;
  /** Acknowledgements that came before their turn. */
  #early: Map<number, Buffer> | undefined;
  /** The identifiers in the order, while that is asked. */
  #members: Set<number> | undefined;

  get size(): number {
    return this.#last - this.#first;
  }

  has(packetId: number): boolean {
    return this.#allMembers().has(packetId);
  }

  get hasEarly(): boolean {
    return this.#early !== undefined && this.#early.size > 0;
  }

  /** Whether the acknowledgement for `packetId` is here and waits for its turn. */
  isEarly(packetId: number): boolean {
    return this.#early?.has(packetId) ?? false;
  }

  push(packetId: number): void {
    this.#ids[this.#last] = packetId;
    this.#last += 1;
    this.#members?.add(packetId);
  }

  /** True when the acknowledgement for `packetId` may leave now; it is out of the order then. */
  take(packetId: number): boolean {
    if (this.#first === this.#last || this.#ids[this.#first] !== packetId) return false;
    this.#first += 1;
    this.#members?.delete(packetId);
    if (this.#first === this.#last) {
      this.#first = 0;
      this.#last = 0;
      this.#members = undefined;
    } else if (this.#first > 64 && this.#first > this.#last / 2) {
      this.#ids.copyWithin(0, this.#first, this.#last);
      this.#last -= this.#first;
      this.#first = 0;
    }
    return true;
  }

  /** Keeps `packet` until its turn. False: the identifier is not in the order, so its turn will not come. */
  keep(packetId: number, packet: Buffer): boolean {
    if (!this.has(packetId)) return false;
    this.#early ??= new Map();
    this.#early.set(packetId, packet);
    return true;
  }

  #allMembers(): Set<number> {
    this.#members ??= new Set(this.#ids.slice(this.#first, this.#last));
    return this.#members;
  }

  /** The next acknowledgement whose turn has come. */
  nextEarly(): Buffer | undefined {
    if (this.#early === undefined || this.#early.size === 0) return undefined;
    const packetId = this.#first === this.#last ? undefined : this.#ids[this.#first];
    const packet = packetId === undefined ? undefined : this.#early.get(packetId);
    if (packetId === undefined || packet === undefined) return undefined;
    this.#early.delete(packetId);
    this.take(packetId);
    return packet;
  }
}
