import { encodeConnack } from '../../mqtt/connack-packet.ts';
import type { ConnectPacket } from '../../mqtt/connect-packet.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import { parseTopicFilter } from '../../mqtt/topic.ts';
import type { AcceptedMessage, Admission, ArrivedConnection, ConnectQuestion } from '../account-gate.ts';
import type { Agenda } from './agenda.ts';
import { type ApplicationMessage, userPropertiesOf } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { assembleClient, type Publisher, type SharedParts } from './client-assembly.ts';
import { ClientConnection, type ConnectionHost, type ConnectionPort } from './client-connection.ts';
import type { ClientSession } from './client-session.ts';
import { connectTerms } from './connect-judgement.ts';
import { ConnectRates } from './connect-rates.ts';
import type { ClientEnd, ClientHost, ConnectedClient } from './connected-client.ts';
import { ConnectionLedger } from './connection-ledger.ts';
import { FilterTree } from './filter-tree.ts';
import { type LifecycleEvent, type LifecycleSubject, lifecycleMessage } from './lifecycle-events.ts';
import { StoredBytes } from './message-queue.ts';
import { type RefusalReason, RefusalRecord } from './refusal.ts';
import { RetainedMessages } from './retained-messages.ts';
import { SessionRegistry } from './session-registry.ts';
import { SharedGroups } from './shared-groups.ts';
import { SlidingRate } from './sliding-rate.ts';
import { isIngest } from './topic-rules.ts';
import { willMessage } from './will-message.ts';

export interface IotBrokerParts {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** A name that no other session has. */
  readonly newId: () => string;
  /** Asks the account; its word goes to `ClientConnection.handleAdmission`. */
  readonly ask: (question: ConnectQuestion, answer: (admission: Admission | 'failed', nowMs: number) => void) => void;
}

/** A connection that lives, for those who ask about it. */
export interface LiveConnection {
  readonly client: ConnectedClient;
  readonly arrived: ArrivedConnection;
  readonly versionNumber: number;
  readonly connectedSinceMs: number;
}

/**
 * AWS IoT Core's message broker as decisions: connections, their bytes and the time come in, bytes go out. Time is in
 * milliseconds since the Unix epoch on a clock that never goes back.
 */
export class IotBroker implements ConnectionHost, ClientHost {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly refusals: RefusalRecord;
  readonly retainedMessages: RetainedMessages;
  readonly sessions: SessionRegistry;
  readonly ledger: ConnectionLedger;
  readonly #parts: IotBrokerParts;
  readonly #stored: StoredBytes;
  readonly #connections = new Set<ClientConnection>();
  readonly #live = new Map<string, LiveConnection>();
  readonly #filters: FilterTree<ClientSession>;
  readonly #groups: SharedGroups;
  readonly #connectRates: ConnectRates;
  /** Of the account, a second. */
  readonly #rates: Readonly<Record<'filters' | 'queued', SlidingRate>>;
  readonly #shared: SharedParts;
  readonly #acceptedListeners = new Set<(message: AcceptedMessage) => void>();

