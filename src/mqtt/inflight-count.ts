import { packetType } from './control-packet.ts';

/**
 * Counts unacknowledged QoS 1 and 2 exchanges of one connection from first bytes alone. It is a figure for people and
 * for choosing a quiet moment, not a ledger: a PUBREC that refuses (MQTT 5) and a retry on the same connection leave
 * it too high until the connection ends, never too low for exchanges that began on it.
 */
export class InflightCount {
  /** Exchanges that the device began. */
  #fromDevice = 0;
  /** Exchanges that the broker began. */
  #fromBroker = 0;

  get fromDevice(): number {
    return this.#fromDevice;
  }

  get total(): number {
    return this.#fromDevice + this.#fromBroker;
  }

  handleFromDevice(firstByte: number): void {
    if (beginsExchange(firstByte)) this.#fromDevice += 1;
    else if (endsExchange(firstByte) && this.#fromBroker > 0) this.#fromBroker -= 1;
  }

  handleFromBroker(firstByte: number): void {
    if (beginsExchange(firstByte)) this.#fromBroker += 1;
    else if (endsExchange(firstByte) && this.#fromDevice > 0) this.#fromDevice -= 1;
  }
}

function beginsExchange(firstByte: number): boolean {
  return firstByte >> 4 === packetType.publish && (firstByte & 0x06) !== 0;
}

function endsExchange(firstByte: number): boolean {
  const type = firstByte >> 4;
  return type === packetType.puback || type === packetType.pubcomp;
}
