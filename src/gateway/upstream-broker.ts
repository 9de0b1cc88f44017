import type { Socket } from 'node:net';
import { type HostPort, renderHostPort } from '../base/addresses.ts';
import type { Clock } from '../base/clock.ts';
import { CrossfadeError } from '../base/errors.ts';
import { type Result, success } from '../base/result.ts';
import type { ConnectQuestion } from '../mqtt/connect-adaptation.ts';
import type { Logger } from '../telemetry/logger.ts';
import { authorityExpiry, type MintingAuthority } from '../tls/certificate-signer.ts';
import type { CredentialFault } from './credential-policy.ts';
import {
  type DeviceCertificateTerms,
  DeviceIdentities,
  type DeviceIdentityBounds,
  type PresentedIdentity,
} from './device-identities.ts';
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
import { type AuthorizerTerms, TokenAuthorizer } from './token-authorizer.ts';
import { defaultAlpn } from './upstream-alpn.ts';
import type { ConnectOutcome, UpstreamConnection, UpstreamDevice } from './upstream-connector.ts';
import {
  createEndpointTls,
  deviceContexts,
  loadBrokerAuthority,
  loadBrokerTokenKey,
  loadUpstreamIdentity,
  type UpstreamTlsMaterial,
} from './upstream-material.ts';
import type { UpstreamTlsSessions } from './upstream-tls-sessions.ts';

export interface UpstreamBrokerOptions {
  /** At least one. */
  readonly endpoints: readonly (HostPort & { readonly tls: boolean })[];
  readonly tls: UpstreamTlsMaterial;
  readonly identityMode: 'forward' | 'gateway-certificate' | 'device-certificate' | 'custom-authorizer';
  readonly sendProxyProtocol: boolean;
  /** Default: `mqtt`. */
  readonly profile?: string;
  /** ALPN protocols to offer; absent: what the profile wants on the endpoint's port. */
  readonly alpn?: readonly string[];
  /** For `device-certificate`. */
  readonly deviceCertificate?: DeviceCertificateTerms;
  /** For `custom-authorizer`. */
  readonly authorizer?: AuthorizerTerms;
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

interface BrokerOptions extends UpstreamBrokerOptions, DeviceIdentityBounds {
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
  #material: LoadedMaterial;
  #states: EndpointState[];
  readonly #watches: readonly EndpointWatch[];

  constructor(options: BrokerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#material = this.#load(options.tls);
    this.#states = this.#material.endpoints.map(({ name }) => createEndpointState(name));
    this.#watches = this.#material.endpoints.map(() => new EndpointWatch());
  }

