import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Packet, parser } from 'mqtt-packet';
import { Changes } from './eventually.ts';

export interface TapEvent {
  readonly broker: string;
  /** Number of the connection, over all taps of a timeline. */
  readonly leg: number;
  readonly clientId: string;
  /** `live`: the broker accepted. `over`: the gateway said DISCONNECT or closed, or the broker closed. */
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
    return liveLegs(this.of(clientId));
  }

  /** The legs that were live together with one at another broker, the first few, each with what happened to it. */
  doubles(clientId: string): readonly string[] {
    const doubles: string[] = [];
    const events = this.of(clientId);
    for (let count = 1; count <= events.length && doubles.length < 3; count += 1) {
      const live = liveLegs(events.slice(0, count));
      if (new Set(live.map(({ broker }) => broker)).size < 2) continue;
      const told = events.filter(({ leg }) => live.some((one) => one.leg === leg));
      doubles.push(`event ${count}: ${told.map(({ broker, leg, what }) => `${broker} ${leg} ${what}`).join(', ')}`);
    }
    return doubles;
  }
}

function liveLegs(events: readonly TapEvent[]): readonly TapEvent[] {
  const live = new Map<number, TapEvent>();
  const ended = new Set<number>();
  for (const event of events) {
    // A broker may still accept what the gateway has taken back already.
    if (event.what === 'live' && !ended.has(event.leg)) live.set(event.leg, event);
    if (event.what === 'disconnect' || event.what === 'over') {
      live.delete(event.leg);
      ended.add(event.leg);
    }
  }
  return [...live.values()];
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
    watchPackets(upstream, (packet) => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) note('live');
    });
    for (const [from, to] of [
      [gateway, upstream],
      [upstream, gateway],
    ] as const) {
      this.#sockets.add(from);
      from.on('end', end).on('close', end);
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
