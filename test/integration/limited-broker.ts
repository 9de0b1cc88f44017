import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { Changes } from '../e2e/eventually.ts';
import type { AcknowledgementOptions } from './limited-broker-acknowledgements.ts';
import type { ConnectBreach } from './limited-broker-connect.ts';
import { LimitedConnection } from './limited-broker-connection.ts';
import {
  awsLimits,
  type BrokerLimits,
  type CloseReason,
  hasWildcard,
  isViolation,
  matchesFilter,
  seededRandom,
  splitShare,
} from './limited-broker-limits.ts';
import { type BrokerMessage, LimitedSession } from './limited-broker-session.ts';

export interface LimitedBrokerOptions extends AcknowledgementOptions {
  readonly limits?: Partial<BrokerLimits>;
  /** Milliseconds between CONNECT and CONNACK; what comes in between ends the connection. Default 0. */
  readonly connackDelayMs?: number;
  /** More than one CONNECT a second with the same client ID is refused. Default false. */
  readonly throttlesConnects?: boolean;
  /** Within which the publish rate is counted; default 1 000 ms. */
  readonly rateWindowMs?: number;
  /** A message unacknowledged for that long is sent once more, under a new identifier and without DUP; default 0: never. */
  readonly redeliverAfterMs?: number;
  /** Of the choice among members of a shared subscription. */
  readonly seed?: number;
}

export interface RecordedClose {
  readonly clientId: string;
  readonly reason: CloseReason;
  /** What the client sent last. */
  readonly after: string;
  readonly connection: LimitedConnection;
}

/**
 * A broker of MQTT 3.1.1 and 5 on loopback with the limits and quirks of AWS IoT Core. It shares no code with the gateway:
 * packets are `mqtt-packet`'s. What its fact sheet leaves open it decides strictly: closes where AWS may close.
 */
export class LimitedBroker implements AsyncDisposable {
  readonly options: LimitedBrokerOptions;
  readonly limits: BrokerLimits;
  /** In the order of their TCP connections; refused ones too. */
  readonly connections: LimitedConnection[] = [];
  /** Every end of a connection. */
  readonly closes: RecordedClose[] = [];
  /** Application messages that were accepted, wills included, in order. */
  readonly accepted: IPublishPacket[] = [];
  readonly changes = new Changes();
  readonly #server: Server;
  readonly #sessions = new Map<string, LimitedSession>();
  readonly #connected = new Map<string, LimitedConnection>();
  readonly #retained = new Map<string, BrokerMessage>();
  readonly #lastConnectMs = new Map<string, number>();
  readonly #random: () => number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #clockOffsetMs = 0;
  #assigned = 0;

