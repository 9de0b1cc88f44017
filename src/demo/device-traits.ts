/** How one simulated device behaves. Fixed by its index, so that every fleet of one size is the same fleet. */
export interface DeviceTraits {
  /** Common name of its certificate, and its client ID: at most 23 characters, the bound of MQTT 3.1. */
  readonly name: string;
  readonly protocol: '3.1' | '3.1.1';
  /** Whether its ClientHello carries SNI. */
  readonly sendsServerName: boolean;
  /** What it offers by ALPN; undefined: no ALPN at all. */
  readonly alpn: 'mqtt' | 'x-amzn-mqtt-ca' | undefined;
  /** Whether it resumes its TLS session when it comes back. */
  readonly resumesTls: boolean;
  /** Seconds; 0: none. */
  readonly keepAliveSeconds: number;
  /** CONNECT without clean session: it stays on the broker that holds its queue. */
  readonly isPersistent: boolean;
  /** Of its subscription to its commands. */
  readonly commandQos: 0 | 1 | 2;
}

const keepAlives = [30, 60, 0, 300, 10] as const;
const alpnOffers = [undefined, 'mqtt', 'x-amzn-mqtt-ca'] as const;
const qualities = [0, 1, 2] as const;
/** One device of so many is persistent: 5 %. */
const devicesPerPersistent = 20;

/** The traits of the device with this index, from 0. Each trait has a stride of its own, so that they come in all mixes. */
export function deviceTraits(index: number): DeviceTraits {
  return {
    name: `device-${String(index + 1).padStart(4, '0')}`,
    protocol: index % 4 === 0 ? '3.1' : '3.1.1',
    sendsServerName: pick([true, false], index, 4),
    alpn: pick(alpnOffers, index, 1),
    resumesTls: pick([false, true], index, 3),
    keepAliveSeconds: pick(keepAlives, index, 1),
    isPersistent: index % devicesPerPersistent === 7,
    commandQos: pick(qualities, index, 4),
  };
}

function pick<Value>(values: readonly [Value, ...Value[]], index: number, stride: number): Value {
  return values[Math.floor(index / stride) % values.length] ?? values[0];
}
