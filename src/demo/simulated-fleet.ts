import type { CertificateIssuer } from '../tls/certificate-minting.ts';
import { mintCertificate } from '../tls/certificate-minting.ts';
import { ConditionWatch } from './condition-watch.ts';
import type { DeliveryLedger, Qos } from './delivery-ledger.ts';
import { deviceTraits } from './device-traits.ts';
import { type DeviceEnvironment, SimulatedDevice } from './simulated-device.ts';

export interface FleetOptions extends DeviceEnvironment {
  readonly devices: number;
  /** Signs the devices' certificates. */
  readonly deviceCa: CertificateIssuer;
  readonly ledger: DeliveryLedger;
}

/** Devices that connect for the first time at once: the others wait for one of them. */
const connectWindow = 40;
/** Messages per second of one device, and of the whole fleet at most. */
const telemetryRate = { perDevice: 5, atMost: 400 };
const telemetryTickMs = 50;
/** Unacknowledged messages at which a device waits before it sends more. */
const unacknowledgedAtMost = 16;
const qualities: readonly Qos[] = [0, 1, 2];

/** Devices that stay connected and publish, each message with the device's next sequence number and the next QoS. */
export class SimulatedFleet {
  readonly devices: readonly SimulatedDevice[];
  readonly #deviceByName: ReadonlyMap<string, SimulatedDevice>;
  readonly #ledger: DeliveryLedger;
  readonly #changes = new ConditionWatch();
  readonly #sequences: Uint32Array;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #due = 0;

  constructor({ devices, deviceCa, ledger, ...environment }: FleetOptions) {
    const { onChange } = environment;
    this.#ledger = ledger;
    this.#sequences = new Uint32Array(devices);
    const observed = {
      ...environment,
      onChange: (device: string) => {
        onChange(device);
        this.#changes.notify();
      },
    };
    this.devices = Array.from({ length: devices }, (_, index) => {
      const traits = deviceTraits(index);
      const certificate = mintCertificate({
        subject: { commonName: traits.name, organization: 'Crossfade demo' },
        extendedKeyUsage: ['clientAuth'],
        issuer: deviceCa,
      });
      return new SimulatedDevice(traits, certificate, observed);
    });
    this.#deviceByName = new Map(this.devices.map((device) => [device.traits.name, device]));
  }

  device(name: string): SimulatedDevice | undefined {
    return this.#deviceByName.get(name);
  }

  /** Connects all devices, a window at a time; false when some are not connected after `timeoutMs`. */
  async connect(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<boolean> {
    const deadline = performance.now() + options.timeoutMs;
    let started = 0;
    for (const device of this.devices) {
      const timeoutMs = Math.max(0, deadline - performance.now());
      const hasRoom = () => started - this.#countReady() < connectWindow;
      if (!(await this.#changes.until(hasRoom, { ...options, timeoutMs }))) return false;
      device.start();
      started += 1;
    }
    const timeoutMs = Math.max(0, deadline - performance.now());
    return this.#changes.until(() => this.#countReady() === this.devices.length, { ...options, timeoutMs });
  }

  /** Connections that devices lost, over all. */
  get reconnects(): number {
    return this.devices.reduce((count, device) => count + device.reconnects, 0);
  }

  startTelemetry(): void {
    const perTick =
      (Math.min(this.devices.length * telemetryRate.perDevice, telemetryRate.atMost) * telemetryTickMs) / 1000;
    this.#timer = setInterval(() => {
      for (this.#due += perTick; this.#due >= 1; this.#due -= 1) this.#publishNext();
    }, telemetryTickMs);
  }

  stopTelemetry(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  stop(): void {
    this.stopTelemetry();
    for (const device of this.devices) device.stop();
  }

  #countReady(): number {
    return this.devices.reduce((count, device) => count + (device.isReady ? 1 : 0), 0);
  }

  /** In turn. A device without a connection keeps its QoS 1 and 2 messages until it has one, and sends none at QoS 0. */
  #publishNext(): void {
    const index = this.#next;
    this.#next = (index + 1) % this.devices.length;
    const device = this.devices[index];
    if (device === undefined || device.unacknowledged >= unacknowledgedAtMost) return;
    const sequence = (this.#sequences[index] ?? 0) + 1;
    const qos = qualities[(sequence + index) % qualities.length] ?? 0;
    if (qos === 0 && !device.isReady) return;
    this.#sequences[index] = sequence;
    const message = { device: device.traits.name, sequence, qos };
    this.#ledger.recordSent(message);
    device.publish(JSON.stringify({ sequence }), qos, () => this.#ledger.recordAcknowledged(message));
  }
}