  private constructor(options: LimitedBrokerOptions) {
    this.options = options;
    this.limits = { ...awsLimits, ...options.limits };
    this.#random = seededRandom(options.seed ?? 1);
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections.push(new LimitedConnection(this, socket));
      this.changes.announce();
    });
  }

  static async start(options: LimitedBrokerOptions = {}): Promise<LimitedBroker> {
    const broker = new LimitedBroker(options);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Ends that the broker's rules made; a client that keeps them has none. */
  get violations(): readonly string[] {
    return this.closes
      .filter(({ reason }) => isViolation(reason))
      .map(({ clientId, reason, after }) => `${clientId}: ${reason} after ${after}`);
  }

  /** CONNECT packets as they came, refused ones too. */
  get connects(): readonly IConnectPacket[] {
    return this.connections.flatMap(({ connect }) => connect ?? []);
  }

  /** Milliseconds of a monotonic clock that `advance` moves. */
  nowMs(): number {
    return performance.now() + this.#clockOffsetMs;
  }

  /** Lets time pass at once: keep alives and sessions run out. */
  advance(ms: number): void {
    this.#clockOffsetMs += ms;
    for (const connection of this.connections) connection.checkKeepAlive();
  }

  /** The last accepted connection of a client ID, whenever it comes. */
  async connection(clientId: string): Promise<LimitedConnection> {
    await this.until(`a connection of ${clientId}`, () => this.#connected.has(clientId));
    return this.#connected.get(clientId) as LimitedConnection;
  }

  session(clientId: string): LimitedSession | undefined {
    return this.#sessions.get(clientId);
  }

  until(what: string, isSo: () => boolean, deadlineMs = 10_000): Promise<void> {
    const describe = () => `${what} did not come true; closes: ${this.closes.map(({ reason }) => reason).join(', ')}`;
    return this.changes.until(describe, isSo, deadlineMs);
  }

  /** Publishes as somebody else would. */
  publish(topic: string, payload: string | Buffer, options: Partial<IPublishPacket> = {}): void {
    this.accept({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, ...options });
  }

  /** Takes an application message and gives it to everybody whose subscription matches. */
  accept(packet: IPublishPacket): void {
    this.accepted.push(packet);
    const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
    const { topicAlias: _, ...properties } = packet.properties ?? {};
    const message = { topic: packet.topic, payload, qos: packet.qos === 0 ? 0 : 1, retain: false, properties } as const;
    if (packet.retain && payload.length === 0) this.#retained.delete(packet.topic);
    else if (packet.retain) this.#retained.set(packet.topic, { ...message, retain: true });
    // One copy a session at the highest QoS granted; Retain As Published is not looked at.
    for (const session of this.#sessions.values()) {
      const granted = session.grantedQos(packet.topic);
      if (granted !== undefined) session.deliver({ ...message, qos: message.qos === 1 ? granted : 0 });
    }
    this.#deliverShared(message);
    this.changes.announce();
  }

  deliverRetained(session: LimitedSession, filter: string, qos: 0 | 1): void {
    const { shareName, path } = splitShare(filter);
    // "Exact-topic SUBSCRIBE only": wildcard and shared subscriptions get none.
    const message = shareName === undefined && !hasWildcard(path) ? this.#retained.get(path) : undefined;
    if (message !== undefined) session.deliver({ ...message, qos: message.qos === 1 ? qos : 0 });
  }

  connectRateBreach(clientId: string): ConnectBreach | undefined {
    const last = this.#lastConnectMs.get(clientId) ?? Number.NEGATIVE_INFINITY;
    this.#lastConnectMs.set(clientId, this.nowMs());
    const isTooSoon = this.options.throttlesConnects === true && this.nowMs() - last < 1_000;
    return isTooSoon ? { reason: 'connect-throttled', code: 0x97 } : undefined;
  }

  /** The client's session; an older connection of the same client ID ends, and its will fires. */
  openSession(
    connection: LimitedConnection,
    connect: IConnectPacket,
  ): { readonly session: LimitedSession; readonly isPresent: boolean } {
    const clientId = connect.clientId === '' ? `assigned-${++this.#assigned}` : connect.clientId;
    const version = connect.protocolVersion ?? 4;
    this.#connected.get(clientId)?.close('taken-over', 0x8e);
    const known = this.#sessions.get(clientId);
    // A session of MQTT 5 is none for MQTT 3, and the other way round.
    const isPresent =
      known !== undefined && connect.clean !== true && known.version === version && known.endsAtMs > this.nowMs();
    const options = { clientId, version, redeliverAfterMs: this.options.redeliverAfterMs ?? 0 };
    const session = isPresent ? known : new LimitedSession(options);
    const unclean = connect.clean === true ? 0 : Number.POSITIVE_INFINITY;
    const asked = version === 5 ? (connect.properties?.sessionExpiryInterval ?? 0) : unclean;
    session.expirySeconds = Math.min(asked, this.limits.sessionExpirySeconds);
    session.endsAtMs = Number.POSITIVE_INFINITY;
    this.#sessions.set(clientId, session);
    this.#connected.set(clientId, connection);
    return { session, isPresent };
  }

  noteClose(
    connection: LimitedConnection,
    end: { readonly reason: CloseReason; readonly wasConnected: boolean; readonly session: LimitedSession | undefined },
  ): void {
    const { reason, wasConnected, session } = end;
    const after = connection.commands().at(-1) ?? 'nothing';
    this.closes.push({ clientId: connection.clientId, reason, after, connection });
    if (session !== undefined) {
      this.#connected.delete(session.clientId);
      session.detach();
      session.endsAtMs = this.nowMs() + session.expirySeconds * 1_000;
      if (session.expirySeconds === 0) this.#sessions.delete(session.clientId);
    }
    if (wasConnected && reason !== 'client-disconnect' && reason !== 'broker-stopped') this.#publishWill(connection);
    this.changes.announce();
  }

  /** A timer that does not outlive the broker. */
  after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** At once: a will delay is not looked at. */
  #publishWill({ connect }: LimitedConnection): void {
    const will = connect?.will;
    if (will === undefined) return;
    const { topic, payload, qos = 0, retain = false } = will;
    const { willDelayInterval: _, ...properties } = will.properties ?? {};
    this.accept({ cmd: 'publish', topic, payload, qos, retain, dup: false, properties });
  }

  #deliverShared(message: BrokerMessage): void {
    const groups = new Map<string, { readonly session: LimitedSession; readonly qos: 0 | 1 }[]>();
    for (const session of this.#sessions.values()) {
      for (const [filter, qos] of session.subscriptions) {
        const { shareName, path } = splitShare(filter);
        if (shareName === undefined || !matchesFilter(path, message.topic)) continue;
        groups.set(filter, [...(groups.get(filter) ?? []), { session, qos }]);
      }
    }
    for (const members of groups.values()) {
      const present = members.filter(({ session }) => session.isAttached);
      const candidates = present.length > 0 ? present : members;
      const member = candidates[Math.floor(this.#random() * candidates.length)];
      member?.session.deliver({ ...message, qos: message.qos === 1 ? member.qos : 0 });
    }
  }
}
