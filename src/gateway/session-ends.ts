import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { askBroker } from './broker-answer.ts';
import { reportAnswer } from './contact-report.ts';
import type { ContactedDevice, FirstContacts } from './first-contacts.ts';
import { flushLingerMs, type GatewayPorts } from './gateway-ports.ts';
import type { SessionEnd } from './leg-terms.ts';
import { closeAfterFlush, closedWithin } from './socket-closing.ts';
import type { UpstreamConnection } from './upstream-connector.ts';

/** A session to be ended at its broker by a connection of its own. */
export interface EndingSession {
  readonly connection: number;
  readonly clientId: string;
  readonly broker: string;
  readonly sessionEnd: SessionEnd;
  /** Called exactly once; false: the broker may still hold the session. */
  readonly handleOver: (isEnded: boolean) => void;
}

/** Connections to brokers for this at once, and sessions that wait for one. */
const bounds = { active: 8, waiting: 1_000 };

/** How long all of one may take. */
const endingMs = 10_000;

interface Ending {
  readonly session: EndingSession;
  readonly controller: AbortController;
  readonly over: PromiseWithResolvers<void>;
  /** The broker may act upon the CONNECT from here on. */
  isAsked: boolean;
}

/**
 * Ends sessions at brokers that know no expiry, in the background and as well as it goes: CONNECT with Clean Session, then
 * DISCONNECT. The client ID is kept as long, because that CONNECT would take over whatever connection has it then.
 */
export class SessionEnds {
  readonly #ports: GatewayPorts;
  readonly #contacts: FirstContacts;
  readonly #waiting = new Set<Ending>();
  readonly #active = new Set<Ending>();
  /** A session may be ended at the broker that it left and, its device gone, at its home. */
  readonly #byConnection = new Map<number, Ending[]>();
  #isClosed = false;

  constructor(ports: GatewayPorts, contacts: FirstContacts) {
    this.#ports = ports;
    this.#contacts = contacts;
  }

  begin(session: EndingSession): void {
    const { connection, broker } = session;
    if (this.#isClosed || this.#waiting.size >= bounds.waiting) {
      this.#ports.metrics.connects.inc({ broker, result: 'purge-failed' });
      session.handleOver(false);
      return;
    }
    const over = Promise.withResolvers<void>();
    const ending: Ending = { session, controller: new AbortController(), over, isAsked: false };
    this.#waiting.add(ending);
    this.#byConnection.set(connection, [...(this.#byConnection.get(connection) ?? []), ending]);
    this.#startNext();
  }

  /**
   * The client ID is wanted. Resolves when nothing of this connection's goes to the broker any more: at once before the
   * broker was asked, else when it has answered, or after `closeMs`. Undefined: nothing is under way.
   */
  settle(connection: number, closeMs: number): Promise<unknown> | undefined {
    const endings = this.#byConnection.get(connection);
    return endings === undefined ? undefined : Promise.all(endings.map((ending) => this.#settle(ending, closeMs)));
  }

  close(): void {
    this.#isClosed = true;
    for (const ending of this.#waiting) this.#finish(ending, false);
    for (const { controller } of this.#active) controller.abort();
  }

  #settle(ending: Ending, closeMs: number): Promise<void> {
    if (this.#waiting.has(ending)) this.#finish(ending, false);
    else if (!ending.isAsked) ending.controller.abort();
    else setTimeout(() => ending.controller.abort(), closeMs);
    return ending.over.promise;
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#active.size >= bounds.active) return;
    this.#waiting.delete(next);
    this.#active.add(next);
    void this.#run(next).then((isEnded) => {
      this.#finish(next, isEnded);
      this.#startNext();
    });
  }

  #finish(ending: Ending, isEnded: boolean): void {
    const { session, over } = ending;
    this.#waiting.delete(ending);
    this.#active.delete(ending);
    const left = (this.#byConnection.get(session.connection) ?? []).filter((other) => other !== ending);
    if (left.length > 0) this.#byConnection.set(session.connection, left);
    else this.#byConnection.delete(session.connection);
    this.#ports.metrics.connects.inc({ broker: session.broker, result: isEnded ? 'purged' : 'purge-failed' });
    session.handleOver(isEnded);
    over.resolve();
  }

  async #run(ending: Ending): Promise<boolean> {
    const { broker, clientId, sessionEnd } = ending.session;
    const { registry, upstream } = this.#ports;
    const { signal } = ending.controller;
    const deadline = setTimeout(() => ending.controller.abort(), endingMs);
    try {
      const connectToken = () => registry.connectToken({ broker, clientId }, signal);
      if (!(await connectToken()) || signal.aborted) return false;
      const { device, protocol } = sessionEnd;
      const packet = await sessionEnd.encode();
      if (packet === undefined || signal.aborted) return false;
      const connected = await upstream.connect({ broker, device, connectToken, timeoutMs: endingMs, signal });
      if (!connected.ok) return false;
      ending.isAsked = true;
      return await this.#endOn(connected.value, { broker, device, packet, protocol }, signal);
    } catch {
      return false;
    } finally {
      clearTimeout(deadline);
    }
  }

  async #endOn(
    connection: UpstreamConnection,
    connect: Parameters<typeof askBroker>[1] & ContactedDevice,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { socket } = connection;
    const answer = await askBroker(socket, connect, signal);
    const { broker, device, protocol } = connect;
    reportAnswer(connection, { broker, device, protocol, answer }, this.#contacts);
    const isEnded = answer.kind === 'connack' && answer.connack.code === 0;
    if (isEnded) closeAfterFlush(socket, flushLingerMs, encodeClientDisconnect());
    else socket.destroy();
    await closedWithin(socket, flushLingerMs);
    return isEnded;
  }
}
