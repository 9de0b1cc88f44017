import { connect, type Socket } from 'node:net';
import {
  encodeConnect,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  packetType,
  parsePublish,
  type ReceivedPublish,
  sendAs,
  type WireFilter,
  WireFramer,
  type WirePublish,
} from './wire-packets.ts';

export interface BrokerLinkOptions {
  readonly port: number;
  readonly clientId: string;
  readonly filters: readonly WireFilter[];
  /** Call `acknowledge` when the message is taken care of; the broker sends it again after a lost connection otherwise. */
  readonly onPublish: (publish: ReceivedPublish, acknowledge: () => void) => void;
}

interface Outstanding {
  readonly bytes: Buffer;
  readonly onAcknowledged: () => void;
}

const reconnectMs = 100;
/** Below what packet identifiers could tell apart; the others wait. */
const outstandingAtMost = 60_000;

/**
 * A client of one broker that loses nothing: MQTT 5, a session that outlives its connection, everything at QoS 1, sent
 * again after a lost connection until it is acknowledged.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #waiting: Outstanding[] = [];
  #socket: Socket | undefined;
  #isOpen = false;
  #isEnded = false;
  #lastId = 1;
  #out: Buffer[] = [];
  #onOpen: () => void = () => {};

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  /** Resolves when it is connected and subscribed. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.#dial();
    });
  }

  publish(publish: WirePublish, onAcknowledged: () => void, options: { readonly retain?: boolean } = {}): void {
    const outstanding = { bytes: encodePublish(5, publish, options.retain), onAcknowledged };
    if (this.#outstanding.size < outstandingAtMost) this.#send(outstanding);
    else this.#waiting.push(outstanding);
  }

  /** Published and not acknowledged yet. */
  get unacknowledged(): number {
    return this.#outstanding.size + this.#waiting.length;
  }

  end(): void {
    this.#isEnded = true;
    this.#socket?.destroy();
  }

  #dial(): void {
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    const framer = new WireFramer();
    this.#socket = socket;
    this.#out = [];
    const { clientId } = this.#options;
    socket.on('connect', () => {
      this.#write(encodeConnect({ version: 5, clientId, clean: false, keepAliveSeconds: 0 }));
    });
    socket.on('data', (chunk: Buffer) => framer.feed(chunk, (bytes) => this.#handlePacket(socket, bytes)));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isOpen = false;
      if (!this.#isEnded) setTimeout(() => this.#dial(), reconnectMs);
    });
  }

  #handlePacket(socket: Socket, bytes: Buffer): void {
    const type = (bytes[0] ?? 0) >> 4;
    if (type === packetType.publish) {
      const publish = parsePublish(5, bytes);
      this.#options.onPublish(publish, () => {
        if (publish.qos > 0 && socket === this.#socket) this.#write(encodePuback(publish.packetId));
      });
    } else if (type === packetType.puback) this.#handlePuback(bytes.readUInt16BE(2));
    else if (type === packetType.connack) this.#handleConnack(bytes);
    else if (type === packetType.suback) this.#onOpen();
  }

  #handleConnack(bytes: Buffer): void {
    if (bytes[3] !== 0) throw new Error(`${this.#options.clientId}: CONNACK ${bytes[3]}`);
    const isSessionPresent = bytes[2] === 1;
    if (!isSessionPresent && this.#options.filters.length > 0) {
      this.#write(encodeSubscribe(5, 1, this.#options.filters));
    } else this.#onOpen();
    this.#isOpen = true;
    for (const [packetId, { bytes: publish }] of this.#outstanding) {
      this.#write(Buffer.from(sendAs(publish, packetId, isSessionPresent)));
    }
  }

  #handlePuback(packetId: number): void {
    const found = this.#outstanding.get(packetId);
    if (found === undefined) return;
    this.#outstanding.delete(packetId);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#send(next);
    found.onAcknowledged();
  }

  #send(outstanding: Outstanding): void {
    do this.#lastId = this.#lastId === 0xffff ? 2 : this.#lastId + 1;
    while (this.#outstanding.has(this.#lastId));
    this.#outstanding.set(this.#lastId, outstanding);
    if (this.#isOpen) this.#write(sendAs(outstanding.bytes, this.#lastId, false));
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
