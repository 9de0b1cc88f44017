import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { machineMs, type PhasedDelays } from './delay-histogram.ts';
import {
  type DevicePlan,
  deviceFilters,
  numberedMessage,
  parseNumbered,
  probeTopic,
  retainedTopic,
  willTopic,
} from './fleet-plan.ts';
import { SequenceSet } from './sequence-set.ts';
import {
  disconnect,
  encodeConnect,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  packetType,
  parsePublish,
  pingreq,
  type ReceivedPublish,
  sendAs,
  WireFramer,
} from './wire-packets.ts';

/** What all devices share. */
export interface FleetSurroundings {
  readonly port: number;
  readonly servername: string;
  readonly keepAliveSeconds: number;
  readonly secureContext: SecureContext;
  readonly commandDelays: PhasedDelays;
  readonly acknowledgementDelays: PhasedDelays;
  readonly pingDelays: PhasedDelays;
}

/** From the loss of the connection until the subscriptions stood again. */
export interface Absence {
  readonly fromMs: number;
  /** Undefined while it lasts. */
  readonly toMs?: number;
}

interface SentPublish {
  readonly bytes: Buffer;
  readonly number: number;
  readonly sentMs: number;
}

const reconnectMs = { least: 100, most: 3_000 };
/** A device with so many unacknowledged messages waits before it sends more. */
const unacknowledgedAtMost = 20;

/** A device in as few instructions as possible: TLS with session resumption, QoS 1 both ways, everything counted. */
export class FleetDevice {
  readonly plan: DevicePlan;
  readonly commands = new SequenceSet();
  readonly absences: Absence[] = [];
  /** Values of its probe topic, in order. */
  probes: string[] = [];
  published = 0;
  /** When each message was acknowledged, by its number less 1, machine milliseconds. */
  readonly acknowledgedMs: number[] = [];
  /** Connections that ended although it wanted none of that. */
  closes = 0;
  /** How the last of them ended. */
  lastClose = '';
  subscribes = 0;
  /** Resumed connections whose broker had no session. */
  sessionsLost = 0;
  retainedReceived = 0;
  /** Messages that nobody sent to it. */
  strangers: string[] = [];
  /** Seconds without room for a further message. */
  stalls = 0;
  isReady = false;
  readonly #surroundings: FleetSurroundings;
  readonly #unacknowledged = new Map<number, SentPublish>();
  #socket: TLSSocket | undefined;
  #tlsSession: Buffer | undefined;
  #lastId = 1;
  #pingedMs: number | undefined;
  #awayMs: number | undefined;
  #readyMs = 0;
  #failures = 0;
  #wantsConnection = false;

  constructor(plan: DevicePlan, surroundings: FleetSurroundings) {
    this.plan = plan;
    this.#surroundings = surroundings;
  }

