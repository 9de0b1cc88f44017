import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { BridgeBroker } from './bridge-settings.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import type { BridgedMessage } from './link/bridged-message.ts';
import { ProbeClient } from './services/probe-client.ts';
import { socketPort } from './socket-port.ts';

export interface ProbeConnectionOptions {
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly broker: string;
  readonly terms: BridgeBroker;
  readonly clientId: string;
  /** Milliseconds that CONNACK may take, and SUBACK. */
  readonly answerMs: number;
  readonly signal: AbortSignal;
  /** `isWhole` false: the end of the payload is missing. */
  readonly onMessage: (message: BridgedMessage, isWhole: boolean) => void;
}

const keepAliveSeconds = 30;
const receiveMaximum = 200;
const wholePublishBytes = 16 * 1_048_576;
const tickMs = 250;
/** Unacknowledged probes. */
const window = 20;

/** One connection beside the bridge, for probes and counts. Failures are CrossfadeError `probe`, in an operator's words. */
export class ProbeConnection implements AsyncDisposable {
  readonly #options: ProbeConnectionOptions;
  readonly #client: ProbeClient;
  readonly #ticks: NodeJS.Timeout;
  readonly #over = Promise.withResolvers<string>();
  #opened = Promise.withResolvers<void>();
  #subscribed = Promise.withResolvers<number>();
  #lost: string | undefined;

  private constructor(options: ProbeConnectionOptions, socket: Socket) {
    const { clock, terms, clientId, onMessage } = options;
    this.#options = options;
    const { protocol, username, password } = terms;
    const client = {
      ...{ protocol, clientId, cleanStart: true, sessionExpirySeconds: 0 },
      ...{ keepAliveSeconds, receiveMaximum, wholePublishBytes },
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    };
    const handler = {
      handleOpened: () => this.#opened.resolve(),
      handleSubscribed: (code: number) => this.#subscribed.resolve(code),
      handleMessage: (message: BridgedMessage, isWhole: boolean) => onMessage(message, isWhole),
      wallMs: () => clock.wallMs(),
    };
    const port = socketPort(socket, (cause) => this.#end(cause));
    this.#client = new ProbeClient(client, handler, { port, nowMs: clock.monotonicMs() });
    socket
      .on('data', (chunk: Buffer) => this.#client.client.receive(chunk, clock.monotonicMs()))
      .on('error', () => {})
      .once('close', () => this.#end('closed by the broker'));
    this.#ticks = setInterval(() => this.#client.client.handleTick(clock.monotonicMs()), tickMs);
  }

  /** Resolves when the broker has said yes. */
  static async open(options: ProbeConnectionOptions): Promise<ProbeConnection> {
    const { dialer, broker, clientId, signal } = options;
    const dialed = await dialer.dial(broker, { spreadKey: clientId, signal });
    if (!dialed.ok) throw new CrossfadeError('probe', `${broker} cannot be reached: ${dialed.error}`);
    const connection = new ProbeConnection(options, dialed.value.socket);
    try {
      await connection.#within(connection.#opened.promise, 'CONNACK');
    } catch (error) {
      dialed.value.reportOutcome('failed');
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    dialed.value.reportOutcome('answered');
    return connection;
  }

  /** One subscription at a time; resolves when it is granted. */
  async subscribe(filter: string): Promise<void> {
    this.#subscribed = Promise.withResolvers();
    this.#client.subscribe(filter, this.#options.clock.monotonicMs());
    const code = await this.#within(this.#subscribed.promise, 'SUBACK');
    if (code >= 0x80) {
      const { broker } = this.#options;
      throw new CrossfadeError('probe', `${broker} refuses the subscription to ${filter} with 0x${code.toString(16)}`);
    }
  }

  /** Less is unacknowledged than any broker's window. */
  get hasRoom(): boolean {
    return this.#client.unacknowledged < window;
  }

  /** Throws when the connection is lost. */
  publish(topic: string, payload: Buffer): void {
    this.assertKept();
    this.#client.publish(topic, payload, this.#options.clock.monotonicMs());
  }

  /** Throws when the connection is lost: what was counted on it is not all. */
  assertKept(): void {
    if (this.#lost === undefined) return;
    throw new CrossfadeError('probe', `the connection to ${this.#options.broker} is lost: ${this.#lost}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticks);
    this.#client.client.end('done');
    await this.#over.promise;
  }

  async #within<Value>(answer: Promise<Value>, what: string): Promise<Value> {
    const { broker, answerMs, signal } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const fail = (text: string) => reject(new CrossfadeError('probe', text));
    const timer = setTimeout(() => fail(`${broker} gives no ${what} within ${answerMs} ms`), answerMs);
    const abort = () => fail('given up');
    signal.addEventListener('abort', abort, { once: true });
    const over = this.#over.promise.then((cause) => fail(`the connection to ${broker} is lost: ${cause}`));
    try {
      return await Promise.race([answer, late, over.then(() => late)]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  #end(cause: string): void {
    this.#lost ??= cause;
    clearInterval(this.#ticks);
    this.#client.client.abandon();
    this.#over.resolve(cause);
  }
}
