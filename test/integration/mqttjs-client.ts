import { connect, type IClientOptions, type MqttClient, UniqueMessageIdProvider } from 'mqtt';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { Changes } from '../e2e/eventually.ts';
import type { Visit } from './doors.ts';
import { contentOf } from './wire-device.ts';

export type MqttJsVersion = 3 | 4 | 5;
export const mqttJsVersions = [3, 4, 5] as const;

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** MQTT.js at a door, with every packet that it received. */
export class MqttJsClient implements AsyncDisposable {
  readonly client: MqttClient;
  /** Plain data, in order, over all connections. */
  readonly packets: unknown[] = [];
  readonly messages: ReceivedMessage[] = [];
  closes = 0;
  #connects = 0;
  readonly #changes = new Changes();

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('packetreceive', (packet: Packet) => {
      this.packets.push(contentOf(packet));
      this.#changes.announce();
    });
    client.on('message', (topic: string, payload: Buffer, { qos, retain }: IPublishPacket) => {
      this.messages.push({ topic, payload: payload.toString(), qos, retain });
      this.#changes.announce();
    });
    client.on('connect', () => {
      this.#connects += 1;
      this.#changes.announce();
    });
    client.on('close', () => {
      this.closes += 1;
      this.#changes.announce();
    });
    client.on('error', () => this.#changes.announce());
  }

  /** Comes in; `name` stands behind the visit's tag in its client ID. */
  static async open(
    visit: Visit,
    version: MqttJsVersion,
    { name, ...options }: Partial<IClientOptions> & { readonly name: string },
  ): Promise<MqttJsClient> {
    const { port, tls } = visit.door;
    const opened = new MqttJsClient(
      connect({
        host: '127.0.0.1',
        port,
        ...(tls === undefined ? { protocol: 'mqtt' } : { ...(tls as IClientOptions), protocol: 'mqtts' }),
        protocolVersion: version,
        ...(version === 3 ? { protocolId: 'MQIsdp' } : {}),
        clientId: `${visit.tag}-${name}`,
        reconnectPeriod: 0,
        connectTimeout: 10_000,
        // What it sends again is seen by the broker alone; its own subscriptions are the scenario's.
        resubscribe: false,
        // Identifiers from 1, as at every other door.
        messageIdProvider: new UniqueMessageIdProvider(),
        ...options,
      }),
    );
    visit.closeLater(opened);
    await opened.#connected(1);
    return opened;
  }

  /** Comes in again after it was lost, with the same options and what it had not finished. */
  async reopen(): Promise<void> {
    const before = this.#connects;
    const { incomingStore, outgoingStore } = this.client;
    this.client.reconnect({ incomingStore, outgoingStore });
    await this.#connected(before + 1);
  }

  /** Goes away without DISCONNECT. */
  async vanish(): Promise<void> {
    const before = this.closes;
    this.client.stream.destroy();
    await this.until('its end', () => this.closes > before);
  }

  /** Publishes all at once and waits for every acknowledgement; rejects when the connection ends before. */
  async publishAll(topic: string, payloads: readonly (string | Buffer)[], qos: 0 | 1 | 2): Promise<void> {
    const before = this.closes;
    let left = payloads.length;
    let failure: Error | undefined;
    for (const payload of payloads) {
      this.client.publish(topic, payload, { qos }, (error) => {
        left -= 1;
        failure ??= error ?? undefined;
        this.#changes.announce();
      });
    }
    const isOver = () => left === 0 || failure !== undefined || this.closes > before;
    await this.until('every acknowledgement', isOver);
    if (failure !== undefined) throw failure;
    if (left > 0) throw new Error(`The connection ended with ${left} messages unacknowledged: ${this.#lastPacket()}`);
  }

  /** Waits until that many messages came, over all connections. */
  async received(count: number): Promise<readonly ReceivedMessage[]> {
    await this.until(`message ${count}`, () => this.messages.length >= count);
    return this.messages;
  }

  until(what: string, isSo: () => boolean, deadlineMs = 12_000): Promise<void> {
    const commands = () => this.packets.map((packet) => (packet as { cmd: string }).cmd).slice(-20);
    return this.#changes.until(() => `${what} did not come; got ${commands().join(' ')}`, isSo, deadlineMs);
  }

  count(cmd: string): number {
    return this.packets.filter((packet) => (packet as { cmd: string }).cmd === cmd).length;
  }

  async end(): Promise<void> {
    await this.client.endAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.endAsync(true);
  }

  #lastPacket(): string {
    return JSON.stringify(this.packets.at(-1));
  }

  async #connected(count: number): Promise<void> {
    await this.until('CONNACK', () => this.#connects >= count);
  }
}
