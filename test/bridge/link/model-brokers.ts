import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import type { ClientPort } from '../../../src/bridge/link/broker-client.ts';
import type { Lane } from '../../../src/bridge/link/lane.ts';
import type { SourceLeg } from '../../../src/bridge/link/source-leg.ts';

/** A message of the model: `key` and `number` say who it is and what came before it. */
export interface ModelMessage {
  readonly key: string;
  readonly number: number;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
  /** Instead of its name, and of the topic of its key. */
  readonly payload?: string;
  readonly topic?: string;
  readonly properties?: IPublishPacket['properties'];
}

export function nameOf({ key, number }: Pick<ModelMessage, 'key' | 'number'>): string {
  return `${key}:${number}`;
}

/** Cuts what one side writes into packets, with another codec than the one under test. */
export class PacketEar {
  readonly #parser: mqttPacket.Parser;
  readonly #heard: Packet[] = [];

  constructor(protocolVersion: 4 | 5) {
    this.#parser = mqttPacket.parser({ protocolVersion });
    this.#parser.on('packet', (packet) => this.#heard.push(packet));
    this.#parser.on('error', (error) => {
      throw error;
    });
  }

  hear(bytes: Buffer): readonly Packet[] {
    this.#parser.parse(bytes);
    return this.#heard.splice(0);
  }
}

/** One connection as its broker sees it; what it says lies in `toBridge` until the schedule lets it arrive. */
export class ModelConnection {
  readonly ear: PacketEar;
  /** Hears what the bridge writes when it writes it, whether the broker reads it or not. */
  readonly writeEar: PacketEar;
  readonly protocolVersion: 4 | 5;
  toBridge: Packet[] = [];
  isOpen = true;
  /** Why the bridge closed it. */
  cause: string | undefined;

  constructor(protocolVersion: 4 | 5) {
    this.protocolVersion = protocolVersion;
    this.ear = new PacketEar(protocolVersion);
    this.writeEar = new PacketEar(protocolVersion);
  }

  say(packet: Packet): void {
    this.toBridge.push(packet);
  }
}

type Part = Pick<SourceLeg | Lane, 'connect' | 'client'> & { handleLost(nowMs: number): void };

/** What both kinds of broker share: a connection to one part of the link, and ways to lose it. */
abstract class ModelBroker {
  readonly protocolVersion: 4 | 5;
  connection: ModelConnection | undefined;
  /** It is there, and does not read. */
  isFrozen = false;
  /** Connections that were lost. */
  losses = 0;
  /** Sees every packet, both ways, when it arrives. */
  onPacket: (from: 'bridge' | 'broker', packet: Packet) => void = () => {};
  /** What came while it was frozen. */
  #unread: Buffer[] = [];

  constructor(protocolVersion: 4 | 5) {
    this.protocolVersion = protocolVersion;
  }

  protected abstract handle(packet: Packet, connection: ModelConnection): void;

  protected handleWritten(_packet: Packet): void {}

  protected handleDelivering(_packet: Packet): void {}

  protected handleGone(): void {}

  accept(part: Part, nowMs: number): void {
    const connection = new ModelConnection(this.protocolVersion);
    this.connection = connection;
    const port: ClientPort = {
      isFull: false,
      write: (bytes, length) => {
        if (!connection.isOpen) return;
        const written = Buffer.from(bytes.subarray(0, length));
        for (const packet of connection.writeEar.hear(written)) this.handleWritten(packet);
        if (this.isFrozen) this.#unread.push(written);
        else this.#read(written, connection);
      },
      close: (cause) => {
        connection.isOpen = false;
        connection.cause = cause;
      },
    };
    part.connect(port, nowMs);
  }

  thaw(): void {
    this.isFrozen = false;
    const unread = this.#unread;
    this.#unread = [];
    const { connection } = this;
    if (connection?.isOpen) for (const bytes of unread) this.#read(bytes, connection);
  }

  /** Lets `count` of the broker's packets arrive. */
  deliver(part: Part, count: number, nowMs: number): void {
    for (let left = count; left > 0 && this.connection?.isOpen; left -= 1) {
      const packet = this.connection.toBridge.shift();
      if (packet === undefined) return;
      this.onPacket('broker', packet);
      this.handleDelivering(packet);
      const { protocolVersion } = this;
      part.client?.receive(mqttPacket.generate(packet, { protocolVersion }), nowMs);
    }
  }

