import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { HostPort } from '../base/addresses.ts';
import { systemClock } from '../base/clock.ts';
import type { Configuration, NameserverConfiguration } from '../config/configuration.ts';
import type { Limits } from '../config/limits.ts';
import type { ZoneMaterial } from '../config/zone-material.ts';
import type { PassingKind } from '../dns/signature-budget.ts';
import { Nameserver, type NameserverOptions } from '../nameserver/nameserver.ts';
import type { SeenAskersDocument } from '../nameserver/seen-askers.ts';
import type { RoutingSnapshot } from '../plan/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { nameserverPortName } from './process-messages.ts';
import { ServedNames, type SteeringNotes } from './served-names.ts';

export interface WorkerNameserverOptions {
  readonly configuration: Configuration;
  readonly zones: readonly ZoneMaterial[];
  readonly cookieSecrets: readonly string[];
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** The nameserver of a worker process, or nothing where none is configured. */
export class WorkerNameserver {
  readonly #configured: NameserverConfiguration | undefined;
  readonly #names: ServedNames | undefined;
  readonly #nameserver: Nameserver | undefined;
  readonly #log: Logger;
  /** Settles when it can answer: plan and notes are there. */
  readonly ready: Promise<void>;
  #settle: () => void;

  constructor({ configuration, zones, cookieSecrets, metrics, log }: WorkerNameserverOptions) {
    const { nameserver, sites, limits } = configuration;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settle = resolve;
    this.#configured = nameserver;
    this.#log = log;
    if (nameserver === undefined) {
      resolve();
      return;
    }
    const signaturesPerSecond = limits.dnsSignaturesPerSecond;
    const onSignatureRefused = (kind: PassingKind) => metrics.dnsSignaturesRefused.inc({ kind });
    this.#names = new ServedNames({ nameserver, sites, zones, signaturesPerSecond, onSignatureRefused, log });
    this.#nameserver = new Nameserver(nameserverOptions(nameserver, limits, cookieSecrets), {
      clock: systemClock,
      log,
      addQueries: (labels, count) => metrics.dnsQueries.inc(labels, count),
      addResults: (result, count) => metrics.dnsMessages.inc({ result }, count),
    });
  }

  /** Binds every address; `ports` are those of this run's first worker, by nameserverPortName. */
  async listen(ports: Readonly<Record<string, number>>): Promise<Readonly<Record<string, HostPort>>> {
    const bound: Record<string, HostPort> = {};
    for (const [index, { host, port }] of (this.#configured?.bind ?? []).entries()) {
      const name = nameserverPortName(index);
      const address = await this.#nameserver?.listen({ host, port: ports[name] ?? port });
      if (address !== undefined) bound[name] = address;
    }
    return bound;
  }

  adoptPlan(plan: RoutingSnapshot): void {
    this.#change((names) => names.adoptPlan(plan));
  }

  adoptNotes(notes: SteeringNotes): void {
    this.#change((names) => names.adoptNotes(notes));
  }

  /** Settles when the zones are answered from. */
  async reload(zones: readonly ZoneMaterial[]): Promise<void> {
    if (this.#names === undefined) return;
    const changed = await this.#names.adoptZones(zones);
    this.#change(() => {});
    if (changed.length > 0) this.#log.info({ zones: changed }, 'Zones are served as their files are now');
  }

  get seenAskers(): SeenAskersDocument {
    return this.#nameserver?.seenAskers ?? { networks: [], resolvers: [] };
  }

  flushCounts(): void {
    this.#nameserver?.flushCounts();
  }

  stop(): void {
    this.#nameserver?.stop();
  }

  #change(change: (names: ServedNames) => void): void {
    if (this.#names === undefined) return;
    change(this.#names);
    const { source } = this.#names;
    if (source === undefined) return;
    this.#nameserver?.swap(source);
    this.#settle();
  }
}

function nameserverOptions(
  { nsid, unlimited }: NameserverConfiguration,
  limits: Limits,
  secrets: readonly string[],
): NameserverOptions {
  const [first = '', ...others] = secrets;
  return {
    tcp: {
      idleMs: limits.dnsTcpIdleMs,
      messageMs: limits.dnsTcpMessageMs,
      connections: limits.dnsTcpConnections,
      connectionsPerClient: limits.dnsTcpConnectionsPerClient,
    },
    images: limits.dnsImages,
    nsid: nsid ?? hostname(),
    cookieSecrets: [Buffer.from(first, 'hex'), ...others.map((secret) => Buffer.from(secret, 'hex'))],
    freeOctetsPerSecond: limits.dnsFreeBytes,
    sameAnswersPerSecond: limits.dnsSameAnswers,
    unlimited,
    seed: randomInt(2 ** 32),
  };
}
