import { maxPacketBytes as maxMqttPacketBytes, packetType } from '../mqtt/control-packet.ts';
import { PacketScanner } from '../mqtt/framer.ts';
import type { InflightCount } from '../mqtt/inflight-count.ts';

/** Watches what a device sends: counts packets and exchanges, and stops at DISCONNECT and at a second CONNECT. */
export class DevicePacketWatch extends PacketScanner {
  readonly #counts: Float64Array;
  readonly #inflight: InflightCount;
  readonly #knowsAuth: boolean;
  /** Why the scan stopped. */
  stop: 'disconnect' | 'protocol-error' | undefined;

  constructor(
    maxPacketBytes: number,
    options: { readonly counts: Float64Array; readonly inflight: InflightCount; readonly knowsAuth: boolean },
  ) {
    super(maxPacketBytes);
    this.#counts = options.counts;
    this.#inflight = options.inflight;
    this.#knowsAuth = options.knowsAuth;
  }

  protected override handlePacket(firstByte: number): boolean {
    const type = firstByte >> 4;
    this.#counts[type] = (this.#counts[type] as number) + 1;
    if (type === packetType.publish || type === packetType.puback || type === packetType.pubcomp) {
      this.#inflight.handleFromDevice(firstByte);
      return true;
    }
    if (type === packetType.disconnect) this.stop = 'disconnect';
    else if (type === packetType.connect)
      this.stop = 'protocol-error'; // [MQTT-3.1.0-2]
    else if (type === packetType.auth && !this.#knowsAuth) this.stop = 'protocol-error';
    return this.stop === undefined;
  }
}

/** Watches what a broker sends: counts packets and exchanges. */
export class BrokerPacketWatch extends PacketScanner {
  readonly #counts: Float64Array;
  readonly #inflight: InflightCount;

  constructor(counts: Float64Array, inflight: InflightCount) {
    super(maxMqttPacketBytes);
    this.#counts = counts;
    this.#inflight = inflight;
  }

  protected override handlePacket(firstByte: number): boolean {
    const type = firstByte >> 4;
    this.#counts[type] = (this.#counts[type] as number) + 1;
    this.#inflight.handleFromBroker(firstByte);
    return true;
  }
}