  /** The connection is gone: what was on its way to either side is lost. */
  lose(part: Part, nowMs: number): void {
    this.#unread = [];
    if (this.connection === undefined) return;
    this.losses += 1;
    this.connection.isOpen = false;
    this.connection = undefined;
    this.handleGone();
    part.handleLost(nowMs);
  }

  #read(bytes: Buffer, connection: ModelConnection): void {
    for (const packet of connection.ear.hear(bytes)) {
      if (!connection.isOpen) return;
      this.onPacket('bridge', packet);
      this.handle(packet, connection);
    }
  }
}

const windowOfSource = 6;

interface Exchange {
  readonly message: ModelMessage;
  isReleased: boolean;
}

/** A broker with one persistent subscriber. */
export class ModelSource extends ModelBroker {
  readonly waiting: ModelMessage[] = [];
  /** Packet identifier → what is unfinished, in the order of sending. */
  readonly inflight = new Map<number, Exchange>();
  /** By name, what the bridge took responsibility for. */
  readonly acknowledged: string[] = [];
  onAcknowledged: (name: string) => void = () => {};
  #packetId = 0;
  #isSubscribed = false;
  #hasSession = false;
  /** The session has it. Behind UNSUBSCRIBE what the queue has is still sent, and nothing is put into it. */
  #hasSubscription = false;
  /** Behind a reconnect the same messages come under other identifiers, as from a broker that was restored. */
  renumbers = false;
  /** Of the subscriber's CONNECT and SUBSCRIBE packets. */
  readonly greetings: Packet[] = [];

  get hasSubscription(): boolean {
    return this.#hasSubscription;
  }

  /** False: nobody is subscribed. */
  publish(message: ModelMessage): boolean {
    if (!this.#hasSubscription) return false;
    this.waiting.push(message);
    this.#send();
    return true;
  }

  /** It forgets the session, as a broker without persistence does in a crash. */
  forget(): void {
    this.#hasSession = false;
    this.#hasSubscription = false;
    this.inflight.clear();
    this.waiting.length = 0;
  }

  protected handle(packet: Packet, connection: ModelConnection): void {
    switch (packet.cmd) {
      case 'connect':
        this.greetings.push(packet);
        this.#isSubscribed = false;
        connection.say({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: this.#hasSession });
        this.#isSubscribed = this.#hasSession;
        this.#hasSession = true;
        this.#resend(connection);
        break;
      case 'subscribe':
        this.greetings.push(packet);
        connection.say({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] });
        this.#isSubscribed = true;
        this.#hasSubscription = true;
        this.#send();
        break;
      case 'unsubscribe':
        this.greetings.push(packet);
        this.#hasSubscription = false;
        connection.say({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [0] });
        this.#send();
        break;
      case 'disconnect':
        this.greetings.push(packet);
        break;
      case 'puback':
      case 'pubrec':
        this.#acknowledge(packet.messageId ?? 0, packet.cmd === 'pubrec', connection);
        break;
      case 'pubcomp':
        this.inflight.delete(packet.messageId ?? 0);
        this.#send();
        break;
      case 'pingreq':
        connection.say({ cmd: 'pingresp' });
        break;
      default:
        break;
    }
  }

  #acknowledge(packetId: number, isReceipt: boolean, connection: ModelConnection): void {
    const exchange = this.inflight.get(packetId);
    if (exchange === undefined) return;
    if (!exchange.isReleased) {
      this.acknowledged.push(nameOf(exchange.message));
      this.onAcknowledged(nameOf(exchange.message));
    }
    exchange.isReleased = true;
    if (isReceipt) connection.say({ cmd: 'pubrel', messageId: packetId });
    else this.inflight.delete(packetId);
    this.#send();
  }

  #resend(connection: ModelConnection): void {
    if (this.renumbers) this.#renumber();
    for (const [packetId, { message, isReleased }] of this.inflight) {
      if (isReleased) connection.say({ cmd: 'pubrel', messageId: packetId });
      else connection.say(publishPacket(message, packetId, true));
    }
  }

  #renumber(): void {
    const exchanges = [...this.inflight.values()].filter(({ isReleased }) => !isReleased);
    for (const [packetId, { isReleased }] of [...this.inflight]) if (!isReleased) this.inflight.delete(packetId);
    for (const exchange of exchanges) this.inflight.set(this.#freePacketId(), exchange);
  }

