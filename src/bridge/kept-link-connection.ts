import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import type { TokenBucket } from '../base/rates.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BrokerDialer, DialedBroker } from './broker-dialer.ts';
import type { BrokerClient, ClientPort } from './link/broker-client.ts';
import { type ReconnectOptions, Reconnects } from './reconnects.ts';
import { socketPort } from './socket-port.ts';

/** A machine that wants a connection: a source leg or a lane. */
export interface ConnectedPart {
  connect(port: ClientPort, nowMs: number): BrokerClient;
  handleLost(nowMs: number): void;
  readonly client: BrokerClient | undefined;
}

export interface KeptConnectionOptions {
  readonly part: ConnectedPart;
  readonly broker: string;
  /** What it is called in logs, and what endpoints are ranked by. */
  readonly name: string;
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly backoff: ReconnectOptions;
  /** CONNECTs of the whole bridge to the broker. */
  readonly connects: TokenBucket;
  /** Called behind everything that may have changed a deadline. */
  readonly onEvent: () => void;
}

const advice = 'give each bridge a bridge.name of its own, or stop one of the two';

/** Keeps one connection up: dials, feeds the machine, and dials again with backoff when it is lost. */
export class KeptLinkConnection {
  readonly #options: KeptConnectionOptions;
  readonly #controller = new AbortController();
  #socket: Socket | undefined;
  readonly #reconnects: Reconnects;
  #isPaused = false;
  #isEnding = false;
  #problem: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: KeptConnectionOptions) {
    this.#options = options;
    this.#reconnects = new Reconnects(options.backoff);
  }

  /** Times that another client came in under its client ID. */
  get takeovers(): number {
    return this.#reconnects.takeovers;
  }

  /** Why it is not open: what the last attempt, or the connection that was lost, ended with. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Says goodbye, and dials no more. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#controller.abort();
    this.#options.part.client?.end('the bridge stops');
    await this.#running;
  }

  /** Reads no more, or reads again. */
  pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket?.pause();
    else this.#socket?.resume();
    if (!isPaused) this.#options.part.client?.excuse(this.#options.clock.monotonicMs());
  }

  async #run(): Promise<void> {
    const { dialer, broker, name, log } = this.#options;
    while (!this.#isEnding) {
      await this.#awaitTurn();
      if (this.#isEnding) return;
      const dialed = await dialer.dial(broker, { spreadKey: name, signal: this.#controller.signal });
      if (!dialed.ok) {
        this.#problem = dialed.error;
        if (!this.#isEnding)
          log.warn({ broker, connection: name, error: dialed.error }, 'A bridge connection is not made');
        continue;
      }
      if (this.#isEnding) dialed.value.socket.destroy();
      else await this.#serve(dialed.value);
    }
  }

  async #awaitTurn(): Promise<void> {
    const { connects, clock } = this.#options;
    await this.#wait(this.#reconnects.nextDelayMs(Math.random()));
    for (;;) {
      const nowMs = clock.monotonicMs();
      if (this.#isEnding || connects.take(nowMs)) return;
      await this.#wait(connects.nextAtMs(nowMs) - nowMs);
    }
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await wait(ms, undefined, { signal: this.#controller.signal }).catch(() => {});
  }

  /** Resolves when the connection is over and its machine knows. */
  async #serve(dialed: DialedBroker): Promise<void> {
    const { part, clock, onEvent, broker, name, log } = this.#options;
    const { socket, endpoint } = dialed;
    const { promise: over, resolve } = Promise.withResolvers<string>();
    const sinceMs = clock.monotonicMs();
    this.#socket = socket;
    this.#isPaused = false;
    socket.on('error', () => {}).once('close', () => resolve('closed by the broker'));
    const client = part.connect(socketPort(socket, resolve), sinceMs);
    let isAnswered = false;
    socket.on('data', (chunk: Buffer) => {
      client.receive(chunk, clock.monotonicMs());
      if (!isAnswered && client.isOpen) {
        isAnswered = true;
        this.#problem = undefined;
        dialed.reportOutcome('answered');
        log.info({ broker, connection: name, endpoint }, 'A bridge connection is open');
      }
      onEvent();
    });
    onEvent();
    const cause = await over;
    const nowMs = clock.monotonicMs();
    if (!isAnswered) dialed.reportOutcome('failed');
    const { wasTakenOver } = client;
    this.#problem = wasTakenOver
      ? `another client came in under its client ID: ${advice}`
      : `Broker ${broker} (${endpoint}): ${cause}`;
    this.#reconnects.handleEnd({ wasOpen: isAnswered, lastedMs: nowMs - sinceMs, wasTakenOver });
    this.#socket = undefined;
    part.handleLost(nowMs);
    if (!this.#isEnding) this.#tellLoss({ broker, connection: name, endpoint, cause }, wasTakenOver);
    onEvent();
  }

  #tellLoss(at: Readonly<Record<string, unknown>>, wasTakenOver: boolean): void {
    const { log } = this.#options;
    if (wasTakenOver) log.error(at, `Another client came in under the client ID of a bridge connection: ${advice}`);
    else if (this.#reconnects.looksContested)
      log.warn(at, `A bridge connection is lost, soon again: if another client uses its client ID, ${advice}`);
    else log.warn(at, 'A bridge connection is lost');
  }
}
