import type { HostPort } from '../base/addresses.ts';
import { errorMessage } from '../base/errors.ts';
import { disconnectReason } from '../mqtt/disconnect-packet.ts';
import { Admission } from './admission.ts';
import type { ConnectionContext } from './connection-context.ts';
import { serveDevice } from './connection-stages.ts';
import { type AcceptedDevice, DeviceListener } from './device-listener.ts';
import type { DeviceListenerSettings, GatewayLimits, GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import type { LiveSession, MisplacedSession, SessionCounts, SessionFilter } from './live-session.ts';
import { OccasionalLog } from './occasional-log.ts';
import { closeForNewer, closeOrderly } from './orderly-close.ts';
import { ParkedUpstreams } from './parked-upstreams.ts';
import type { RelayHost } from './relay.ts';
import { SessionTable } from './session-table.ts';

export interface GatewayOptions {
  readonly settings: GatewaySettings;
  readonly limits: GatewayLimits;
  readonly ports: GatewayPorts;
}

/** One worker's device side: listeners, connections, live sessions. */
export interface Gateway {
  /** Binds a listener; 0 takes a free port. Rejects with CrossfadeError `listen`. */
  listen(
    listener: DeviceListenerSettings,
    binding: { readonly port: number; readonly reusePort: boolean },
  ): Promise<HostPort>;
  /**
   * Ends an older device leg for a newer CONNECT of its client ID. `newBroker`: where the newer session goes, when
   * that is known. When it resolves, the leg dials no more and moves no byte; where the newer session goes to another
   * broker, the connection to the old one is closed then, by the broker or after half of takeoverMs by force.
   */
  endLeg(connection: number, epoch: number, newBroker?: string): Promise<void>;
  /** Closes the upstream leg that `endLeg` left to its broker's takeover, because the client ID goes elsewhere after all. */
  endParked(connection: number): Promise<void>;
  sessions(filter: SessionFilter): LiveSession[];
  counts(): SessionCounts;
  /** Asks the plan in force about every live session; call it after `ports.snapshot()` has changed. */
  applySnapshot(): Promise<void>;
  /** Live sessions that are not where the plan wants them; of these cohorts only, when they are given. */
  misplaced(cohorts?: readonly string[]): readonly MisplacedSession[];
  /** Connections that were assigned by an older plan and have no broker's answer yet: they may attach where they no longer belong. */
  pendingBefore(revision: number): number;
  /** Closes live sessions in order, so that their devices come back to where the plan wants them. */
  reconnect(connections: readonly number[]): Promise<{ readonly closed: number }>;
  /** Stops accepting and closes the live sessions in order, evenly over the deadline. Resolves when all are gone or at it. */
  drain(deadlineMs: number): Promise<void>;
  closeListeners(): void;
  /** Cuts what is left. */
  stop(): void;
}

export function createGateway(options: GatewayOptions): Gateway {
  return new DeviceGateway(options);
}

/** Milliseconds between additions to `crossfade_relayed_bytes_total`, which is too dear to count per chunk. */
const byteCountEveryMs = 1_000;

/** Milliseconds between the closes of a drain. */
const drainStepMs = 50;

class DeviceGateway implements Gateway {
  readonly #ports: GatewayPorts;
  readonly #limits: GatewayLimits;
  readonly #sessions: SessionTable;
  readonly #context: ConnectionContext;
  readonly #relayHost: RelayHost;
  readonly #listeners: DeviceListener[] = [];
  readonly #unattached = new Set<AcceptedDevice['socket']>();
  readonly #byteTimer: NodeJS.Timeout;
  #lastConnection = 0;

  constructor({ settings, limits, ports }: GatewayOptions) {
    this.#ports = ports;
    this.#limits = limits;
    this.#sessions = new SessionTable(ports.metrics.sessions);
    this.#relayHost = {
      packets: ports.metrics.packets,
      bytes: { fromDevice: 0, fromBroker: 0 },
      log: ports.log,
      handleDeviceGone: (relay) => this.#sessions.remove(relay),
      handleLegOver: (relay, sessionOver) => {
        const { clientId, epoch, isClaimed } = relay.record;
        this.#sessions.forget(relay);
        if (isClaimed) ports.registry.ended(clientId, epoch, sessionOver);
      },
    };
    const occasionalLog = new OccasionalLog(ports.log, ports.clock);
    this.#context = {
      settings,
      limits,
      ports,
      occasionalLog,
      admission: new Admission(limits, { metrics: ports.metrics, log: occasionalLog, clock: ports.clock }),
      sessions: this.#sessions,
      pendingLegs: new Map(),
      parked: new ParkedUpstreams(),
      relayHost: this.#relayHost,
    };
    this.#byteTimer = setInterval(() => this.#countBytes(), byteCountEveryMs);
    this.#byteTimer.unref();
  }

  listen(
    settings: DeviceListenerSettings,
    binding: { readonly port: number; readonly reusePort: boolean },
  ): Promise<HostPort> {
    const listener = new DeviceListener(settings, {
      admission: this.#context.admission,
      metrics: this.#ports.metrics,
      log: this.#ports.log,
      clock: this.#ports.clock,
      tlsHandshakeMs: this.#limits.tlsHandshakeMs,
      relayBufferBytes: this.#limits.relayBufferBytes,
      handleDevice: (device) => this.#serve(device),
    });
    this.#listeners.push(listener);
    return listener.listen(binding);
  }

  async endLeg(connection: number, epoch: number, newBroker?: string): Promise<void> {
    const closeMs = Math.ceil(this.#limits.takeoverMs / 2);
    const pending = this.#context.pendingLegs.get(connection);
    if (pending !== undefined && (pending.epoch === undefined || pending.epoch <= epoch)) {
      await pending.endForNewer(newBroker, closeMs);
    }
    const relay = this.#sessions.legOf(connection);
    if (relay !== undefined && relay.record.epoch <= epoch) {
      await closeForNewer(relay, newBroker, { closeMs, parked: this.#context.parked });
    }
  }

  endParked(connection: number): Promise<void> {
    return this.#context.parked.end(connection, Math.ceil(this.#limits.takeoverMs / 2));
  }

  sessions(filter: SessionFilter): LiveSession[] {
    return this.#sessions.sessions(filter);
  }

  counts(): SessionCounts {
    return this.#sessions.counts(this.#ports.snapshot(), this.#context.admission.connections);
  }

  applySnapshot(): Promise<void> {
    return this.#sessions.applySnapshot(this.#ports.snapshot());
  }

  misplaced(cohorts?: readonly string[]): readonly MisplacedSession[] {
    return this.#sessions.misplaced(cohorts);
  }

  pendingBefore(revision: number): number {
    let pending = 0;
    for (const leg of this.#context.pendingLegs.values())
      if (leg.end === undefined && leg.revision < revision) pending += 1;
    return pending;
  }

  async reconnect(connections: readonly number[]): Promise<{ readonly closed: number }> {
    const closes = connections.map((connection) => {
      const relay = this.#sessions.relayOf(connection);
      if (relay === undefined) return false;
      return closeOrderly(relay, disconnectReason.administrativeAction, this.#limits.quiesceMs);
    });
    const outcomes = await Promise.all(closes);
    return { closed: outcomes.filter(Boolean).length };
  }

  async drain(deadlineMs: number): Promise<void> {
    this.closeListeners();
    const startMs = this.#ports.clock.monotonicMs();
    // The last of them still need their quiet moment, and both sides' sockets a moment to flush.
    const closeWithinMs = Math.max(0, deadlineMs - this.#limits.quiesceMs - drainStepMs);
    const waiting = [...this.#sessions.relays()];
    const total = waiting.length;
    let begun = 0;
    for (;;) {
      const elapsedMs = this.#ports.clock.monotonicMs() - startMs;
      const due = closeWithinMs === 0 ? total : Math.min(total, Math.ceil((elapsedMs / closeWithinMs) * total));
      for (; begun < due; begun += 1) {
        const relay = waiting[begun];
        if (relay !== undefined) void closeOrderly(relay, disconnectReason.serverShuttingDown, this.#limits.quiesceMs);
      }
      if (this.#context.admission.connections === 0 || elapsedMs >= deadlineMs) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(drainStepMs, deadlineMs - elapsedMs)));
      if (begun === total) this.#closeLatecomers();
    }
  }

  closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
  }

  stop(): void {
    this.closeListeners();
    clearInterval(this.#byteTimer);
    this.#countBytes();
    for (const listener of this.#listeners) listener.destroyArrivals();
    for (const relay of [...this.#sessions.relays()]) {
      relay.device.destroy();
      relay.upstream.destroy();
    }
    for (const relay of this.#sessions.endingRelays()) relay.upstream.destroy();
    for (const socket of this.#unattached) socket.destroy();
  }

  /** Sessions that began while a drain went on; those that are closing already are left alone. */
  #closeLatecomers(): void {
    for (const relay of this.#sessions.relays()) {
      void closeOrderly(relay, disconnectReason.serverShuttingDown, this.#limits.quiesceMs);
    }
  }

  #serve(device: AcceptedDevice): void {
    this.#lastConnection += 1;
    this.#unattached.add(device.socket);
    serveDevice(device, this.#lastConnection, this.#context)
      .catch((error: unknown) => {
        this.#ports.log.error({ error: errorMessage(error), listener: device.listener.name }, 'connection failed');
        device.socket.destroy();
      })
      .finally(() => this.#unattached.delete(device.socket));
  }

  #countBytes(): void {
    const { bytes } = this.#relayHost;
    const { bytesRelayed } = this.#ports.metrics;
    if (bytes.fromDevice > 0) bytesRelayed.inc({ direction: 'from_device' }, bytes.fromDevice);
    if (bytes.fromBroker > 0) bytesRelayed.inc({ direction: 'from_broker' }, bytes.fromBroker);
    bytes.fromDevice = 0;
    bytes.fromBroker = 0;
  }
}
