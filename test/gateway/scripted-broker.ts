import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';
import { PacketInbox } from './packet-inbox.ts';

/** What the broker does with a CONNECT: an answer in bytes, or one of the ways in which brokers fail. */
export type ConnectScript = Buffer | 'silent' | 'close' | 'close-at-accept' | 'close-behind-connack';

export const connackAccepted = Buffer.from([0x20, 0x02, 0x00, 0x00]);
export const connackAccepted5 = Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00]);

/** One connection that the gateway made. */
export interface BrokerLeg {
  readonly socket: Socket;
  readonly inbox: PacketInbox;
  /** All bytes that came, for exact comparison. */
  readonly received: Buffer[];
}

/** A broker that does exactly what a test says, on a loopback port. */
export class ScriptedBroker {
  readonly legs: BrokerLeg[] = [];
  onConnect: ConnectScript = connackAccepted;
  /** Set: what it does by client ID, in place of `onConnect`. */
  judge: ((clientId: string) => ConnectScript) | undefined;
  protocolVersion: 4 | 5 = 4;
  acknowledges = true;
  /** Closes at every PUBLISH. */
  closesAtPublish = false;
  /** The code of every SUBACK; undefined: SUBSCRIBE and UNSUBSCRIBE are not answered. */
  grants: number | undefined;
  /** Reads nothing while true, so that the gateway's buffers fill. */
  readsNothing = false;
  readonly #server: Server;
  #arrived: (() => void)[] = [];

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#handleConnection(socket));
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** The n-th connection, whenever it comes. */
  async leg(index = 0): Promise<BrokerLeg> {
    for (;;) {
      const leg = this.legs[index];
      if (leg !== undefined) return leg;
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  async stop(): Promise<void> {
    for (const { socket } of this.legs) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #handleConnection(socket: Socket): void {
    const leg: BrokerLeg = { socket, inbox: new PacketInbox(this.protocolVersion), received: [] };
    socket.on('error', () => {});
    socket.on('close', () => leg.inbox.handleClose());
    socket.on('end', () => {
      leg.inbox.handleEnd();
      socket.end();
    });
    if (this.onConnect === 'close-at-accept') socket.destroy();
    let answered = 0;
    socket.on('data', (chunk: Buffer) => {
      leg.received.push(chunk);
      leg.inbox.handleBytes(chunk);
      for (; answered < leg.inbox.packets.length; answered += 1) {
        const packet = leg.inbox.packets[answered];
        if (packet !== undefined) this.#answer(socket, packet);
      }
    });
    this.legs.push(leg);
    for (const resolve of this.#arrived.splice(0)) resolve();
  }

  #answer(socket: Socket, packet: Packet): void {
    if (packet.cmd === 'connect') {
      const script = this.judge?.(packet.clientId) ?? this.onConnect;
      if (script === 'close') socket.destroy();
      else if (script === 'close-behind-connack') socket.end(connackAccepted);
      else if (Buffer.isBuffer(script)) socket.write(script);
      if (this.readsNothing) socket.pause();
      return;
    }
    if (packet.cmd === 'publish' && this.closesAtPublish) socket.destroy();
    if (!this.acknowledges || socket.destroyed) return;
    if (packet.cmd === 'publish' && packet.qos === 1) {
      socket.write(mqtt.generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }));
    }
    if (packet.cmd === 'pingreq') socket.write(Buffer.from([0xd0, 0x00]));
    const { grants, protocolVersion } = this;
    if (grants === undefined) return;
    const messageId = packet.messageId ?? 0;
    const answer = (cmd: 'suback' | 'unsuback', granted: number[]) =>
      socket.write(mqtt.generate({ cmd, messageId, granted } as Packet, { protocolVersion }));
    if (packet.cmd === 'subscribe')
      answer(
        'suback',
        packet.subscriptions.map(() => grants),
      );
    if (packet.cmd === 'unsubscribe')
      answer('unsuback', protocolVersion === 5 ? packet.unsubscriptions.map(() => 0) : []);
  }
}
