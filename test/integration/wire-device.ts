import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import mqtt, { type IConnectPacket, type IPublishPacket, type ISubscription, type Packet } from 'mqtt-packet';
import { Changes } from '../e2e/eventually.ts';
import { decodeFrame, encodePacket, FrameReader, type WirePacket, type WireVersion } from './wire-frames.ts';

export interface WireAddress {
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: ConnectionOptions;
}

export type PublishFields = Partial<IPublishPacket> & { readonly topic: string };

/** A client as raw as a test needs it, of any version: it sends what it is told, answers nothing by itself and keeps every byte. */
export class WireDevice implements Disposable {
  readonly version: WireVersion;
  readonly socket: Socket;
  readonly packets: WirePacket[] = [];
  isClosed = false;
  /** Milliseconds after which whatever does not come is given up. */
  patienceMs = 8_000;
  /** Came before `isClosed`: the other end closed with FIN. */
  sawEnd = false;
  readonly #reader = new FrameReader();
  readonly #changes = new Changes();
  readonly #read = new Map<string, number>();
  #lastIdentifier = 0;

  private constructor(socket: Socket, version: WireVersion) {
    this.socket = socket;
    this.version = version;
    socket.on('data', (chunk: Buffer) => this.#handleBytes(chunk));
    socket.on('error', () => {});
    socket.on('end', () => {
      this.sawEnd = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#changes.announce();
    });
  }

  static async dial({ port, tls }: WireAddress, version: WireVersion): Promise<WireDevice> {
    const socket =
      tls === undefined
        ? connectTcp({ port, host: '127.0.0.1', noDelay: true })
        : connectTls({ host: '127.0.0.1', port, ...tls });
    const device = new WireDevice(socket, version);
    await once(socket, tls === undefined ? 'connect' : 'secureConnect');
    socket.setNoDelay(true);
    return device;
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => encodePacket(packet, this.version))));
  }

  sendBytes(...bytes: (Buffer | string)[]): void {
    this.socket.write(Buffer.concat(bytes.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part))));
  }

  connectBytes(clientId: string, fields: Partial<IConnectPacket> = {}): Buffer {
    return mqtt.generate({
      cmd: 'connect',
      protocolId: this.version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: this.version,
      clientId,
      clean: true,
      keepalive: 60,
      ...fields,
    });
  }

  /** Sends CONNECT and waits for CONNACK. */
  async connect(clientId: string, fields: Partial<IConnectPacket> = {}): Promise<Extract<Packet, { cmd: 'connack' }>> {
    this.socket.write(this.connectBytes(clientId, fields));
    return this.next('connack');
  }

  /** Subscribes and waits for SUBACK; answers its codes. */
  async subscribe(
    filters: string | readonly (Partial<ISubscription> & { readonly topic: string })[],
    properties?: Record<string, unknown>,
  ): Promise<readonly number[]> {
    const subscriptions = typeof filters === 'string' ? [{ topic: filters }] : filters;
    const messageId = this.nextIdentifier();
    this.send({
      cmd: 'subscribe',
      messageId,
      subscriptions: subscriptions.map((one) => ({ qos: 2, nl: false, rap: false, rh: 0, ...one }) as const),
      ...(properties === undefined ? {} : { properties }),
    });
    const suback = await this.next('suback');
    assert.equal(suback.messageId, messageId);
    return suback.granted as readonly number[];
  }

  async unsubscribe(...unsubscriptions: string[]): Promise<readonly number[]> {
    this.send({ cmd: 'unsubscribe', messageId: this.nextIdentifier(), unsubscriptions });
    return (await this.next('unsuback')).granted ?? [];
  }

  /** Publishes and goes through the whole exchange of its QoS; answers the first acknowledgement. */
  async publish(fields: PublishFields): Promise<Packet | undefined> {
    const { qos = 0 } = fields;
    const messageId = qos === 0 ? undefined : (fields.messageId ?? this.nextIdentifier());
    this.send({
      cmd: 'publish',
      payload: 'x',
      qos,
      dup: false,
      retain: false,
      ...fields,
      ...(messageId === undefined ? {} : { messageId }),
    });
    if (messageId === undefined) return undefined;
    if (qos === 1) return this.next('puback');
    const pubrec = await this.next('pubrec');
    if ((pubrec.reasonCode ?? 0) < 0x80) {
      this.send({ cmd: 'pubrel', messageId });
      await this.next('pubcomp');
    }
    return pubrec;
  }

  /** The next application message, acknowledged to the end. */
  async receive(): Promise<IPublishPacket> {
    const publish = await this.next('publish');
    const messageId = publish.messageId ?? 0;
    if (publish.qos === 1) this.send({ cmd: 'puback', messageId });
    if (publish.qos === 2) {
      this.send({ cmd: 'pubrec', messageId });
      await this.next('pubrel');
      this.send({ cmd: 'pubcomp', messageId });
    }
    return publish;
  }

  /** The next packet of a kind that nobody asked for yet, whenever it comes. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    return (await this.nextWire(cmd)).packet as Extract<Packet, { cmd: Cmd }>;
  }

  async nextWire(cmd: Packet['cmd']): Promise<WirePacket> {
    const index = this.#read.get(cmd) ?? 0;
    this.#read.set(cmd, index + 1);
    const ofKind = () => this.packets.filter(({ packet }) => packet.cmd === cmd);
    await this.until(`${cmd} number ${index + 1}`, () => ofKind().length > index || this.isClosed);
    const found = ofKind()[index];
    if (found === undefined) throw new Error(`Closed before ${cmd} number ${index + 1} came; got ${this.#received()}`);
    return found;
  }

  closed(): Promise<void> {
    return this.until('the end of the connection', () => this.isClosed);
  }

  count(cmd: Packet['cmd']): number {
    return this.packets.filter(({ packet }) => packet.cmd === cmd).length;
  }

  until(what: string, isSo: () => boolean, withinMs = this.patienceMs): Promise<void> {
    return this.#changes.until(() => `${what} did not come; got ${this.#received()}`, isSo, withinMs);
  }

  nextIdentifier(): number {
    this.#lastIdentifier += 1;
    return this.#lastIdentifier;
  }

  async disconnect(fields: { readonly reasonCode?: number; readonly properties?: object } = {}): Promise<void> {
    this.send({ cmd: 'disconnect', ...fields });
    await this.closed();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #received(): string {
    const names = this.packets.map(({ packet }) => packet.cmd);
    return `${names.slice(-20).join(' ') || 'nothing'}${this.isClosed ? ', closed' : ''}`;
  }

  #handleBytes(chunk: Buffer): void {
    const frames = this.#reader.push(chunk);
    if (frames === 'malformed') return void this.socket.destroy();
    for (const bytes of frames) {
      const packet = decodeFrame(bytes, this.version);
      if (packet === undefined) {
        this.socket.destroy(new Error(`Cannot be read: ${bytes.toString('hex')}`));
        return;
      }
      this.packets.push({ packet, bytes, atMs: performance.now() });
    }
    this.#changes.announce();
  }
}

/** The packet as plain data without its length, which the same content may have in several forms. */
export function contentOf(packet: Packet): unknown {
  const { length: _, ...content } = packet;
  return JSON.parse(
    JSON.stringify(content, (_key, value: unknown) => {
      if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'Buffer') return value;
      return 'data' in value && Array.isArray(value.data) ? Buffer.from(value.data).toString('latin1') : value;
    }),
  );
}
