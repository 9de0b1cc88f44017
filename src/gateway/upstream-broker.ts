import type { Socket } from 'node:net';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EndpointDialOptions, EndpointTls } from './dial-endpoint.ts';
import {
  applyEndpointReport,
  createEndpointState,
  type EndpointReport,
  type EndpointState,
  rankEndpoints,
} from './endpoint-ranking.ts';
import { type BrokerLife, brokerLife, EndpointWatch } from './endpoint-watch.ts';
import { encodeProxyHeader } from './proxy-protocol.ts';
import type { ConnectOutcome, UpstreamConnection, UpstreamDevice } from './upstream-connector.ts';
import { createEndpointTls, loadUpstreamIdentity, type UpstreamTlsMaterial } from './upstream-material.ts';
import type { UpstreamTlsSessions } from './upstream-tls-sessions.ts';

export interface UpstreamBrokerOptions {
  /** At least one. */
  readonly endpoints: readonly (HostPort & { readonly tls: boolean })[];
  readonly tls: UpstreamTlsMaterial;
  readonly identityMode: 'forward' | 'gateway-certificate' | 'device-certificate' | 'custom-authorizer';
  readonly sendProxyProtocol: boolean;
}

export interface UpstreamEndpoint {
  readonly position: number;
  /** `host:port`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: EndpointTls;
}

interface BrokerOptions extends UpstreamBrokerOptions {
  readonly name: string;
  readonly sessions: UpstreamTlsSessions;
  readonly dialMs: number;
  readonly endpointHoldDownMs: number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** One broker as the connector sees it: its endpoints with what is known about each, and its TLS material. */
export class UpstreamBroker {
  readonly name: string;
  readonly #options: BrokerOptions;
  #endpoints: readonly UpstreamEndpoint[];
  #states: EndpointState[];
  readonly #watches: readonly EndpointWatch[];

  constructor(options: BrokerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#endpoints = this.#loadEndpoints(options.tls);
    this.#states = this.#endpoints.map(({ name }) => createEndpointState(name));
    this.#watches = this.#endpoints.map(() => new EndpointWatch());
  }

  /** Best first. */
  rank(key: string): readonly UpstreamEndpoint[] {
    const order = rankEndpoints(key, this.#states, this.#options.clock.monotonicMs());
    return order.flatMap((position) => this.#endpoints[position] ?? []);
  }

  life(): BrokerLife {
    return brokerLife(this.#watches);
  }

  /** Builds everything now (and throws), swaps when called. */
  prepareReload(material: UpstreamTlsMaterial): () => void {
    const endpoints = this.#loadEndpoints(material);
    return () => {
      this.#endpoints = endpoints;
    };
  }

  /** Called when a dial begins. */
  dialOptions(endpoint: UpstreamEndpoint, device: UpstreamDevice, timeoutMs: number): EndpointDialOptions {
    this.#report(endpoint, { kind: 'tried', dialMs: this.#options.dialMs }, '');
    return {
      host: endpoint.host,
      port: endpoint.port,
      timeoutMs,
      ...(endpoint.tls !== undefined && { tls: endpoint.tls }),
      ...(this.#options.sendProxyProtocol && { proxyHeader: renderDevice(device) }),
    };
  }

  connection(endpoint: UpstreamEndpoint, socket: Socket): UpstreamConnection {
    const askedMs = this.#options.clock.monotonicMs();
    return {
      socket,
      endpoint: endpoint.name,
      watch: this.#watchOf(endpoint),
      reportOutcome: (outcome) => this.#reportOutcome(endpoint, outcome, askedMs),
    };
  }

  reportUnreachable(
    endpoint: UpstreamEndpoint,
    { cause, askedMs }: { readonly cause: string; readonly askedMs: number },
  ): void {
    this.#report(endpoint, this.#holdDown('unreachable'), cause);
    this.#watchOf(endpoint).noteUnanswered(askedMs, this.#options.clock.monotonicMs());
  }

  #reportOutcome(endpoint: UpstreamEndpoint, outcome: ConnectOutcome, askedMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    const watch = this.#watchOf(endpoint);
    switch (outcome) {
      case 'answered':
        watch.heardMs = nowMs;
        this.#report(endpoint, { kind: 'answered' }, '');
        break;
      case 'failed':
        this.#report(endpoint, this.#holdDown('brokenOff'), 'closed before CONNACK, or did not speak MQTT');
        // One device's bad CONNECT makes a broker close: by itself that says nothing.
        if (this.#states[endpoint.position]?.isDoubtful) watch.noteUnanswered(askedMs, nowMs);
        break;
      case 'given-up':
        if (nowMs - askedMs < this.#options.dialMs) return;
        this.#report(endpoint, this.#holdDown('brokenOff'), 'stayed silent before CONNACK');
        watch.noteUnanswered(askedMs, nowMs);
        break;
    }
  }

  #watchOf({ position }: UpstreamEndpoint): EndpointWatch {
    return this.#watches[position] as EndpointWatch;
  }

  #holdDown(kind: 'unreachable' | 'brokenOff'): EndpointReport {
    return { kind, holdDownMs: this.#options.endpointHoldDownMs };
  }

  #report({ position, name }: UpstreamEndpoint, report: EndpointReport, cause: string): void {
    const before = this.#states[position];
    if (before === undefined) return;
    const after = applyEndpointReport(before, report, this.#options.clock.monotonicMs());
    this.#states[position] = after;
    if (after.isDoubtful === before.isDoubtful) return;
    const { log } = this.#options;
    if (after.isDoubtful) log.warn({ broker: this.name, endpoint: name, cause }, 'endpoint is tried last');
    else log.info({ broker: this.name, endpoint: name }, 'endpoint answers again');
  }

  #loadEndpoints(material: UpstreamTlsMaterial): readonly UpstreamEndpoint[] {
    const { name: broker, endpoints, identityMode, sessions } = this.#options;
    if (identityMode !== 'forward' && identityMode !== 'gateway-certificate') {
      throw new CrossfadeError('upstream-material', `Broker ${broker}: identity mode ${identityMode} is not served`);
    }
    if (identityMode === 'gateway-certificate' && material.cert === undefined) {
      throw new CrossfadeError(
        'upstream-material',
        `Broker ${broker}: ${identityMode} needs a certificate and its key`,
      );
    }
    const usesTls = endpoints.some(({ tls }) => tls);
    const identity = usesTls ? loadUpstreamIdentity(broker, material) : undefined;
    return endpoints.map(({ host, port, tls }, position) => {
      const name = renderHostPort({ host, port });
      return {
        position,
        name,
        host,
        port,
        ...(tls && identity !== undefined && { tls: createEndpointTls(identity, { name, host }, sessions) }),
      };
    });
  }
}

function renderDevice(device: UpstreamDevice): Buffer {
  return encodeProxyHeader({
    source: { address: device.remoteAddress, port: device.remotePort },
    destination: { address: device.localAddress, port: device.localPort },
    certificateVerified: device.certificateVerified,
    ...(device.commonName !== undefined && { commonName: device.commonName }),
    ...(device.tlsVersion !== undefined && { tlsVersion: device.tlsVersion }),
  });
}
