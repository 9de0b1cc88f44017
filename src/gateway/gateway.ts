import type { HostPort } from '../base/addresses.ts';
import { errorMessage } from '../base/errors.ts';
import { disconnectReason } from '../mqtt/disconnect-packet.ts';
import { decodeSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { CohortTerms } from '../plan/cohort-terms.ts';
import { Admission } from './admission.ts';
import type { ConnectionContext } from './connection-context.ts';
import { serveDevice } from './connection-stages.ts';
import { type AcceptedDevice, DeviceListener } from './device-listener.ts';
import { FirstContacts } from './first-contacts.ts';
import type { DeviceListenerSettings, GatewayLimits, GatewayPorts, GatewaySettings } from './gateway-ports.ts';
import { HandoverDesk } from './handover-desk.ts';
import type {
  HandoverQuestion,
  HandoverReply,
  LiveSession,
  MisplacedSession,
  SessionCounts,
  SessionFilter,
} from './live-session.ts';
import { LostLegs } from './lost-legs.ts';
import { OccasionalLog } from './occasional-log.ts';
import { closeForNewer, closeOrderly } from './orderly-close.ts';
import { ParkedUpstreams } from './parked-upstreams.ts';
import { pendingBefore } from './pending-leg.ts';
import { SessionDeadlines } from './session-deadlines.ts';
import { drainSessions } from './session-drain.ts';
import { SessionEnds } from './session-ends.ts';
import { SessionHomes } from './session-homes.ts';
import { SessionHost } from './session-host.ts';
import { SessionRepairs } from './session-repair.ts';
import { SessionTable } from './session-table.ts';
import { SightRegistration } from './sight-registration.ts';
import { UndeliverableRecords } from './undeliverable-record.ts';
import { countUnregistered } from './unregistered-sessions.ts';

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
  /** What an operator knows of a live session's subscriptions (text of `encodeSubscriptions`); a stale epoch says nothing. */
  learn(connection: number, epoch: number, subscriptions: string): void;
  sessions(filter: SessionFilter): LiveSession[];
  counts(): SessionCounts;
  /** Asks the plan in force about every live session; call it after `ports.snapshot()` has changed. */
  applySnapshot(): Promise<void>;
  /** Live sessions that are not where the plan wants them; of these cohorts only, when they are given. */
  misplaced(cohorts?: readonly string[]): readonly MisplacedSession[];
  /** By cohort: live persistent sessions that are elsewhere than these terms want them. */
  misplacedPersistent(cohorts: readonly CohortTerms[]): Readonly<Record<string, number>>;
  /** Live sessions of these cohorts, wherever they are. */
  liveIn(cohorts: readonly string[]): number;
  /** Connections that were assigned by an older plan and have no broker's answer yet: they may attach where they no longer belong. */
  pendingBefore(revision: number): number;
  /** Closes live sessions in order, so that their devices come back to where the plan wants them. */
  reconnect(connections: readonly number[]): Promise<{ readonly closed: number }>;
  /** Moves live sessions towards where the plan wants them, their devices connected; asked again and again by a move. */
  handOver(question: HandoverQuestion): HandoverReply;
  /** Takes back what the move has not switched: its sessions are as if it had never been. */
  abortHandovers(move: string): void;
  /**
   * Stops accepting and closes the live sessions in order: at `drainPerSecond`, or evenly over the deadline where that is
   * faster. Resolves as soon as nobody is left, or at the deadline.
   */
  drain(deadlineMs: number): Promise<void>;
  closeListeners(): void;
  /** Cuts what is left. */
  stop(): void;
}

export function createGateway(options: GatewayOptions): Gateway {
  return new DeviceGateway(options);
}

/** Milliseconds between additions to the metrics that are too dear to count per chunk or packet. */
const countEveryMs = 1_000;

/** Upstream legs that may wait for a will's delay, as a share of the connections. */
const lostLegShare = 0.02;

class DeviceGateway implements Gateway {
  readonly #ports: GatewayPorts;
  readonly #limits: GatewayLimits;
  readonly #sessions: SessionTable;
  readonly #context: ConnectionContext;
  readonly #homes: SessionHomes;
  readonly #host: SessionHost;
  readonly #listeners: DeviceListener[] = [];
  readonly #unattached = new Set<AcceptedDevice['socket']>();
  readonly #deadlines: SessionDeadlines;
  readonly #lostLegs: LostLegs;
  readonly #sessionEnds: SessionEnds;
  readonly #repairs: SessionRepairs;
  readonly #desk: HandoverDesk;
  readonly #countTimer: NodeJS.Timeout;
  #lastConnection = 0;

