import type { AdminEvent } from '../admin/admin-api.ts';
import { createAdminServer } from '../admin/admin-server.ts';
import type { AdminServer } from '../admin/route-server.ts';
import { parseHostPort } from '../base/addresses.ts';
import { systemClock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { createSystemSource } from '../config/configuration-source.ts';
import { readInclude } from '../config/include.ts';
import { inOrderOfParts, storedSplitMistakes } from '../config/split-agreement.ts';
import type { PlanStore } from '../plan/store/plan-store.ts';
import type { HomeStore } from '../session/home-store.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { AssessmentLedger } from './assessment-ledger.ts';
import { claimAnswerMs, clientConnectRates, connectRates, filterRates, registrationRates } from './broker-rates.ts';
import { type ControlInterlock, createControlInterlock } from './control-interlock.ts';
import { openControlStore } from './control-store.ts';
import { EventHub } from './event-hub.ts';
import { BoundAuthority } from './bound-authority.ts';
import { BridgeSight } from './bridge-sight.ts';
import { FleetFigures } from './fleet-figures.ts';
import { createMover, type Mover } from './mover.ts';
import { NameserverBackend } from './nameserver-backend.ts';
import { OperatorBackend } from './operator-backend.ts';
import { PlanAuthority } from './plan-authority.ts';
import type { ProcessHandle } from './process-handle.ts';
import {
  adminPortName,
  type ChildMessage,
  type ControlMessage,
  type SupervisorMessage,
  type WorkerMessage,
} from './process-messages.ts';
import { ServiceLedger } from './service-ledger.ts';
import { ServedNames, type SteeringNotes } from './served-names.ts';
import { SessionAuthority } from './session-authority.ts';
import { openAssessments, openHomes, openNameserverMemory } from './session-files.ts';
import { SteeringAuthority } from './steering-authority.ts';
import { WorkerHub } from './worker-hub.ts';
import { ZoneRequests } from './zone-requests.ts';

type StartMessage = Extract<SupervisorMessage, { kind: 'start' }>;

/** Starts the control process: plan store, session registry, connect rates, moves and the admin API. */
export async function runControlProcess(start: StartMessage): Promise<ProcessHandle> {
  const { configuration } = start;
  const log = createLogger({ level: configuration.log.level, component: 'control' });
  const { store, lock } = openControlStore(configuration.store, log);
  const metrics = createMetrics();
  const control = await ControlProcess.create({ start, store, metrics, log });
  const admin = await control.listen();
  return {
    bound: { [adminPortName]: admin },
    reload: (materials) => control.reload(materials),
    bridgeSaid: (news) => control.bridge.hear(news),
    zonesRead: ({ request, zones }) => control.zoneRequests.handleRead(request, zones),
    drain: () => Promise.resolve(),
    stop: async () => {
      await control.close();
      await store.close();
      lock.release();
    },
  };
}

interface ControlParts {
  readonly start: StartMessage;
  readonly store: PlanStore;
  readonly metrics: Metrics;
  readonly log: Logger;
}

class ControlProcess {
  readonly #parts: ControlParts;
  readonly #authority: PlanAuthority;
  readonly #sessions: SessionAuthority;
  readonly #bounds: BoundAuthority;
  readonly #assessments: AssessmentLedger;
  readonly #hub: WorkerHub;
  readonly #interlock: ControlInterlock;
  readonly #mover: Mover;
  readonly #figures: FleetFigures;
  readonly #steering: SteeringAuthority;
  /** For questions of operators; the workers have their own. */
  readonly #names: ServedNames | undefined;
  readonly #admin: AdminServer;
  readonly bridge: BridgeSight;
  readonly #ledger: ServiceLedger;
  #zones: StartMessage['materials']['zones'];
  readonly zoneRequests = new ZoneRequests((message) => process.send?.(message));

  static async create(parts: ControlParts): Promise<ControlProcess> {
    const { start, store, log, metrics } = parts;
    const events = new EventHub();
    let publish: (revision: number) => void = () => {};
    const authority = await PlanAuthority.open(
      {
        store,
        clock: systemClock,
        log,
        readInclude: (path) => readInclude(path, createSystemSource()),
        arrange: (plan) => inOrderOfParts(plan, start.configuration.nameserver),
        onRevision: ({ revision, at, author, reason }) => {
          publish(revision);
          metrics.planRevision.set(revision);
          events.emit({ type: 'revision', data: { revision, at: new Date(at).toISOString(), author, reason } });
        },
      },
      { plan: start.configuration.plan, author: 'configuration', reason: 'the plan of the configuration file' },
    );
    if (!authority.ok) {
      const { error } = authority;
      throw new CrossfadeError(
        'store',
        error.kind === 'conflict' ? 'the plan store changed while it was opened' : error.message,
      );
    }
    assertSameFleet(start.configuration, authority.value);
    const control = new ControlProcess(parts, authority.value, events);
    publish = () => control.#publish();
    metrics.planRevision.set(authority.value.current.revision);
    return control;
  }

  private constructor(parts: ControlParts, authority: PlanAuthority, events: EventHub) {
    const { start, store, metrics, log } = parts;
    const { configuration } = start;
    this.#parts = parts;
    this.#zones = start.materials.zones;
    this.#authority = authority;
    this.#hub = new WorkerHub({
      onHello: (message) => this.#sessions.handleHello(message),
      onMessage: (worker, message) => this.#receive(worker, message),
      onGone: (worker, figures) => {
        this.#sessions.workerGone(worker);
        this.#bounds.workerGone(worker);
        void this.#figures.workerGone(figures);
      },
    });
    this.#assessments = new AssessmentLedger({
      store: openAssessments(configuration, log),
      clock: systemClock,
      log,
    });
    const homes = openHomes(configuration, log);
    this.#sessions = this.#createSessions(homes);
    const hub = this.#hub;
    const send = (worker: number, message: ControlMessage) => hub.send(worker, message);
    const bounds = { filters: filterRates(configuration), registrations: registrationRates(configuration) };
    this.#bounds = new BoundAuthority(bounds, { clock: systemClock, send });
    this.#interlock = createControlInterlock({ configuration, homes, authority, hub, log });
    const { interlock, bridge, topics } = this.#interlock;
    this.#mover = createMover({ configuration, authority, store, hub, homes, bridge, interlock, events, log });
    const { freeze, moves, verbs } = this.#mover;
    const assessments = this.#assessments;
    this.#steering = new SteeringAuthority({
      ...{ configuration, log, clock: systemClock, journal: openNameserverMemory(configuration, log) },
      ...(start.steering !== undefined && { former: start.steering }),
      onNotes: (notes) => this.#publishSteering(notes),
      onSite: (name, health) => events.emit({ type: 'site', data: { name, health } }),
    });
    const steering = this.#steering;
    const emit = (event: AdminEvent) => events.emit(event);
    this.bridge = new BridgeSight({ configuration, emit, registry: metrics.registry, news: start.bridge });
    const { operator } = this.bridge;
    this.#ledger = ServiceLedger.open(configuration, start.materials, log);
    this.#figures = new FleetFigures({
      ...{ configuration, hub, metrics, assessments, freeze, steering, bridge: operator },
      zones: () => this.#zones,
    });
    this.#names = createNames(start, log);
    this.#names?.adoptPlan(authority.snapshot);
    const { zoneRequests } = this;
    const names = this.#names;
    const nameserver = new NameserverBackend({ names, steering, authority, hub, verbs, zoneRequests, log });
    const backend = new OperatorBackend({
      ...{ nameserver, log },
      ...{ configuration, authority, store, hub, moves, verbs, assessments, interlock, figures: this.#figures },
      learn: (importId, devices) => {
        topics?.noteImported(devices);
        return this.#sessions.learn(importId, devices);
      },
      homeOf: (clientId) => this.#sessions.homeOf(clientId),
      subscribe: (onEvent) => events.subscribe(onEvent),
    });
    const { tokens, metricsToken } = configuration.admin;
    const tls = start.materials.admin;
    this.#admin = createAdminServer({
      ...{ backend, bridge: operator, ledger: this.#ledger, tokens },
      ...(metricsToken !== undefined && { metricsToken }),
      ...(tls !== undefined && { tls }),
      bodyLimit: configuration.limits.adminBodyBytes,
      events: { backlogEvents: configuration.limits.eventBacklog },
      log,
    });
  }

  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { start } = this.#parts;
    const { bind } = start.configuration.admin;
    this.#publish();
    await this.#steering.start();
    this.#interlock.bridge.start();
    await this.#hub.listen(start.linkPath);
    const { address } = await this.#admin.listen({ host: bind.host, port: start.ports[adminPortName] ?? bind.port });
    this.#mover.resume();
    const bound = parseHostPort(address);
    return bound.ok ? bound.value : bind;
  }

  /** To the workers, and to the supervisor for workers that start while this process is away. */
  #publish(): void {
    this.#names?.adoptPlan(this.#authority.snapshot);
    const source = this.#authority.source();
    this.#hub.publish(source);
    process.send?.({ kind: 'snapshot', source } satisfies ChildMessage);
  }

  #publishSteering(notes: SteeringNotes): void {
    this.#names?.adoptNotes(notes);
    this.#hub.publishSteering(notes);
    process.send?.({ kind: 'steering', notes } satisfies ChildMessage);
  }

  async reload(materials: StartMessage['materials']): Promise<void> {
    this.#authority.reloadIncludes();
    try {
      if (materials.admin !== undefined) this.#admin.reloadTls(materials.admin);
    } catch (error) {
      this.#parts.log.error({ error: errorMessage(error) }, 'The admin certificate was not swapped');
    }
    this.#ledger.reload(materials);
    await this.#names?.adoptZones(materials.zones);
    this.#zones = materials.zones;
  }

  async close(): Promise<void> {
    this.#mover.close();
    this.#interlock.close();
    this.#steering.close();
    await this.#admin.close();
    this.#hub.close();
    this.#authority.close();
    this.#sessions.close();
    this.#bounds.close();
    this.#assessments.close();
    this.bridge.close();
    await this.#ledger.close();
  }

  #createSessions(homes: HomeStore): SessionAuthority {
    const { start, log } = this.#parts;
    const { limits } = start.configuration;
    const options = {
      takeoverMs: limits.takeoverMs,
      answerMs: claimAnswerMs(limits),
      queueLimit: limits.connectQueue,
      rates: connectRates(start.configuration),
      clientRates: clientConnectRates(start.configuration),
    };
    const send: SessionAuthorityDepsSend = (worker, message) => this.#hub.send(worker, message);
    const obstacleOf = (clientId: string, target: string) => this.#assessments.obstacleOf(clientId, target);
    return new SessionAuthority({ clock: systemClock, homes, obstacleOf, log, send }, options);
  }

  #receive(worker: number, message: WorkerMessage): void {
    const sessions = this.#sessions;
    if ('bound' in message) this.#bounds.handle(worker, message);
    else if (message.kind === 'claim') sessions.handleClaim(worker, message);
    else if (message.kind === 'withdraw') sessions.handleWithdraw(worker, message);
    else if (message.kind === 'withdraw-token') sessions.handleWithdrawToken(worker, message);
    else if (message.kind === 'token') sessions.handleToken(worker, message);
    else if (message.kind === 'home') sessions.handleHome(worker, message);
    else if (message.kind === 'purged') sessions.handlePurged(worker, message);
    else if (message.kind === 'ended') sessions.handleEnded(worker, message);
    else if (message.kind === 'parked-ended') sessions.handleParkedEnded(worker, message);
    else if (message.kind === 'leg-ended') sessions.handleLegEnded(message);
    else if (message.kind === 'assessments') this.#assessments.handleBatch(message);
    else if (message.kind === 'topics') this.#interlock.topics?.handleReport(message.topics);
  }
}

