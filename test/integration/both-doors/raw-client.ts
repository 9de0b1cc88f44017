import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Changes } from '../../e2e/eventually.ts';
import { FrameReader } from '../wire-frames.ts';
import { acknowledge, disconnect, subscribe, type Version } from './packet-writing.ts';

const deadlineMs = 4_000;
/** For a broker that still waits for the rest of a packet. */
const leaveMs = 500;
const barrierIdentifier = 0xfff0;

/** A socket at a door: sends the bytes that it is told, answers nothing by itself, and writes down what came. */
export class RawClient {
  readonly name: string;
  readonly version: Version;
  readonly socket: Socket;
  readonly frames: Buffer[] = [];
  /** What came, packet by packet in hexadecimal, and how it ended. */
  readonly transcript: string[] = [];
  isClosed = false;
  readonly #barrierTopic: string;
  readonly #reader = new FrameReader();
  readonly #changes = new Changes();
  #read = 0;

  private constructor(socket: Socket, options: { name: string; version: Version; barrierTopic: string }) {
    this.socket = socket;
    this.name = options.name;
    this.version = options.version;
    this.#barrierTopic = options.barrierTopic;
    socket.on('data', (chunk: Buffer) => this.#handleBytes(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.transcript.push('closed');
      this.#changes.announce();
    });
  }

  static async dial(
    port: number,
    options: { readonly name: string; readonly version: Version; readonly barrierTopic: string },
  ): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client = new RawClient(socket, options);
    await once(socket, 'connect');
    return client;
  }

  /** A CONNACK has let it in, and it is still there. */
  get isIn(): boolean {
    const [connack] = this.frames;
    return !this.isClosed && connack?.[0] === 0x20 && connack[3] === 0;
  }

  send(...packets: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(packets));
  }

  /** One byte in every segment, as far as the system lets it. */
  async sendByteByByte(packet: Buffer): Promise<void> {
    for (const byte of packet) {
      this.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next packet that nobody asked for yet. */
  async next(): Promise<Buffer> {
    const index = this.#read;
    this.#read += 1;
    await this.#until(`packet number ${index + 1}`, () => this.frames.length > index || this.isClosed);
    const frame = this.frames[index];
    if (frame === undefined) throw new Error(`${this.name}: closed before packet number ${index + 1}; ${this.#came()}`);
    return frame;
  }

  /** The next packet of a type, whatever comes before it. */
  async nextOf(type: number): Promise<Buffer> {
    for (;;) {
      const frame = await this.next();
      if ((frame[0] as number) >> 4 === type) return frame;
    }
  }

  async nextOfEach(type: number, count: number): Promise<readonly Buffer[]> {
    const frames: Buffer[] = [];
    while (frames.length < count) frames.push(await this.nextOf(type));
    return frames;
  }

  /**
   * Sends, and waits until the broker has been through all of it: it answers the SUBSCRIBE behind it, or has closed the
   * connection. A broker takes packets in order, so what the packets led to has come by then.
   */
  async provoke(...packets: readonly Buffer[]): Promise<void> {
    this.send(...packets, subscribe(this.version, barrierIdentifier, [[this.#barrierTopic, 0]]));
    const isBarrier = (frame: Buffer) => frame[0] === 0x90 && frame.readUInt16BE(2) === barrierIdentifier;
    await this.#until('the end of the effects', () => this.isClosed || this.frames.slice(this.#read).some(isBarrier));
    this.#read = this.frames.length;
  }

  /** So many packets have come in all, or the connection has ended. */
  answered(count = 1): Promise<void> {
    return this.#until('an answer', () => this.frames.length >= count || this.isClosed);
  }

  settle(): Promise<void> {
    return this.provoke();
  }

  closed(withinMs = deadlineMs): Promise<void> {
    return this.#until('the end of the connection', () => this.isClosed, withinMs);
  }

  /** Goes away in order where it may. */
  async leave(): Promise<void> {
    if (!this.isClosed) this.send(disconnect);
    await this.closed(leaveMs).catch(() => this.lose());
  }

  /** Goes away without a DISCONNECT. */
  async lose(): Promise<void> {
    if (this.isClosed) return;
    this.socket.destroy();
    await this.closed();
  }

  /** Waits for a PUBLISH and goes through with its exchange. */
  async take(): Promise<Buffer> {
    const frame = await this.nextOf(3);
    const qos = ((frame[0] as number) >> 1) & 3;
    const id = publishIdentifier(frame);
    if (qos === 1) this.send(acknowledge.puback(id));
    if (qos === 2) {
      this.send(acknowledge.pubrec(id));
      await this.nextOf(6);
      this.send(acknowledge.pubcomp(id));
    }
    return frame;
  }

  #until(what: string, isSo: () => boolean, withinMs = deadlineMs): Promise<void> {
    return this.#changes.until(() => `${this.name}: ${what} did not come; ${this.#came()}`, isSo, withinMs);
  }

  #came(): string {
    return `came: ${this.transcript.slice(-12).join(' ') || 'nothing'}`;
  }

  #handleBytes(chunk: Buffer): void {
    const frames = this.#reader.push(chunk);
    if (frames === 'malformed') {
      this.transcript.push('not MQTT');
      this.socket.destroy();
      return;
    }
    for (const frame of frames) {
      this.frames.push(frame);
      this.transcript.push(
        frame.length > 400 ? `${frame.subarray(0, 60).toString('hex')}… ${frame.length}` : frame.toString('hex'),
      );
    }
    this.#changes.announce();
  }
}

/** Of a PUBLISH; 0 at QoS 0. */
export function publishIdentifier(frame: Buffer): number {
  if ((frame[0] as number) & 0x06) {
    let at = 1;
    while ((frame[at] as number) & 0x80) at += 1;
    return frame.readUInt16BE(at + 3 + frame.readUInt16BE(at + 1));
  }
  return 0;
}
