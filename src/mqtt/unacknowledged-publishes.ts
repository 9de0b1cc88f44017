/** Bytes kept of one session's PUBLISH packets; what finds no room cannot be sent again. */
export const maxUnacknowledgedBytes = 1_048_576;

/**
 * Copies of a device's QoS 1 and 2 PUBLISH packets until their broker has acknowledged them for good, so that another leg
 * can be given them: in the device's version, without topic alias, under the device's identifier.
 */
export class UnacknowledgedPublishes {
  #packets: Map<number, Buffer> | undefined;
  #bytes = 0;

  /** Copies the packet. False: there is no room for it. */
  keep(deviceId: number, packet: Buffer): boolean {
    this.drop(deviceId);
    if (this.#bytes + packet.length > maxUnacknowledgedBytes) return false;
    this.#packets ??= new Map();
    this.#packets.set(deviceId, Buffer.from(packet));
    this.#bytes += packet.length;
    return true;
  }

  packetOf(deviceId: number): Buffer | undefined {
    return this.#packets?.get(deviceId);
  }

  drop(deviceId: number): void {
    const packet = this.#packets?.get(deviceId);
    if (packet === undefined) return;
    this.#packets?.delete(deviceId);
    this.#bytes -= packet.length;
  }
}