function createNames({ configuration, materials }: StartMessage, log: Logger): ServedNames | undefined {
  const { nameserver, sites, limits } = configuration;
  if (nameserver === undefined) return undefined;
  const signaturesPerSecond = limits.dnsSignaturesPerSecond;
  return new ServedNames({ nameserver, sites, zones: materials.zones, signaturesPerSecond, saysWarnings: true, log });
}

type SessionAuthorityDepsSend = ConstructorParameters<typeof SessionAuthority>[0]['send'];

/** Salt, identity and parts of splits decide who goes where: a configuration that disagrees with the store would move devices. */
function assertSameFleet({ fleet, brokers, store, nameserver }: Configuration, authority: PlanAuthority): void {
  const { plan, revision } = authority.current;
  for (const field of ['salt', 'identity'] as const) {
    const [configured, stored] = [JSON.stringify(fleet[field]), JSON.stringify(plan[field])];
    if (configured === stored) continue;
    const text = `fleet.${field} is ${configured} in the configuration and ${stored} in revision ${revision} of ${store.path}: make them agree, or use another store`;
    throw new CrossfadeError('plan-mismatch', text);
  }
  const named = [
    plan.default,
    ...plan.overrides.map(({ broker }) => broker),
    ...plan.cohorts.flatMap(({ source, target }) => [source, target]),
  ];
  const unknown = named.find((broker) => brokers[broker] === undefined);
  const splits = storedSplitMistakes(plan.splits, nameserver);
  if (splits.length > 0) {
    throw new CrossfadeError('plan-mismatch', `revision ${revision} of ${store.path}: ${splits.join('; ')}`);
  }
  if (unknown === undefined) return;
  const text = `revision ${revision} of ${store.path} names broker ${JSON.stringify(unknown)}, which the configuration does not describe (${Object.keys(brokers).join(', ')})`;
  throw new CrossfadeError('plan-mismatch', text);
}
