import type { Clock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { ConnectQuestion } from '../mqtt/connect-adaptation.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { CredentialFault } from './credential-policy.ts';
import type { DeviceIdentityBounds, PresentedIdentity } from './device-identities.ts';
import { type DialFailure, EndpointDial } from './dial-endpoint.ts';
import type { BrokerLife } from './endpoint-watch.ts';
import { UpstreamBroker, type UpstreamBrokerOptions, type UpstreamEndpoint } from './upstream-broker.ts';
import type {
  UpstreamConnection,
  UpstreamConnector,
  UpstreamDevice,
  UpstreamFailure,
  UpstreamRequest,
} from './upstream-connector.ts';
import type { UpstreamTlsMaterial } from './upstream-material.ts';
import { UpstreamTlsSessions } from './upstream-tls-sessions.ts';

export interface UpstreamConnectorOptions {
  readonly brokers: Readonly<Record<string, UpstreamBrokerOptions>>;
  readonly limits: {
    readonly dialMs: number;
    readonly endpointHoldDownMs: number;
    readonly upstreamTlsSessions: number;
  } & DeviceIdentityBounds;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface ReloadableUpstreamConnector extends UpstreamConnector {
  /** For later dials, by broker; throws CrossfadeError `upstream-material` and keeps all old ones when one is wrong. */
  reload(materialByBroker: Readonly<Record<string, UpstreamTlsMaterial>>): void;
}

/** Throws CrossfadeError `upstream-material` for material that is wrong or an identity mode that is not served. */
export function createUpstreamConnector(options: UpstreamConnectorOptions): ReloadableUpstreamConnector {
  return new EndpointConnector(options);
}

class EndpointConnector implements ReloadableUpstreamConnector {
  readonly #options: UpstreamConnectorOptions;
  readonly #brokers: ReadonlyMap<string, UpstreamBroker>;
  readonly #dials = new Set<UpstreamDial>();
  #isClosed = false;

  constructor(options: UpstreamConnectorOptions) {
    this.#options = options;
    const sessions = new UpstreamTlsSessions(options.limits.upstreamTlsSessions, options.clock);
    this.#brokers = new Map(
      Object.entries(options.brokers).map(([name, broker]) => [
        name,
        new UpstreamBroker({ ...broker, ...options.limits, name, sessions, clock: options.clock, log: options.log }),
      ]),
    );
  }

  async connect(request: UpstreamRequest): Promise<Result<UpstreamConnection, UpstreamFailure>> {
    const broker = this.#brokers.get(request.broker);
    if (broker === undefined) {
      return failure({ code: 'unknown-broker', message: `Expected the name of a broker, got ${request.broker}` });
    }
    if (this.#isClosed || request.signal.aborted) return failure(abortedFailure(broker));
    const dial = new UpstreamDial(broker, request, this.#options);
    this.#dials.add(dial);
    request.signal.addEventListener('abort', dial);
    try {
      return await dial.run();
    } finally {
      request.signal.removeEventListener('abort', dial);
      this.#dials.delete(dial);
    }
  }

  authorize(
    broker: string,
    device: UpstreamDevice,
    question: ConnectQuestion,
  ): Result<ConnectQuestion, CredentialFault> | Promise<Result<ConnectQuestion, CredentialFault>> {
    return this.#brokers.get(broker)?.authorize(device, question) ?? success(question);
  }

  async certificateOf(name: string, device: UpstreamDevice): Promise<string> {
    const broker = this.#brokers.get(name);
    if (broker === undefined) throw new CrossfadeError('identity', `Expected the name of a broker, got ${name}`);
    return broker.certificateOf(device);
  }

  brokerLife(broker: string): BrokerLife {
    return this.#brokers.get(broker)?.life() ?? { heardMs: undefined, failedMs: undefined };
  }

  reload(materialByBroker: Readonly<Record<string, UpstreamTlsMaterial>>): void {
    const swaps = Object.entries(materialByBroker).map(([name, material]) => {
      const broker = this.#brokers.get(name);
      if (broker === undefined) throw new CrossfadeError('upstream-material', `Expected a broker, got ${name}`);
      return broker.prepareReload(material);
    });
    for (const swap of swaps) swap();
  }

  close(): void {
    this.#isClosed = true;
    for (const dial of this.#dials) dial.cancel();
  }
}

/** One request: endpoints in their order, one at a time, each but the first for a token of its own. */
class UpstreamDial {
  readonly #broker: UpstreamBroker;
  readonly #request: UpstreamRequest;
  readonly #dialMs: number;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #causes: string[] = [];
  #interrupt: (() => void) | undefined;
  #identity: PresentedIdentity | undefined;
  #isCancelled = false;

  constructor(broker: UpstreamBroker, request: UpstreamRequest, options: UpstreamConnectorOptions) {
    this.#broker = broker;
    this.#request = request;
    this.#dialMs = options.limits.dialMs;
    this.#clock = options.clock;
    this.#deadlineMs = options.clock.monotonicMs() + request.timeoutMs;
  }

  /** The signal's listener: an object, so that no closure is made for it. */
  handleEvent(): void {
    this.cancel();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#interrupt?.();
  }

  async run(): Promise<Result<UpstreamConnection, UpstreamFailure>> {
    let last: UpstreamFailure['code'] = 'unreachable';
    let isFirst = true;
    const presented = this.#broker.present(this.#request.device);
    if (presented !== undefined) {
      const refusal = await this.#awaitIdentity(presented);
      if (refusal !== undefined) return this.#failure(refusal);
    }
    for (const endpoint of this.#broker.rank(this.#request.device.rendezvousKey)) {
      if (!isFirst) {
        const refusal = await this.#awaitToken();
        if (refusal !== undefined) return this.#failure(refusal);
      }
      const remainingMs = this.#deadlineMs - this.#clock.monotonicMs();
      if (remainingMs < 1) return this.#failure('timeout');
      const outcome = await this.#attempt(endpoint, remainingMs, isFirst);
      if (outcome.ok) return outcome;
      if (outcome.error.code === 'aborted') return this.#failure('aborted');
      if (outcome.error.isHopeless) return this.#failure(outcome.error.code);
      last = outcome.error.code;
      isFirst = false;
    }
    return this.#failure(last);
  }

  async #attempt(
    endpoint: UpstreamEndpoint,
    remainingMs: number,
    isFirst: boolean,
  ): Promise<Result<UpstreamConnection, { code: DialFailure['code']; isHopeless: boolean }>> {
    const timeoutMs = Math.ceil(Math.min(this.#dialMs, remainingMs));
    const askedMs = this.#clock.monotonicMs();
    const dial = new EndpointDial(
      this.#broker.dialOptions(endpoint, { device: this.#request.device, identity: this.#identity, timeoutMs }),
    );
    this.#interrupt = () => dial.cancel();
    const outcome = await dial.outcome;
    this.#interrupt = undefined;
    if (outcome.ok && this.#isCancelled) {
      outcome.value.destroy();
      return failure({ code: 'aborted', isHopeless: true });
    }
    if (outcome.ok && !outcome.value.destroyed) return success(this.#broker.connection(endpoint, outcome.value));
    const reason: DialFailure = outcome.ok
      ? { code: 'unreachable', message: 'connection closed', blames: 'endpoint' }
      : outcome.error;
    this.#causes.push(`${endpoint.name}: ${reason.message}`);
    // What was left of the deadline after other attempts may be too little for a healthy endpoint.
    const hadItsTime = reason.code !== 'timeout' || isFirst || remainingMs >= this.#dialMs;
    if (reason.blames === 'endpoint' && hadItsTime) {
      this.#broker.reportUnreachable(endpoint, { cause: reason.message, askedMs });
    }
    return failure({ code: reason.code, isHopeless: reason.blames === 'gateway' });
  }

  /** Undefined: granted. */
  #awaitToken(): Promise<'rate' | 'timeout' | 'aborted' | undefined> {
    return this.#await(() =>
      this.#request.connectToken().then(
        (isGranted) => (isGranted ? undefined : 'rate'),
        () => 'rate',
      ),
    );
  }

  /** Undefined: it is there. A signer may be behind a network. */
  async #awaitIdentity(presented: Promise<PresentedIdentity>): Promise<'identity' | 'timeout' | 'aborted' | undefined> {
    const refusal = presented.then(
      (identity) => {
        this.#identity = identity;
        return undefined;
      },
      (error: unknown) => {
        this.#causes.push(errorMessage(error));
        return 'identity' as const;
      },
    );
    return await this.#await(() => refusal);
  }

  /** What `ask` says, unless the request's time is over before or nobody wants it any more. */
  async #await<Refusal extends string>(
    ask: () => Promise<Refusal | undefined>,
  ): Promise<Refusal | 'timeout' | 'aborted' | undefined> {
    if (this.#isCancelled) return 'aborted';
    const remainingMs = this.#deadlineMs - this.#clock.monotonicMs();
    if (remainingMs < 1) return 'timeout';
    const { promise, resolve } = Promise.withResolvers<Refusal | 'timeout' | 'aborted' | undefined>();
    const timer = setTimeout(() => resolve('timeout'), Math.ceil(remainingMs));
    this.#interrupt = () => resolve('aborted');
    void ask().then(resolve);
    const refusal = await promise;
    clearTimeout(timer);
    this.#interrupt = undefined;
    return this.#isCancelled ? 'aborted' : refusal;
  }

  #failure(code: UpstreamFailure['code']): { readonly ok: false; readonly error: UpstreamFailure } {
    if (code === 'aborted') return failure(abortedFailure(this.#broker));
    const causes = [...this.#causes];
    if (code === 'identity') {
      const why = causes.join('; ');
      return failure({ code, message: `Broker ${this.#broker.name}: the device can be given no identity: ${why}` });
    }
    if (code === 'rate') causes.push('no connect token for a further endpoint');
    if (code === 'timeout') causes.push(`nothing within ${this.#request.timeoutMs} ms`);
    return failure({ code, message: `Broker ${this.#broker.name} is not reachable: ${causes.join('; ')}` });
  }
}

function abortedFailure(broker: UpstreamBroker): UpstreamFailure {
  return { code: 'aborted', message: `Broker ${broker.name} is no longer wanted` };
}