  /** Best first. */
  rank(key: string): readonly UpstreamEndpoint[] {
    const order = rankEndpoints(key, this.#states, this.#options.clock.monotonicMs());
    return order.flatMap((position) => this.#material.endpoints[position] ?? []);
  }

  life(): BrokerLife {
    return brokerLife(this.#watches);
  }

  /** Builds everything now (and throws), swaps when called. */
  prepareReload(material: UpstreamTlsMaterial): () => void {
    const loaded = this.#load(material);
    return () => {
      this.#material = loaded;
    };
  }

  /** The device's own identity; undefined: all devices share the endpoint's. Rejects where it can have none. */
  present(device: UpstreamDevice): Promise<PresentedIdentity> | undefined {
    return this.#material.identities?.present(device);
  }

  /** The certificate, PEM, that it shows; rejects where it can have none. */
  async certificateOf(device: UpstreamDevice): Promise<string> {
    const { identities } = this.#material;
    if (identities === undefined)
      throw new CrossfadeError('identity', `Broker ${this.name} gives devices no certificate`);
    return identities.certificateOf(device);
  }

  authorize(
    device: UpstreamDevice,
    question: ConnectQuestion,
  ): Result<ConnectQuestion, CredentialFault> | Promise<Result<ConnectQuestion, CredentialFault>> {
    return this.#material.authorizer?.authorize(device, question) ?? success(question);
  }

  /** Called when a dial begins. */
  dialOptions(
    endpoint: UpstreamEndpoint,
    {
      device,
      identity,
      timeoutMs,
    }: Pick<EndpointDialOptions, 'timeoutMs'> & {
      readonly device: UpstreamDevice;
      readonly identity: PresentedIdentity | undefined;
    },
  ): EndpointDialOptions {
    this.#report(endpoint, { kind: 'tried', dialMs: this.#options.dialMs }, '');
    return {
      host: endpoint.host,
      port: endpoint.port,
      timeoutMs,
      ...(endpoint.tls !== undefined && { tls: withIdentity(endpoint.tls, identity) }),
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
      case 'turned-away':
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

  #load(material: UpstreamTlsMaterial): LoadedMaterial {
    const { name, identityMode, deviceCertificate, authorizer, clock } = this.#options;
    const endpoints = this.#loadEndpoints(material);
    if (identityMode === 'device-certificate' && deviceCertificate !== undefined) {
      const authority = loadBrokerAuthority(name, material);
      const createContext = deviceContexts(name, material);
      this.#warnOfExpiry(authority);
      const terms = deviceCertificate;
      return {
        endpoints,
        identities: new DeviceIdentities({ ...{ authority, terms, createContext, clock }, bounds: this.#options }),
      };
    }
    if (identityMode === 'custom-authorizer' && authorizer !== undefined) {
      return { endpoints, authorizer: new TokenAuthorizer(authorizer, loadBrokerTokenKey(name, material), clock) };
    }
    if (identityMode === 'device-certificate' || identityMode === 'custom-authorizer') {
      throw new CrossfadeError('upstream-material', `Broker ${name}: expected the terms of ${identityMode}, got none`);
    }
    return { endpoints };
  }

  /** Its devices stay where they are until there is a new one: no reason not to start. */
  #warnOfExpiry({ certificate }: MintingAuthority): void {
    const { name: broker, log, clock } = this.#options;
    const problem = authorityExpiry(certificate, clock.wallMs());
    if (problem !== undefined) log.warn({ broker, problem }, 'no device can be given a certificate');
  }

  #loadEndpoints(material: UpstreamTlsMaterial): readonly UpstreamEndpoint[] {
    const { name: broker, endpoints, identityMode, sessions, profile = 'mqtt', alpn } = this.#options;
    const hasCertificate = material.cert !== undefined;
    if (identityMode === 'gateway-certificate' && !hasCertificate) {
      throw new CrossfadeError(
        'upstream-material',
        `Broker ${broker}: ${identityMode} needs a certificate and its key`,
      );
    }
    const usesTls = endpoints.some(({ tls }) => tls);
    const identity = usesTls ? loadUpstreamIdentity(broker, material) : undefined;
    return endpoints.map(({ host, port, tls }, position) => {
      const name = renderHostPort({ host, port });
      if (!tls || identity === undefined) return { position, name, host, port };
      const offered = alpn ?? defaultAlpn({ profile, identityMode, hasCertificate, port });
      return { position, name, host, port, tls: createEndpointTls(identity, { name, host, alpn: offered }, sessions) };
    });
  }
}

/** What is made of a broker's files, and made anew when they change. */
interface LoadedMaterial {
  readonly endpoints: readonly UpstreamEndpoint[];
  readonly identities?: DeviceIdentities;
  readonly authorizer?: TokenAuthorizer;
}

/** A TLS session is resumed only for the certificate that it was made with, so that is part of its scope. */
function withIdentity(tls: EndpointTls, identity: PresentedIdentity | undefined): EndpointTls {
  if (identity === undefined) return tls;
  const { secureContext, fingerprint } = identity;
  return { ...tls, secureContext, sessionScope: { ...tls.sessionScope, identity: fingerprint } };
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
