import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  encodeConnect,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  packetType,
  parsePublish,
  sendAs,
  type WireFilter,
  WireFramer,
  type WirePublish,
} from '../handover/wire-packets.ts';

export interface TrafficClientOptions {
  readonly port: number;
  /** PEM that the broker's certificate is verified with; absent: no TLS. */
  readonly ca?: string;
  readonly clientId: string;
  readonly filters: readonly WireFilter[];
  /** PUBLISH packets that may wait for PUBACK. */
  readonly window: number;
  /** Infinity: as fast as they come. */
  readonly publishesPerSecond: number;
  readonly onPublish: (publish: WirePublish) => void;
}

const reconnectMs = 200;
/** Of a second's worth: what may go at once. */
const paceShare = 0.1;

/**
 * A client of QoS 1, MQTT 5, with a session that outlives its connection. What was not acknowledged is published again on the
 * next connection, in its order and before anything else.
 */
export class TrafficClient {
  readonly #options: TrafficClientOptions;
  /** On their way, by packet identifier, in the order of publishing. */
  readonly #unacknowledged = new Map<number, Buffer>();
  #waiting: Buffer[] = [];
  #socket: Socket | undefined;
  #isOpen = false;
  #isEnded = false;
  #lastId = 1;
  #acknowledged = 0;
  #refused = 0;
  #credit = 0;
  #creditAtMs = 0;
  #paceTimer: NodeJS.Timeout | undefined;
  #out: Buffer[] = [];
  #onOpen: () => void = () => {};

  constructor(options: TrafficClientOptions) {
    this.#options = options;
  }

  /** Resolves when it is connected and subscribed. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.#dial();
    });
  }

  publish(publish: WirePublish): void {
    this.#waiting.push(encodePublish(5, publish));
    this.#pump();
  }

  /** Published here, and not acknowledged. */
  get pendingCount(): number {
    return this.#unacknowledged.size + this.#waiting.length;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** PUBACKs that said no; their messages count as not acknowledged for ever. */
  get refusedCount(): number {
    return this.#refused;
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#paceTimer);
    this.#socket?.destroy();
  }

  #dial(): void {
    const { port, ca, clientId } = this.#options;
    const to = { host: '127.0.0.1', port, noDelay: true };
    const socket = ca === undefined ? connectPlain(to) : connectTls({ ...to, ca, servername: 'localhost' });
    const framer = new WireFramer();
    this.#socket = socket;
    this.#out = [];
    socket.once(ca === undefined ? 'connect' : 'secureConnect', () => {
      this.#write(encodeConnect({ version: 5, clientId, clean: false, keepAliveSeconds: 0 }));
    });
    socket.on('data', (chunk: Buffer) => framer.feed(chunk, (bytes) => this.#handlePacket(bytes)));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isOpen = false;
      if (!this.#isEnded) setTimeout(() => this.#dial(), reconnectMs);
    });
  }

  #handlePacket(bytes: Buffer): void {
    const type = (bytes[0] ?? 0) >> 4;
    if (type === packetType.publish) {
      const publish = parsePublish(5, bytes);
      this.#options.onPublish(publish);
      if (publish.qos > 0) this.#write(encodePuback(publish.packetId));
    } else if (type === packetType.puback) this.#handlePuback(bytes);
    else if (type === packetType.connack) this.#handleConnack(bytes);
    else if (type === packetType.suback) this.#onOpen();
  }

  #handleConnack(bytes: Buffer): void {
    const { filters } = this.#options;
    // One that is throttled comes again.
    if (bytes[3] !== 0) return void this.#socket?.destroy();
    const isSessionPresent = bytes[2] === 1;
    if (!isSessionPresent && filters.length > 0) this.#write(encodeSubscribe(5, 1, filters));
    else this.#onOpen();
    this.#isOpen = true;
    for (const [packetId, publish] of this.#unacknowledged) {
      this.#write(Buffer.from(sendAs(publish, packetId, isSessionPresent)));
    }
    this.#pump();
  }

  #handlePuback(bytes: Buffer): void {
    if (!this.#unacknowledged.delete(bytes.readUInt16BE(2))) return;
    const reason = bytes.length > 4 ? (bytes[4] as number) : 0;
    if (reason < 0x80) this.#acknowledged += 1;
    else this.#refused += 1;
    this.#pump();
  }

  #pump(): void {
    const { window } = this.#options;
    while (this.#isOpen && this.#unacknowledged.size < window) {
      const publish = this.#waiting[0];
      if (publish === undefined || !this.#take()) return;
      this.#waiting.shift();
      do this.#lastId = this.#lastId === 0xffff ? 2 : this.#lastId + 1;
      while (this.#unacknowledged.has(this.#lastId));
      this.#unacknowledged.set(this.#lastId, publish);
      this.#write(Buffer.from(sendAs(publish, this.#lastId, false)));
    }
  }

  /** False: a later timer goes on. */
  #take(): boolean {
    const { publishesPerSecond } = this.#options;
    if (publishesPerSecond === Number.POSITIVE_INFINITY) return true;
    const nowMs = performance.now();
    const most = publishesPerSecond * paceShare;
    this.#credit = Math.min(most, this.#credit + ((nowMs - this.#creditAtMs) * publishesPerSecond) / 1_000);
    this.#creditAtMs = nowMs;
    this.#credit -= 1;
    if (this.#credit >= 0) return true;
    this.#credit += 1;
    this.#paceTimer ??= setTimeout(() => {
      this.#paceTimer = undefined;
      this.#pump();
    }, 1_000 / publishesPerSecond);
    return false;
  }

  /** What is written in one turn of the event loop leaves with one call. */
  #write(bytes: Buffer): void {
    if (this.#out.push(bytes) > 1) return;
    setImmediate(() => {
      const { length } = this.#out;
      if (length > 0 && this.#socket?.writable) this.#socket.write(Buffer.concat(this.#out));
      this.#out = [];
    });
  }
}
