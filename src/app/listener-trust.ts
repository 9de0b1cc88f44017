import { errorMessage } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import type { TlsMaterial } from '../config/tls-material.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createListenerTls } from '../tls/create-listener-tls.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';

export interface ListenerTrustOptions {
  readonly configuration: Configuration;
  readonly materials: TlsMaterial;
  /** By listener. */
  readonly ticketSecrets: Readonly<Record<string, string>>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** How often warnings are looked at again and said again where they changed. */
const warningsEveryMs = 3_600_000;
/** A Node timer holds 31 bits of milliseconds. */
const longestTimerMs = 2_147_483_647;

/** The TLS of all listeners of a worker: rotation of ticket keys, reloads, and what the operator must hear ahead of time. */
export class ListenerTrust {
  readonly #tls: ReadonlyMap<string, ListenerTls>;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #warned = new Set<string>();
  readonly #warningsTimer: NodeJS.Timeout;
  #rotationTimer: NodeJS.Timeout | undefined;

  /** Throws CrossfadeError `tls-material`. */
  constructor({ configuration, materials, ticketSecrets, metrics, log }: ListenerTrustOptions) {
    this.#metrics = metrics;
    this.#log = log;
    this.#tls = new Map(
      configuration.listeners.flatMap(({ name, tls }) => {
        const material = materials.listeners[name];
        const ticketSecret = ticketSecrets[name];
        if (tls === undefined || material === undefined || ticketSecret === undefined) return [];
        const policy = { ...tls, name, ticketSecret, ticketRotationMs: configuration.limits.ticketRotationMs };
        return [[name, createListenerTls(policy, material, Date.now())] as const];
      }),
    );
    this.#rotate();
    this.#announce();
    this.#warningsTimer = setInterval(() => this.#announce(), warningsEveryMs);
  }

  of(listener: string): ListenerTls | undefined {
    return this.#tls.get(listener);
  }

  reload(materials: TlsMaterial): void {
    for (const [name, tls] of this.#tls) {
      const material = materials.listeners[name];
      if (material === undefined) continue;
      try {
        tls.reload(material, Date.now());
      } catch (error) {
        this.#log.error(
          { listener: name, error: errorMessage(error) },
          'A listener keeps its old certificates and CRLs',
        );
      }
    }
    this.#warned.clear();
    this.#announce();
  }

  close(): void {
    clearTimeout(this.#rotationTimer);
    clearInterval(this.#warningsTimer);
  }

  #rotate(): void {
    const next = Math.min(...[...this.#tls.values()].map((tls) => tls.rotate(Date.now())));
    if (!Number.isFinite(next)) return;
    this.#rotationTimer = setTimeout(() => this.#rotate(), Math.min(longestTimerMs, Math.max(1, next - Date.now())));
  }

  /** A CRL past its next update or a certificate about to end is said by metric and log before it hurts. */
  #announce(): void {
    for (const [name, tls] of this.#tls) {
      for (const { use, expiresAt } of tls.expiring()) this.#metrics.certificateExpiry.set({ use }, expiresAt / 1000);
      for (const warning of tls.warnings(Date.now())) {
        const text = `${name}: ${warning}`;
        if (!this.#warned.has(text)) this.#log.warn({ listener: name }, warning);
        this.#warned.add(text);
      }
    }
  }
}
