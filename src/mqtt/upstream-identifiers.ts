/**
 * Packet identifiers on one upstream leg. A device's own number is taken as it is whenever it is free; the gateway's own
 * come from the top of the range, where few devices count to, so that a session resumed later needs no map.
 */
export class UpstreamIdentifiers {
  /** Those that are not simply the device's own number. */
  #deviceIdByOwn: Map<number, number> | undefined;
  #next = 0xffff;

  /** `isUsed`: whether the device's own exchanges use the number upstream. */
  take(wanted: number | undefined, isUsed: (packetId: number) => boolean): number | undefined {
    if (wanted !== undefined && !isUsed(wanted) && !this.isOwn(wanted)) return wanted;
    for (let tried = 0; tried < 0xffff; tried += 1) {
      const candidate = this.#next;
      this.#next = candidate === 1 ? 0xffff : candidate - 1;
      if (!isUsed(candidate) && !this.isOwn(candidate)) return candidate;
    }
    return undefined;
  }

  /** Remembers that `own` upstream is `deviceId` downstream; 0: nothing of the device's. */
  remember(own: number, deviceId: number): void {
    this.#deviceIdByOwn ??= new Map();
    this.#deviceIdByOwn.set(own, deviceId);
  }

  forget(own: number): void {
    this.#deviceIdByOwn?.delete(own);
  }

  isOwn(packetId: number): boolean {
    return this.#deviceIdByOwn?.has(packetId) ?? false;
  }

  /** The device's number of an upstream identifier: most often the same. */
  deviceIdOf(packetId: number): number {
    return this.#deviceIdByOwn?.get(packetId) ?? packetId;
  }
}