  #freePacketId(): number {
    do this.#packetId = (this.#packetId % 9) + 1;
    while (this.inflight.has(this.#packetId));
    return this.#packetId;
  }

  #send(): void {
    const { connection } = this;
    if (connection?.isOpen !== true || !this.#isSubscribed) return;
    while (this.inflight.size < windowOfSource && this.waiting.length > 0) {
      const message = this.waiting.shift() as ModelMessage;
      if (message.qos === 0) {
        connection.say(publishPacket(message, 0, false));
        continue;
      }
      const packetId = this.#freePacketId();
      this.inflight.set(packetId, { message, isReleased: false });
      connection.say(publishPacket(message, packetId, false));
    }
  }
}

function publishPacket(message: ModelMessage, messageId: number, dup: boolean): IPublishPacket {
  const { key, qos, retain = false, properties, topic = `dt/${key}/state`, payload = nameOf(message) } = message;
  return {
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload),
    ...(properties !== undefined && { properties }),
    ...{ qos, dup, retain },
    ...(qos > 0 && { messageId }),
  };
}

/** A broker that is published to, on one connection of each lane. */
export class ModelTarget extends ModelBroker {
  /** Payloads in the order in which they were taken, of all lanes: the list is shared. */
  readonly taken: { readonly name: string; readonly atMs: number; readonly packet: IPublishPacket }[];
  /** It closes the connection for these. */
  readonly poison: ReadonlySet<string>;
  attemptsByName = new Map<string, number>();
  /** What it says at CONNACK, where it is less than MQTT allows. */
  receiveMaximum: number | undefined;
  /** Messages that were written to it and are not acknowledged, by packet identifier. */
  readonly held = new Map<number, string>();
  /** By name: how often it answers that a quota is used up. */
  readonly throttles: Map<string, number>;
  /** It says at CONNACK that it retains nothing, and closes the connection for RETAIN, as AWS did until 2021. */
  refusesRetain = false;
  readonly #now: () => number;
  readonly #onTaken: (packet: IPublishPacket) => void;
  readonly #onHeld: (name: string, target: ModelTarget) => void;

  constructor(
    protocolVersion: 4 | 5,
    shared: {
      onTaken: (packet: IPublishPacket) => void;
      /** Before anybody knows of it. */
      onHeld: (name: string, target: ModelTarget) => void;
      throttles: Map<string, number>;
      taken: ModelTarget['taken'];
      poison: ReadonlySet<string>;
      attemptsByName: Map<string, number>;
      now: () => number;
    },
  ) {
    super(protocolVersion);
    this.taken = shared.taken;
    this.poison = shared.poison;
    this.attemptsByName = shared.attemptsByName;
    this.#now = shared.now;
    this.#onTaken = shared.onTaken;
    this.#onHeld = shared.onHeld;
    this.throttles = shared.throttles;
  }

  protected override handleWritten(packet: Packet): void {
    if (packet.cmd !== 'publish' || packet.messageId === undefined) return;
    this.held.set(packet.messageId, packet.payload.toString());
    this.#onHeld(packet.payload.toString(), this);
  }

  protected override handleDelivering(packet: Packet): void {
    if (packet.cmd === 'puback') this.held.delete(packet.messageId ?? 0);
  }

  protected override handleGone(): void {
    this.held.clear();
  }

  protected handle(packet: Packet, connection: ModelConnection): void {
    switch (packet.cmd) {
      case 'connect':
        connection.say({
          ...{ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false },
          ...(this.protocolVersion === 5 && { properties: this.#terms }),
        });
        break;
      case 'publish': {
        const name = packet.payload.toString();
        this.attemptsByName.set(name, (this.attemptsByName.get(name) ?? 0) + 1);
        if (this.poison.has(name) || (packet.retain && this.refusesRetain)) {
          connection.isOpen = false;
          return;
        }
        const throttles = this.throttles.get(name) ?? 0;
        if (throttles > 0) {
          this.throttles.set(name, throttles - 1);
          connection.say({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x97 });
          return;
        }
        this.taken.push({ name, atMs: this.#now(), packet });
        this.#onTaken(packet);
        if (packet.qos === 1) connection.say({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 });
        break;
      }
      case 'pingreq':
        connection.say({ cmd: 'pingresp' });
        break;
      default:
        break;
    }
  }

  get #terms(): { receiveMaximum?: number; retainAvailable?: boolean } {
    return {
      ...(this.receiveMaximum !== undefined && { receiveMaximum: this.receiveMaximum }),
      ...(this.refusesRetain && { retainAvailable: false }),
    };
  }
}
