import type { DevicePackets } from './device-packets.ts';
import type { FramingProblem } from './framer.ts';
import type { PacketStream } from './packet-stream.ts';
import type { SessionParts } from './session-parts.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** What is done with bytes that turn out to be no MQTT. */
export interface ReleaseFaults {
  judge(problem: FramingProblem | undefined): void;
  distrust(leg: UpstreamLeg): void;
}

/** Lets go what windows held on either side, as far as they go now. */
export class HeldRelease {
  readonly #parts: SessionParts;
  readonly #device: DevicePackets;
  readonly #fromDevice: PacketStream;
  readonly #faults: ReleaseFaults;

  constructor(parts: SessionParts, device: DevicePackets, fromDevice: PacketStream, faults: ReleaseFaults) {
    this.#parts = parts;
    this.#device = device;
    this.#fromDevice = fromDevice;
    this.#faults = faults;
  }

  /** Again until nothing moves: an acknowledgement that was read behind a held packet opens the other side's window. */
  release(): void {
    for (let left = this.#leftBytes(); left > 0; ) {
      this.#releaseOnce();
      const before = left;
      left = this.#parts.end === undefined ? this.#leftBytes() : 0;
      if (left === before) return;
    }
  }

  /**
   * Nothing stalls where a window opens only with a PUBREL of the device that lies behind the packets that wait for the
   * window, or that the device will not say because what it was to be told waits behind them.
   */
  get awaitsRelease(): boolean {
    const { heldFromDevice, leg, isQuiescing } = this.#parts;
    if (this.#fromDevice.isBlocked && !isQuiescing) return true;
    return heldFromDevice.first?.isAgain === true && !leg.hasWindow;
  }

  #leftBytes(): number {
    const { heldFromDevice, legs } = this.#parts;
    let bytes = this.#fromDevice.blockedBytes + heldFromDevice.bytes;
    for (const leg of legs) if (leg !== undefined) bytes += leg.stream.blockedBytes + leg.heldFromBroker.bytes;
    return bytes;
  }

  #releaseOnce(): void {
    const { heldFromDevice, legs, isQuiescing } = this.#parts;
    for (const leg of legs) {
      if (leg === undefined || leg.isOver) continue;
      if (leg.heldFromBroker.size > 0) leg.packets.releaseHeld();
      if (leg.stream.isBlocked && leg.stream.resume() !== undefined) this.#faults.distrust(leg);
    }
    if (heldFromDevice.size > 0) this.#device.releaseHeld();
    if (this.#fromDevice.isBlocked && !isQuiescing) this.#faults.judge(this.#fromDevice.resume());
  }
}
