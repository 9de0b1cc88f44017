import { randomUUID } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type {
  AcceptedMessage,
  AccountGate,
  Admission,
  ArrivedConnection,
  ConnectQuestion,
  MessageBroker,
} from '../account-gate.ts';
import { Agenda } from './agenda.ts';
import { toRawProperties } from './application-message.ts';
import { type BrokerOptions, brokerTerms } from './broker-terms.ts';
import { ConnectionDesk } from './connection-desk.ts';
import { DataListener, SocketPort } from './data-listener.ts';
import { IotBroker } from './iot-broker.ts';
import { seededRandom } from './seeded-random.ts';
import { ServerCertificates, type ServerPem } from './server-certificates.ts';

export interface DataPlaneOptions extends BrokerOptions {
  readonly gate: AccountGate;
  /** Address that the ports are bound to; default 127.0.0.1. */
  readonly host?: string;
  /** TCP port for the real service's 8883; default 0: a free one. */
  readonly mqttsPort?: number;
  /** TCP port for the real service's 443; default 0: a free one. */
  readonly alpnPort?: number;
  /** Default: certificates from a CA that is made at the start. */
  readonly server?: ServerPem;
  /** What chance decides (shared subscriptions, the order of PUBACKs) is repeated by it; default 1. */
  readonly seed?: number;
  /** Milliseconds since the Unix epoch, never going back; default: the process's. */
  readonly nowMs?: () => number;
  /** Told of what the account's gate threw. */
  readonly handleFault?: (error: unknown) => void;
}

const handshakeMs = 10_000;
/** A connection that waits for more than so many times `bounds.outputBytes` is cut. */
const outputFactor = 4;
const longestTimerMs = 2_147_483_647;
const stopGraceMs = 1_000;

/** The data plane: two TLS ports, one message broker behind them, and the one timer that it needs. */
export class DataPlane implements MessageBroker {
  readonly broker: IotBroker;
  /** For the HTTPS data API: `dataApiRoutes(app, desk)`. */
  readonly desk: ConnectionDesk;
  readonly #gate: AccountGate;
  readonly #nowMs: () => number;
  readonly #agenda: Agenda;
  readonly #certificates: ServerCertificates;
  readonly #handleFault: (error: unknown) => void;
  #listeners: { readonly mqtts: DataListener; readonly alpn: DataListener } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  private constructor(options: DataPlaneOptions) {
    const { gate, host, mqttsPort, alpnPort, server, seed = 1, nowMs, handleFault, ...broker } = options;
    this.#gate = gate;
    this.#nowMs = nowMs ?? (() => performance.timeOrigin + performance.now());
    this.#handleFault = handleFault ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error)));
    this.#certificates = new ServerCertificates(server);
    this.#agenda = new Agenda((nextAtMs) => this.#arm(nextAtMs));
    this.broker = new IotBroker({
      terms: brokerTerms(broker),
      agenda: this.#agenda,
      random: seededRandom(seed),
      newId: randomUUID,
      ask: (question, answer) => this.#ask(question, answer),
    });
    this.desk = new ConnectionDesk(this.broker, this.#nowMs);
  }

  /** Resolves when both ports are bound. */
  static async start(options: DataPlaneOptions): Promise<DataPlane> {
    const plane = new DataPlane(options);
    const { host = '127.0.0.1', mqttsPort = 0, alpnPort = 0 } = options;
    const mqtts = await plane.#listen('mqtts', host, mqttsPort);
    try {
      plane.#listeners = { mqtts, alpn: await plane.#listen('alpn', host, alpnPort) };
    } catch (error) {
      await mqtts.stop(0);
      throw error;
    }
    return plane;
  }

  /** The bound TCP ports. */
  get ports(): { readonly mqtts: number; readonly alpn: number } {
    if (this.#listeners === undefined) throw new Error('The data plane has not started');
    const { mqtts, alpn } = this.#listeners;
    return { mqtts: mqtts.tcpPort, alpn: alpn.tcpPort };
  }

  /** PEM of what clients have to trust. */
  get caPem(): string {
    return this.#certificates.caPem;
  }

  publish(message: Parameters<MessageBroker['publish']>[0]): void {
    const { topic, payload, qos, retain = false, userProperties = [] } = message;
    const properties = toRawProperties(userProperties);
    const complete = { topic, payload, qos, retain, properties, expiresAtMs: Number.POSITIVE_INFINITY };
    this.broker.publish(complete, this.#nowMs());
  }

  onAccepted(listener: (message: AcceptedMessage) => void): void {
    this.broker.onAccepted(listener);
  }

  disconnectPrincipal(principalId: string): void {
    this.broker.disconnectPrincipal(principalId, this.#nowMs());
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.broker.stop(this.#nowMs());
    await Promise.all([this.#listeners?.mqtts.stop(stopGraceMs), this.#listeners?.alpn.stop(stopGraceMs)]);
    clearTimeout(this.#timer);
  }

  #listen(port: ArrivedConnection['port'], host: string, tcpPort: number): Promise<DataListener> {
    return DataListener.start({
      port,
      host,
      tcpPort,
      certificates: this.#certificates,
      handshakeMs,
      // Some are in their handshake, or on their way out.
      maxConnections: 2 * this.broker.terms.bounds.connections,
      handleConnection: (socket, arrived) => this.#accept(socket, arrived),
    });
  }

  #accept(socket: TLSSocket, arrived: ArrivedConnection): void {
    if (this.#isStopped || !this.#gate.accepts(arrived)) {
      if (!this.#isStopped) this.broker.refuse('handshake-refused', '', this.#nowMs());
      socket.destroy();
      return;
    }
    const port = new SocketPort(socket, outputFactor * this.broker.terms.bounds.outputBytes);
    const connection = this.broker.accept(arrived, port, this.#nowMs());
    if (connection === undefined) return void socket.destroy();
    socket.on('data', (chunk: Buffer) => connection.handleBytes(chunk, this.#nowMs()));
    socket.on('close', () => connection.handleClose(this.#nowMs()));
  }

  #ask(question: ConnectQuestion, answer: (admission: Admission | 'failed', nowMs: number) => void): void {
    this.#gate.admit(question).then(
      (admission) => answer(admission, this.#nowMs()),
      (error: unknown) => {
        this.#handleFault(error);
        answer('failed', this.#nowMs());
      },
    );
  }

  #arm(nextAtMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (nextAtMs === undefined || this.#isStopped) return;
    // A timer may come early; then nothing is due, and it is set again.
    const delayMs = Math.min(longestTimerMs, Math.max(0, nextAtMs - this.#nowMs()));
    this.#timer = setTimeout(() => {
      this.#agenda.runDue(this.#nowMs());
      this.#arm(this.#agenda.nextAtMs);
    }, Math.ceil(delayMs));
    this.#timer.unref();
  }
}
