import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { Changes } from './eventually.ts';

export interface DeviceOptions extends Omit<IClientOptions, 'clientId'> {
  readonly clientId: string;
  /** A URL, or the port of a plain listener on loopback. */
  readonly to: string | number;
  /** Milliseconds until it comes back after a close; 0: it does not. */
  readonly reconnectPeriod?: number;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: string;
}

/** An MQTT.js client that remembers what happened to it. */
export class Device implements AsyncDisposable {
  readonly clientId: string;
  readonly client: MqttClient;
  readonly messages: ReceivedMessage[] = [];
  /** Reason codes of the server's DISCONNECTs (MQTT 5). */
  readonly disconnectReasons: (number | undefined)[] = [];
  /** The last CONNACK said so. */
  sessionPresent = false;
  /** Codes of refused CONNECTs, in order. */
  readonly refusals: number[] = [];
  connects = 0;
  closes = 0;
  readonly #changes = new Changes();

  constructor({ to, ...options }: DeviceOptions) {
    this.clientId = options.clientId;
    const url = typeof to === 'number' ? `mqtt://127.0.0.1:${to}` : to;
    this.client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 12_000, ...options });
    this.client.on('connect', ({ sessionPresent }) => {
      this.connects += 1;
      this.sessionPresent = sessionPresent;
      this.#changes.announce();
    });
    this.client.on('close', () => {
      this.closes += 1;
      this.#changes.announce();
    });
    this.client.on('disconnect', ({ reasonCode }) => {
      this.disconnectReasons.push(reasonCode);
      this.#changes.announce();
    });
    this.client.on('error', (error) => {
      if ('code' in error && typeof error.code === 'number') this.refusals.push(error.code);
      this.#changes.announce();
    });
    this.client.on('message', (topic, payload) => {
      this.messages.push({ topic, payload: payload.toString() });
      this.#changes.announce();
    });
  }

  /** Resolves with the device once it is in; rejects when it is not let in. */
  static async connect(options: DeviceOptions): Promise<Device> {
    const device = new Device(options);
    await device.until('connected', () => device.connects > 0 || (device.closes > 0 && !options.reconnectPeriod));
    if (device.connects === 0) throw new Error(`${options.clientId} was not let in (${device.refusals.join(', ')})`);
    return device;
  }

  get isConnected(): boolean {
    return this.client.connected;
  }

  until(what: string, isSo: () => boolean, deadlineMs = 15_000): Promise<void> {
    const describe = () =>
      `${this.clientId}: ${what} did not come true (connects ${this.connects}, closes ${this.closes}, ` +
      `refusals ${this.refusals}, messages ${JSON.stringify(this.messages.slice(-5))})`;
    return this.#changes.until(describe, isSo, deadlineMs);
  }

  closed(): Promise<void> {
    return this.until('closed', () => this.closes > 0);
  }

  received(payload: string): Promise<void> {
    return this.until(`received ${payload}`, () => this.messages.some((message) => message.payload === payload));
  }

  payloads(): readonly string[] {
    return this.messages.map(({ payload }) => payload);
  }

  /** Subscribes to its own topic, publishes to it with QoS 1 and waits for the message: both directions work. */
  async echo(text = `echo ${this.messages.length}`): Promise<void> {
    await this.client.subscribeAsync(`echo/${this.clientId}`, { qos: 1 });
    await this.client.publishAsync(`echo/${this.clientId}`, text, { qos: 1 });
    await this.received(text);
  }

  async end(): Promise<void> {
    await this.client.endAsync();
  }

  /** Goes away without a DISCONNECT, as a device that loses its power. */
  async vanish(): Promise<void> {
    const before = this.closes;
    this.client.options.reconnectPeriod = 0;
    this.client.stream.destroy();
    await this.until('closed', () => this.closes > before);
    await this.client.endAsync(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.endAsync(true);
  }
}

/** Devices that go together. */
export class Devices implements AsyncDisposable {
  readonly all: readonly Device[];

  private constructor(all: readonly Device[]) {
    this.all = all;
  }

  static async connect(count: number, options: (index: number) => DeviceOptions): Promise<Devices> {
    return new Devices(await Promise.all(Array.from({ length: count }, (_, index) => Device.connect(options(index)))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((device) => device[Symbol.asyncDispose]()));
  }
}