  constructor({ settings, limits, ports }: GatewayOptions) {
    this.#ports = ports;
    this.#limits = limits;
    this.#sessions = new SessionTable(ports.metrics.sessions);
    this.#deadlines = new SessionDeadlines(ports.clock);
    this.#lostLegs = new LostLegs(Math.ceil(limits.connectionsPerWorker * lostLegShare));
    const contacts = new FirstContacts(settings, ports);
    const registration = new SightRegistration(settings, ports, contacts);
    this.#sessionEnds = new SessionEnds(ports, contacts);
    const occasionalLog = new OccasionalLog(ports.log, ports.clock);
    const attachment = { settings, limits, ports, contacts, registration, sessionEnds: this.#sessionEnds };
    const pendingLegs: ConnectionContext['pendingLegs'] = new Map();
    this.#repairs = new SessionRepairs(attachment);
    this.#desk = new HandoverDesk({
      context: attachment,
      sessions: this.#sessions,
      pendingLegs,
      repairs: this.#repairs,
    });
    this.#homes = new SessionHomes({ ports, settings, sessions: this.#sessions });
    this.#host = new SessionHost({
      ports,
      log: occasionalLog,
      sessions: this.#sessions,
      deadlines: this.#deadlines,
      lostLegs: this.#lostLegs,
      sessionEnds: this.#sessionEnds,
      homes: this.#homes,
      repairs: this.#repairs,
      desk: this.#desk,
    });
    this.#context = {
      settings,
      limits,
      ports,
      occasionalLog,
      admission: new Admission(limits, { metrics: ports.metrics, log: occasionalLog, clock: ports.clock }),
      sessions: this.#sessions,
      pendingLegs,
      parked: new ParkedUpstreams(),
      relayHost: this.#host,
      contacts,
      registration,
      undeliverable: new UndeliverableRecords(ports.clock),
      sessionEnds: this.#sessionEnds,
    };
    this.#countTimer = setInterval(() => this.#takeCounts(), countEveryMs);
    this.#countTimer.unref();
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
    if (!this.#isOlder(connection, epoch)) return;
    // What such a leg still does at its broker has to be over, wherever the newer session goes.
    const left = [this.#lostLegs.end(connection, closeMs), this.#sessionEnds.settle(connection, closeMs)];
    if (left.some((ending) => ending !== undefined)) await Promise.all(left);
    const relay = this.#sessions.legOf(connection);
    if (relay !== undefined) {
      await closeForNewer(relay, newBroker, { closeMs, parked: this.#context.parked });
    }
  }

  endParked(connection: number): Promise<void> {
    return this.#context.parked.end(connection, Math.ceil(this.#limits.takeoverMs / 2));
  }

  learn(connection: number, epoch: number, subscriptions: string): void {
    const relay = this.#sessions.relayOf(connection);
    if (relay?.record.epoch !== epoch) return;
    if (relay.machine.learn(decodeSubscriptions(subscriptions))) this.#desk.judgements.forget(relay);
  }

  sessions(filter: SessionFilter): LiveSession[] {
    return this.#sessions.sessions(filter, (relay) => this.#desk.reasonOf(relay));
  }

  counts(): SessionCounts {
    const { connections } = this.#context.admission;
    const unregistered = countUnregistered(this.#sessions.relays(), this.#context.contacts);
    const secondLegs = this.#desk.secondLegs();
    return { ...this.#sessions.counts(this.#ports.snapshot()), secondLegs, unregistered, connections };
  }

  applySnapshot(): Promise<void> {
    return this.#sessions.applySnapshot(this.#ports.snapshot(), (relay) => this.#homes.handleOtherCohort(relay));
  }

  misplaced(cohorts?: readonly string[]): readonly MisplacedSession[] {
    const { contacts } = this.#context;
    return this.#sessions.misplaced(
      cohorts,
      ({ record, origin }) => contacts.waitOf({ broker: record.assignment.broker, device: origin.device })?.reason,
    );
  }

  misplacedPersistent(cohorts: readonly CohortTerms[]): Readonly<Record<string, number>> {
    return this.#homes.misplacedPersistent(cohorts);
  }

  liveIn(cohorts: readonly string[]): number {
    return this.#sessions.liveIn(cohorts);
  }

  pendingBefore(revision: number): number {
    return pendingBefore(this.#context.pendingLegs.values(), revision);
  }

  handOver(question: HandoverQuestion): HandoverReply {
    return this.#desk.handOver(question);
  }

  abortHandovers(move: string): void {
    this.#desk.abortHandovers(move);
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

  drain(deadlineMs: number): Promise<void> {
    this.closeListeners();
    const { quiesceMs, drainPerSecond } = this.#limits;
    const { clock, log, random = Math.random } = this.#ports;
    const connections = () => this.#context.admission.connections;
    const relays = () => [...this.#sessions.relays()];
    return drainSessions(
      { relays, connections, clock, log, random },
      { deadlineMs, quiesceMs, perSecond: drainPerSecond },
    );
  }

  closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
  }

  stop(): void {
    this.closeListeners();
    clearInterval(this.#countTimer);
    this.#deadlines.close();
    this.#repairs.close();
    this.#desk.close();
    this.#takeCounts();
    for (const listener of this.#listeners) listener.destroyArrivals();
    for (const relay of [...this.#sessions.relays()]) {
      relay.device.destroy();
      for (const { socket } of relay.legs.open) socket.destroy();
    }
    for (const { legs } of this.#sessions.endingRelays()) for (const { socket } of legs.open) socket.destroy();
    for (const socket of this.#unattached) socket.destroy();
    this.#sessionEnds.close();
    this.#context.undeliverable.close();
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

  #isOlder(connection: number, epoch: number): boolean {
    const relay = this.#sessions.legOf(connection);
    return relay !== undefined && relay.record.epoch <= epoch;
  }

  #takeCounts(): void {
    const { bytes, adaptations, drops } = this.#host;
    const { metrics } = this.#ports;
    if (bytes.fromDevice > 0) metrics.bytesRelayed.inc({ direction: 'from_device' }, bytes.fromDevice);
    if (bytes.fromBroker > 0) metrics.bytesRelayed.inc({ direction: 'from_broker' }, bytes.fromBroker);
    bytes.fromDevice = 0;
    bytes.fromBroker = 0;
    adaptations.take((kind, times) => metrics.adaptations.inc({ kind }, times));
    drops.take((reason, times) => metrics.messagesDropped.inc({ reason }, times));
  }
}
