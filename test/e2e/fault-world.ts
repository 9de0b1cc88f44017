import assert from 'node:assert/strict';
import type { MoveDocument } from '../../src/admin/admin-api.ts';
import { type MosquittoBroker, type MosquittoOptions, startMosquitto } from '../integration/mosquitto-broker.ts';
import { temporaryDirectory } from '../integration/spawned-process.ts';
import { Device, type DeviceOptions } from './device.ts';
import { eventually } from './eventually.ts';
import { answerOf, GatewayProcess, writeConfiguration } from './gateway-process.ts';

export interface BrokerUrls {
  readonly legacy: string;
  readonly target: string;
}

export interface FaultWorldOptions {
  /** More of `legacy` and `target`, and other brokers beside them. */
  readonly brokers?: Readonly<Record<string, object>>;
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Other URLs for the brokers, such as those of taps in front of them. */
  readonly urls?: (brokers: {
    readonly legacy: MosquittoBroker;
    readonly target: MosquittoBroker;
  }) => BrokerUrls | Promise<BrokerUrls>;
  readonly wrapper?: readonly string[];
  readonly mosquitto?: MosquittoOptions;
  /** Fills the directory before the gateway reads it. */
  readonly prepare?: (directory: string) => Promise<void>;
}

/** Two Mosquittos and a gateway in front of them: everybody is on `legacy` until `everyone` is cut over to `target`. */
export class FaultWorld implements AsyncDisposable {
  readonly legacy: MosquittoBroker;
  readonly target: MosquittoBroker;
  readonly directory: string;
  /** Replaced by `restart`. */
  gateway: GatewayProcess;
  readonly #wrapper: readonly string[];
  readonly #held: AsyncDisposableStack;

  private constructor(parts: {
    readonly legacy: MosquittoBroker;
    readonly target: MosquittoBroker;
    readonly directory: string;
    readonly gateway: GatewayProcess;
    readonly wrapper: readonly string[];
    readonly held: AsyncDisposableStack;
  }) {
    this.legacy = parts.legacy;
    this.target = parts.target;
    this.directory = parts.directory;
    this.gateway = parts.gateway;
    this.#wrapper = parts.wrapper;
    this.#held = parts.held;
  }

  static async start(options: FaultWorldOptions = {}): Promise<FaultWorld> {
    await using held = new AsyncDisposableStack();
    const legacy = held.use(await startMosquitto(options.mosquitto));
    const target = held.use(await startMosquitto(options.mosquitto));
    const { path: directory } = held.use(await temporaryDirectory());
    await options.prepare?.(directory);
    const urls = (await options.urls?.({ legacy, target })) ?? { legacy: legacy.url, target: target.url };
    const { sections = {}, wrapper = [] } = options;
    const { legacy: ofLegacy = {}, target: ofTarget = {}, ...others } = options.brokers ?? {};
    const brokers = { legacy: { url: urls.legacy, ...ofLegacy }, target: { url: urls.target, ...ofTarget }, ...others };
    await writeConfiguration(directory, { ...sections, brokers });
    const gateway = await GatewayProcess.start(directory, wrapper);
    return new FaultWorld({ legacy, target, directory, gateway, wrapper, held: held.move() });
  }

  /** A device at the gateway's plain listener. */
  device(clientId: string, options: Partial<DeviceOptions> = {}): Promise<Device> {
    return Device.connect({ to: this.gateway.port, ...options, clientId });
  }

  /** A device whose session is in that worker: others are tried and sent away until one lands there. */
  async deviceInWorker(worker: number, prefix: string, options: Partial<DeviceOptions> = {}): Promise<Device> {
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const device = await this.device(`${prefix}-${attempt}`, options);
      if ((await this.workerOf(device.clientId)) === worker) return device;
      await device.end();
    }
    throw new Error(`No device landed in worker ${worker}`);
  }

  /** The worker that has the client ID's session. */
  workerOf(clientId: string): Promise<number> {
    return eventually(`a session of ${clientId}`, async () => {
      const [session] = answerOf(await this.gateway.admin.sessions({ clientId }));
      return session?.worker;
    });
  }

  async brokerOf(clientId: string): Promise<string | undefined> {
    const sessions = answerOf(await this.gateway.admin.sessions({ clientId }));
    assert.ok(sessions.length <= 1, `${clientId} has ${sessions.length} sessions`);
    return sessions[0]?.home;
  }

  /** Cuts `everyone` over (or back) and waits until the move has ended. */
  async cutover(weightBps: number, options: { readonly live?: 'keep' | 'reconnect' } = {}): Promise<MoveDocument> {
    const { live = 'reconnect' } = options;
    const accepted = answerOf(await this.gateway.admin.cutover('everyone', { weightBps, live }));
    return this.ended(accepted.move.id);
  }

  ended(move: string, deadlineMs = 15_000): Promise<MoveDocument> {
    return eventually(
      `the end of move ${move}`,
      async () => {
        const document = answerOf(await this.gateway.admin.move(move));
        return document.state !== 'running' && document;
      },
      deadlineMs,
    );
  }

  /** A new gateway on the same configuration, store and brokers, after the last one was ended in order. */
  async restart(): Promise<void> {
    await this.gateway.stop();
    this.gateway = await GatewayProcess.start(this.directory, this.#wrapper);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
    await this.#held.disposeAsync();
  }
}