  constructor(parts: IotBrokerParts) {
    const { terms, agenda } = parts;
    this.#parts = parts;
    this.terms = terms;
    this.agenda = agenda;
    this.#stored = new StoredBytes(terms.bounds.storedBytes);
    this.refusals = new RefusalRecord(terms.bounds.recordedRefusals);
    this.retainedMessages = new RetainedMessages(this.#stored, terms.bounds.retainedMessages);
    this.ledger = new ConnectionLedger(agenda, { rememberMs: terms.rememberMs, maxEntries: 2 * terms.bounds.sessions });
    this.sessions = new SessionRegistry({
      terms,
      agenda,
      stored: this.#stored,
      newId: parts.newId,
      handleEnd: (session) => this.#dropSubscriptions(session),
    });
    this.#filters = new FilterTree(terms.profile.multiLevelMatchesParent);
    this.#groups = new SharedGroups({ terms, agenda, stored: this.#stored, random: parts.random });
    this.#connectRates = new ConnectRates(terms);
    this.#rates = {
      filters: new SlidingRate(terms.profile.filtersPerSecond),
      queued: new SlidingRate(terms.queuedPerSecond),
    };
    this.#shared = {
      host: this,
      stored: this.#stored,
      random: parts.random,
      publishesIn: new SlidingRate(terms.publishesPerSecond),
      publishesOut: new SlidingRate(terms.publishesPerSecond),
      publish: (message, nowMs, publisher) => this.publish(message, nowMs, publisher),
    };
  }

  /** Network connections, clients or not yet. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  live(clientId: string): LiveConnection | undefined {
    return this.#live.get(clientId);
  }

  /** A connection behind its handshake; undefined: there are as many as there may be, and it is to be closed. */
  accept(arrived: ArrivedConnection, port: ConnectionPort, nowMs: number): ClientConnection | undefined {
    if (this.#connections.size >= this.terms.bounds.connections) {
      this.refuse('too-many-connections', '', nowMs);
      return undefined;
    }
    const connection = new ClientConnection(this, arrived, port, nowMs);
    this.#connections.add(connection);
    return connection;
  }

  /** Publishes as the service does. False: it could not be retained. */
  publish(message: ApplicationMessage, nowMs: number, publisher?: Publisher): boolean {
    if (message.retain && !this.retainedMessages.set(message, nowMs)) return false;
    this.#tellAccepted(message, nowMs, publisher);
    if (isIngest(message.topic)) return true;
    for (const [session, granted] of this.#filters.match(message.topic)) {
      const qos = message.qos === 1 && granted === 1 ? 1 : 0;
      if (session.wouldStore(qos) && !this.#rates.queued.take(nowMs))
        this.refuse('queue-rate', session.clientId, nowMs);
      else if (!session.deliver(message, qos, nowMs)) this.refuse('queue-full', session.clientId, nowMs);
    }
    this.#groups.deliver(message, nowMs);
    return true;
  }

  onAccepted(listener: (message: AcceptedMessage) => void): void {
    this.#acceptedListeners.add(listener);
  }

  /** A principal may not be connected any more. */
  disconnectPrincipal(principalId: string, nowMs: number): void {
    const end = { disconnectReason: 'AUTH_ERROR', publishesWill: true, code: reasonCode.notAuthorized } as const;
    for (const { client } of [...this.#live.values()]) {
      if (client.identity.principalId === principalId) client.end(end, nowMs);
    }
  }

  stop(nowMs: number): void {
    const end = {
      disconnectReason: 'SERVER_INITIATED_DISCONNECT',
      publishesWill: false,
      code: reasonCode.serverShuttingDown,
    } as const;
    for (const connection of [...this.#connections]) {
      if (connection.client === undefined) connection.close();
      else connection.client.end(end, nowMs);
    }
  }

  throttle(clientId: string, nowMs: number): RefusalReason | undefined {
    return this.#connectRates.take(clientId, nowMs);
  }

  ask(question: ConnectQuestion, connection: ClientConnection): void {
    this.#parts.ask(question, (admission, nowMs) => connection.handleAdmission(admission, nowMs));
  }

  attach(
    connection: ClientConnection,
    connect: ConnectPacket,
    { client: identity }: Extract<Admission, { readonly admitted: true }>,
    nowMs: number,
  ): ConnectedClient | RefusalReason {
    const agreed = connectTerms(connect, this.#parts.newId(), this.terms);
    const { clientId } = agreed;
    const taken = {
      disconnectReason: 'DUPLICATE_CLIENTID',
      publishesWill: true,
      code: reasonCode.sessionTakenOver,
    } as const;
    this.#live.get(clientId)?.client.end(taken, nowMs);
    const opened = this.sessions.open({
      clientId,
      family: connect.protocol === '5' ? 5 : 3,
      cleanStart: connect.cleanStart,
      expirySeconds: agreed.sessionExpirySeconds,
    });
    if (opened === undefined) return 'too-many-sessions';
    const { session, isResumed } = opened;
    const client = assembleClient(this.#shared, { connection, connect, identity, agreed, session }, nowMs);
    session.outlet = client.delivery;
    const versionNumber = this.ledger.begin(clientId);
    const { arrived, port } = connection;
    this.#live.set(clientId, { client, arrived, versionNumber, connectedSinceMs: nowMs });
    const connack = { code: reasonCode.success, sessionPresent: isResumed, properties: agreed.properties };
    port.send(encodeConnack(connect.protocol, connack));
    this.#tell(client, { eventType: 'connected', ipAddress: arrived.sourceAddress, versionNumber }, nowMs);
    client.delivery.replay(nowMs);
    this.#groups.wake(session.subscriptions.keys(), nowMs);
    return client;
  }

  tellConnectFailed(
    { arrived }: ClientConnection,
    clientId: string,
    principalIdentifier: string | undefined,
    nowMs: number,
  ): void {
    const sessionIdentifier = this.#parts.newId();
    const subject = { clientId, thingName: undefined, sessionIdentifier, principalIdentifier };
    this.#tellOf(subject, { eventType: 'connect_failed', ipAddress: arrived.sourceAddress }, nowMs);
  }

  subscribe({ session }: ConnectedClient, text: string, qos: 0 | 1): void {
    const { shareName, filter } = parseTopicFilter(text);
    if (shareName === undefined) this.#filters.add(filter, session, qos);
    else this.#groups.join(text, filter, session, qos);
  }

  unsubscribe({ session }: ConnectedClient, text: string): void {
    session.subscriptions.delete(text);
    this.#leave(session, text);
  }

  retained(topic: string, nowMs: number): ApplicationMessage | undefined {
    return this.retainedMessages.get(topic, nowMs)?.message;
  }

  takeFilters(count: number, nowMs: number): boolean {
    if (!this.#rates.filters.hasRoom(nowMs)) return false;
    for (let taken = 0; taken < count; taken += 1) this.#rates.filters.take(nowMs);
    return true;
  }

  tellSubscriptions(
    client: ConnectedClient,
    event: { readonly eventType: 'subscribed' | 'unsubscribed'; readonly topics: readonly string[] },
    nowMs: number,
  ): void {
    this.#tell(client, event, nowMs);
  }

  refuse(reason: RefusalReason, clientId: string, nowMs: number): void {
    this.refusals.add({ reason, clientId, atMs: nowMs });
  }

  forget(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  handleEnd(client: ConnectedClient, { disconnectReason, publishesWill }: ClientEnd, nowMs: number): void {
    const { clientId, session, delivery } = client;
    const live = this.#live.get(clientId);
    if (live?.client !== client) return;
    this.#live.delete(clientId);
    session.outlet = undefined;
    const dropped = session.keep(delivery.stop());
    for (let count = 0; count < dropped; count += 1) this.refuse('queue-full', clientId, nowMs);
    this.ledger.end(clientId, disconnectReason, nowMs);
    this.sessions.leave(session, nowMs);
    if (publishesWill) this.#publishWill(client, nowMs);
    this.#tell(client, { eventType: 'disconnected', disconnectReason, versionNumber: live.versionNumber }, nowMs);
  }

  #publishWill({ will, identity, clientId }: ConnectedClient, nowMs: number): void {
    if (will === undefined) return;
    const message = willMessage(will, identity.propagatedAttributes(), nowMs);
    this.publish(message, nowMs, { clientId, principalId: identity.principalId });
  }

  #dropSubscriptions(session: ClientSession): void {
    for (const filter of session.subscriptions.keys()) this.#leave(session, filter);
    session.subscriptions.clear();
  }

  #leave(session: ClientSession, text: string): void {
    const { shareName, filter } = parseTopicFilter(text);
    if (shareName === undefined) this.#filters.remove(filter, session);
    else this.#groups.leave(text, session);
  }

  #tellAccepted(message: ApplicationMessage, nowMs: number, publisher: Publisher | undefined): void {
    if (this.#acceptedListeners.size === 0) return;
    const { topic, payload, qos, retain, properties } = message;
    const userProperties = userPropertiesOf(properties);
    const { clientId, principalId } = publisher ?? {};
    const accepted = { topic, payload, qos, retain, clientId, principalId, userProperties, wallMs: Math.floor(nowMs) };
    for (const listener of this.#acceptedListeners) listener(accepted);
  }

  #tell(client: ConnectedClient, event: LifecycleEvent, nowMs: number): void {
    this.#tellOf(subjectOf(client), event, nowMs);
  }

  #tellOf(subject: LifecycleSubject, event: LifecycleEvent, nowMs: number): void {
    const message = lifecycleMessage(subject, event, nowMs);
    if (message === undefined) return;
    this.publish({ ...message, qos: 1, retain: false, properties: [], expiresAtMs: Number.POSITIVE_INFINITY }, nowMs);
  }
}

function subjectOf({ clientId, identity, session }: ConnectedClient): LifecycleSubject {
  return {
    clientId,
    thingName: identity.thingName(),
    sessionIdentifier: session.identifier,
    principalIdentifier: identity.principalId,
  };
}