  get unacknowledgedNumbers(): readonly number[] {
    return [...this.#unacknowledged.values()].map(({ number }) => number);
  }

  connect(): void {
    this.#wantsConnection = true;
    this.#dial();
  }

  /** In order; its session stays when it is persistent. */
  leave(): void {
    this.#wantsConnection = false;
    this.#markAway();
    this.#socket?.end(disconnect);
    this.#socket = undefined;
  }

  /** Without a word. */
  destroy(): void {
    this.#wantsConnection = false;
    this.#socket?.destroy();
  }

  publish(): void {
    if (!this.isReady) return;
    if (this.#unacknowledged.size >= unacknowledgedAtMost) {
      this.stalls += 1;
      return;
    }
    this.published += 1;
    const sentMs = machineMs();
    const bytes = encodePublish(this.plan.version, numberedMessage('tel', this.plan, this.published, sentMs));
    do this.#lastId = this.#lastId === 0xffff ? 2 : this.#lastId + 1;
    while (this.#unacknowledged.has(this.#lastId));
    this.#unacknowledged.set(this.#lastId, { bytes, number: this.published, sentMs });
    this.#socket?.write(sendAs(bytes, this.#lastId, false));
  }

  ping(): void {
    if (!this.isReady) return;
    this.#pingedMs ??= machineMs();
    this.#socket?.write(pingreq);
  }

  #dial(): void {
    const { port, servername, keepAliveSeconds, secureContext } = this.#surroundings;
    const { version, clientId, isPersistent } = this.plan;
    const session = this.#tlsSession === undefined ? {} : { session: this.#tlsSession };
    const socket = connect({ host: '127.0.0.1', port, servername, secureContext, ...session });
    this.#socket = socket;
    socket.setNoDelay(true);
    const framer = new WireFramer();
    socket.on('session', (ticket) => {
      this.#tlsSession = ticket;
    });
    socket.on('secureConnect', () => {
      const will = { topic: willTopic(clientId), payload: clientId };
      socket.write(encodeConnect({ version, clientId, clean: !isPersistent, keepAliveSeconds, will }));
    });
    socket.on('data', (chunk: Buffer) => framer.feed(chunk, (bytes) => this.#handlePacket(socket, bytes)));
    socket.on('error', (error) => {
      this.lastClose = error.message;
    });
    socket.on('close', () => this.#handleClose(socket));
  }

  #handleClose(socket: TLSSocket): void {
    if (socket !== this.#socket || !this.#wantsConnection) return;
    if (this.isReady) this.closes += 1;
    this.#markAway();
    const backOffMs = Math.min(reconnectMs.most, reconnectMs.least * 2 ** this.#failures);
    this.#failures += 1;
    setTimeout(() => this.#wantsConnection && this.#dial(), backOffMs * (0.5 + Math.random()));
  }

  #markAway(): void {
    if (this.isReady) this.#awayMs = machineMs();
    this.isReady = false;
    this.#pingedMs = undefined;
  }

  #handlePacket(socket: TLSSocket, bytes: Buffer): void {
    const type = (bytes[0] ?? 0) >> 4;
    if (type === packetType.publish) this.#handlePublish(socket, parsePublish(this.plan.version, bytes));
    else if (type === packetType.puback) this.#handlePuback(bytes);
    else if (type === packetType.pingresp) this.#handlePingresp();
    else if (type === packetType.connack) this.#handleConnack(socket, bytes);
    else if (type === packetType.suback) this.#handleReady(socket);
    else if (type === packetType.disconnect) this.lastClose = `DISCONNECT ${bytes[2] ?? 0}`;
  }

  #handleConnack(socket: TLSSocket, bytes: Buffer): void {
    const [, , flags = 0, code] = bytes;
    if (code !== 0) {
      this.lastClose = `CONNACK ${code}`;
      return;
    }
    const isSessionPresent = (flags & 1) === 1;
    if (isSessionPresent) {
      this.#handleReady(socket);
      return;
    }
    if (this.plan.isPersistent && this.subscribes > 0) this.sessionsLost += 1;
    this.subscribes += 1;
    const filters = deviceFilters(this.plan).map((filter) => ({ filter }));
    socket.write(encodeSubscribe(this.plan.version, 1, filters));
  }

  #handleReady(socket: TLSSocket): void {
    const { isPersistent } = this.plan;
    if (this.#awayMs !== undefined) this.absences.push({ fromMs: this.#awayMs, toMs: machineMs() });
    this.#awayMs = undefined;
    this.#readyMs = machineMs();
    this.#failures = 0;
    this.isReady = true;
    for (const [packetId, { bytes }] of this.#unacknowledged) {
      socket.write(Buffer.from(sendAs(bytes, packetId, isPersistent)));
    }
  }

  #handlePublish(socket: TLSSocket, publish: ReceivedPublish): void {
    if (publish.qos > 0) socket.write(encodePuback(publish.packetId));
    const { clientId } = this.plan;
    if (publish.topic === retainedTopic(clientId)) this.retainedReceived += 1;
    else if (publish.topic === probeTopic(clientId)) this.probes.push(publish.payload);
    else this.#handleCommand(publish);
  }

  #handleCommand(publish: ReceivedPublish): void {
    const message = parseNumbered(publish);
    if (message === undefined || message.clientId !== this.plan.clientId || publish.retain) {
      this.strangers.push(JSON.stringify(publish));
      return;
    }
    // What waited for the device to come back says nothing of the way.
    if (!this.commands.has(message.number) && message.sentMs > this.#readyMs) {
      this.#surroundings.commandDelays.add(machineMs() - message.sentMs);
    }
    this.commands.add(message.number);
  }

  #handlePuback(bytes: Buffer): void {
    const packetId = bytes.readUInt16BE(2);
    const sent = this.#unacknowledged.get(packetId);
    if (sent === undefined) return;
    this.#unacknowledged.delete(packetId);
    const nowMs = machineMs();
    this.acknowledgedMs[sent.number - 1] = nowMs;
    this.#surroundings.acknowledgementDelays.add(nowMs - sent.sentMs);
  }

  #handlePingresp(): void {
    if (this.#pingedMs !== undefined) this.#surroundings.pingDelays.add(machineMs() - this.#pingedMs);
    this.#pingedMs = undefined;
  }
}
