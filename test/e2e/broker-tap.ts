import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Packet, parser } from 'mqtt-packet';
import { Changes } from './eventually.ts';

export interface TapEvent {
  readonly broker: string;
  /** Number of the connection, over all taps of a timeline. */
  readonly leg: number;
  readonly clientId: string;
  /** `live`: the broker accepted. `disconnect`: the gateway said it, or passed it on. `over`: the broker closed. */
  readonly what: 'connect' | 'live' | 'disconnect' | 'over';
}

/** What several taps saw, in the one order in which it went through this process. */
export class Timeline {
  readonly events: TapEvent[] = [];
  readonly changes = new Changes();
  lastLeg = 0;

  add(event: TapEvent): void {
    this.events.push(event);
    this.changes.announce();
  }

  of(clientId: string): readonly TapEvent[] {
    return this.events.filter((event) => event.clientId === clientId);
  }

  /** Legs of a client ID that a broker accepted and that are not over. */
  liveLegs(clientId: string): readonly TapEvent[] {
    const live = new Map<number, TapEvent>();
    for (const event of this.of(clientId)) {
      if (event.what === 'live') live.set(event.leg, event);
      if (event.what === 'over') live.delete(event.leg);
    }
    return [...live.values()];
  }

  /**
   * The legs that stood together with one at another broker, the first few times, each with what happened to it. A leg
   * counts from its CONNECT until its broker closed, because a tap cannot see when in between the broker accepts the one
   * and acts upon DISCONNECT: this is longer than the broker holds the client ID, never shorter.
   */
  doubles(clientId: string): readonly string[] {
    const doubles: string[] = [];
    const events = this.of(clientId);
    const open = new Map<number, string>();
    for (const [index, { broker, leg, what }] of events.entries()) {
      if (what === 'over') open.delete(leg);
      if (what !== 'connect') continue;
      open.set(leg, broker);
      if (new Set(open.values()).size < 2) continue;
      const told = events
        .filter((event) => open.has(event.leg))
        .map((event) => `${event.broker} ${event.leg} ${event.what}`);
      doubles.push(`event ${index}: ${told.join(', ')}`);
      if (doubles.length === 3) break;
    }
    return doubles;
  }
}

/** A TCP relay in front of a broker that writes down when sessions begin and end. */
export class BrokerTap implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(broker: string, port: number, timeline: Timeline): Promise<BrokerTap> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const tap = new BrokerTap(server);
    server.on('connection', (socket) => tap.#relay(socket, { broker, port, timeline }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return tap;
  }

  get url(): string {
    const address = this.#server.address();
    return `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  #relay(
    gateway: Socket,
    { broker, port, timeline }: { readonly broker: string; readonly port: number; readonly timeline: Timeline },
  ): void {
    timeline.lastLeg += 1;
    const leg = timeline.lastLeg;
    let clientId = '';
    let isOver = false;
    const note = (what: TapEvent['what']) => timeline.add({ broker, leg, clientId, what });
    const end = () => {
      if (!isOver && clientId !== '') note('over');
      isOver = true;
    };
    const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    watchPackets(gateway, (packet) => {
      if (packet.cmd === 'connect') {
        clientId = packet.clientId;
        note('connect');
      }
      if (packet.cmd === 'disconnect') note('disconnect');
    });
    upstream.on('end', end).on('close', end);
    watchPackets(upstream, (packet) => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) note('live');
    });
    for (const [from, to] of [
      [gateway, upstream],
      [upstream, gateway],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Sees packets of MQTT 3.1 and 3.1.1. */
function watchPackets(socket: Socket, onPacket: (packet: Packet) => void): void {
  const packets = parser({ protocolVersion: 4 });
  packets.on('packet', onPacket);
  packets.on('error', () => {});
  socket.on('data', (chunk: Buffer) => void packets.parse(chunk));
}
