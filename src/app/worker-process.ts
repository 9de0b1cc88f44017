import { systemClock } from '../base/clock.ts';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import { failure, success } from '../base/result.ts';
import { createUpstreamConnector, type ReloadableUpstreamConnector } from '../gateway/dial-upstream.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { showSecondLegs } from '../gateway/second-legs.ts';
import { showUnregistered } from '../gateway/unregistered-sessions.ts';
import { createSnapshot, type RoutingSnapshot } from '../plan/snapshot.ts';
import { openSqliteHomeStore } from '../session/sqlite-home-store.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { type AssessmentBatch, createAssessmentBatch } from './assessment-batch.ts';
import { claimAnswerMs, clientConnectRates, connectRates, homeStorePath } from './broker-rates.ts';
import { toWallLife } from './broker-state.ts';
import { allowedConnections } from './descriptor-room.ts';
import { toDeviceListener } from './device-listener.ts';
import { isInterlocked } from './interlock-terms.ts';
import { LinkedRegistry } from './linked-registry.ts';
import { ListenerTrust } from './listener-trust.ts';
import { announceMintingExpiry } from './minting-expiry.ts';
import type { ProcessHandle } from './process-handle.ts';
import type {
  ControlMessage,
  SnapshotSource,
  SupervisorMessage,
  WorkerFigures,
  WorkerQuestion,
} from './process-messages.ts';
import { createSightRegistrar } from './sight-registrar.ts';
import { TopicReports } from './topic-reports.ts';
import { upstreamBroker, upstreamMaterial } from './upstream-broker-terms.ts';
import { answerQuestion } from './worker-answers.ts';
import { WorkerBounds } from './worker-bounds.ts';
import { WorkerLink } from './worker-link.ts';
import { WorkerNameserver } from './worker-nameserver.ts';
import { WorkerOverlaps } from './worker-overlaps.ts';

type StartMessage = Extract<SupervisorMessage, { kind: 'start' }>;

/** Figures are pushed this often, so that the control process has the last ones of a worker that dies. */
const figuresEveryMs = 5_000;

/** Starts one data worker: it has a snapshot before it listens. */
export async function runWorkerProcess(start: StartMessage, worker: number): Promise<ProcessHandle> {
  const process = new WorkerProcess(start, worker);
  await process.firstSnapshot;
  await process.nameserverReady;
  return {
    bound: await process.listen(),
    reload: (materials) => process.reload(materials),
    drain: (deadlineMs) => process.drain(deadlineMs),
    stop: () => process.stop(),
  };
}

class WorkerProcess {
  readonly #start: StartMessage;
  readonly #worker: number;
  readonly #log: Logger;
  readonly #metrics: Metrics = createMetrics();
  readonly #trust: ListenerTrust;
  readonly #upstream: ReloadableUpstreamConnector;
  readonly #assessments: AssessmentBatch;
  readonly #topics: TopicReports | undefined;
  readonly #overlaps = new WorkerOverlaps();
  readonly #registry: LinkedRegistry;
  readonly #bounds: WorkerBounds;
  readonly #gateway: Gateway;
  readonly #nameserver: WorkerNameserver;
  readonly #link: WorkerLink;
  readonly #ports = new Map<string, number>();
  readonly #figuresTimer: NodeJS.Timeout;
  readonly firstSnapshot: Promise<void>;
  #haveSnapshot: () => void = () => {};
  /** Settles when every live session was asked about the newest plan. */
  #applied: Promise<void> = Promise.resolve();
  #snapshot: RoutingSnapshot | undefined;

  constructor(start: StartMessage, worker: number) {
    const { configuration, materials, ticketSecrets, cookieSecrets, linkPath } = start;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstSnapshot = promise;
    this.#haveSnapshot = resolve;
    this.#start = start;
    this.#worker = worker;
    this.#log = createLogger({ level: configuration.log.level, component: `worker-${worker}` });
    this.#nameserver = new WorkerNameserver({
      ...{ configuration, cookieSecrets, zones: materials.zones, metrics: this.#metrics, log: this.#log },
    });
    this.#trust = new ListenerTrust({
      configuration,
      materials,
      ticketSecrets,
      metrics: this.#metrics,
      log: this.#log,
    });
    this.#upstream = createUpstreamConnector({
      brokers: Object.fromEntries(
        Object.values(configuration.brokers).map((broker) => [broker.name, upstreamBroker(broker, materials)]),
      ),
      limits: configuration.limits,
      clock: systemClock,
      log: this.#log,
    });
    announceMintingExpiry(materials, this.#metrics);
    this.#assessments = createAssessmentBatch(configuration, this.#log);
    this.#topics = isInterlocked(configuration) ? new TopicReports(() => systemClock.wallMs()) : undefined;
    this.#registry = this.#createRegistry();
    this.#bounds = new WorkerBounds(configuration, systemClock);
    const registrar = createSightRegistrar(configuration, { environment: process.env, log: this.#log });
    this.#gateway = createGateway({
      settings: {
        clientIdPolicy: configuration.fleet.clientIdPolicy,
        brokers: configuration.brokers,
        handover: configuration.handover,
      },
      limits: {
        ...configuration.limits,
        connectionsPerWorker: allowedConnections(configuration.limits, this.#log),
        drainPerSecond: configuration.limits.reconnectsPerSecond / configuration.workers,
      },
      ports: {
        snapshot: () => this.#currentSnapshot(),
        registry: this.#registry,
        filters: this.#bounds.filters,
        registrations: this.#bounds.registrations,
        ...(registrar === undefined ? {} : { registrar }),
        assessments: this.#assessments,
        ...(this.#topics === undefined ? {} : { topics: this.#topics }),
        bridgeDelays: this.#overlaps,
        upstream: this.#upstream,
        metrics: this.#metrics,
        log: this.#log,
        clock: systemClock,
      },
    });
    this.#link = new WorkerLink(linkPath, {
      onUp: (link) => {
        const changes = this.#registry.homeChanges();
        link.send({ kind: 'hello', worker, pid: process.pid, sessions: this.#registry.announcements(), ...changes });
        this.#registry.linkUp(link);
        this.#bounds.linkUp(link);
        this.#assessments.linkUp(link);
        this.#topics?.linkUp(link);
      },
      onDown: () => {
        this.#log.warn('The control process is away; devices connect by the last plan');
        this.#registry.linkDown();
        this.#bounds.linkDown();
        this.#assessments.linkDown();
        this.#topics?.linkDown();
      },
      onMessage: (message) => this.#receive(message),
    });
    if (start.steering !== undefined) this.#nameserver.adoptNotes(start.steering);
    if (start.snapshot !== undefined) this.#adopt(start.snapshot);
    this.#figuresTimer = setInterval(() => void this.#pushFigures(), figuresEveryMs);
  }

  async listen(): Promise<ProcessHandle['bound']> {
    const { configuration, ports } = this.#start;
    const bound: Record<string, { host: string; port: number }> = {};
    for (const listener of configuration.listeners) {
      const port = ports[listener.name] ?? listener.bind.port;
      const address = await this.#gateway.listen(toDeviceListener(listener, this.#trust), { port, reusePort: true });
      bound[listener.name] = { host: listener.bind.host, port: address.port };
      this.#ports.set(listener.name, address.port);
    }
    const nameserver = await this.#nameserver.listen(ports);
    for (const [name, { port }] of Object.entries(nameserver)) this.#ports.set(name, port);
    return { ...bound, ...nameserver };
  }

  get nameserverReady(): Promise<void> {
    return this.#nameserver.ready;
  }

  async reload(materials: StartMessage['materials']): Promise<void> {
    this.#reloadTls(materials);
    await this.#nameserver.reload(materials.zones);
  }

  #reloadTls(materials: StartMessage['materials']): void {
    this.#trust.reload(materials);
    try {
      const { brokers } = this.#start.configuration;
      this.#upstream.reload(
        Object.fromEntries(Object.values(brokers).map((broker) => [broker.name, upstreamMaterial(broker, materials)])),
      );
      announceMintingExpiry(materials, this.#metrics);
    } catch (error) {
      this.#log.error({ error: errorMessage(error) }, 'The brokers’ certificates were not swapped');
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#gateway.drain(deadlineMs);
    await this.#pushFigures();
  }

  async stop(): Promise<void> {
    clearInterval(this.#figuresTimer);
    this.#nameserver.stop();
    this.#gateway.stop();
    this.#trust.close();
    this.#upstream.close();
    this.#link.close();
    this.#registry.close();
    this.#bounds.close();
    this.#assessments.close();
    this.#topics?.close();
  }

  #createRegistry(): LinkedRegistry {
    const { configuration } = this.#start;
    return new LinkedRegistry(
      {
        clock: systemClock,
        endLeg: (connection, epoch, newBroker) => this.#gateway.endLeg(connection, epoch, newBroker),
        openHomes: () => openSqliteHomeStore(homeStorePath(configuration.store.path), { readOnly: true }),
        obstacleOf: (clientId, target) => this.#assessments.obstacleOf(clientId, target),
      },
      {
        rates: connectRates(configuration),
        clientRates: clientConnectRates(configuration),
        worker: this.#worker,
        workers: configuration.workers,
        queueLimit: configuration.limits.connectQueue,
        answerMs: claimAnswerMs(configuration.limits),
      },
    );
  }

  #currentSnapshot(): RoutingSnapshot {
    if (this.#snapshot === undefined)
      throw new CrossfadeError('no-snapshot', 'a device was asked in before the first snapshot');
    return this.#snapshot;
  }

  #receive(message: ControlMessage): void {
    switch (message.kind) {
      case 'snapshot':
        this.#adopt(message.source);
        break;
      case 'steering':
        this.#nameserver.adoptNotes(message.notes);
        break;
      case 'bridge-overlaps':
        this.#overlaps.adopt(message.overlaps);
        break;
      case 'beat':
        break;
      case 'homes-noted':
        this.#registry.homesNoted(message.upTo);
        break;
      case 'answer':
      case 'token-answer':
        this.#registry.handleAnswer(message);
        break;
      case 'bound-granted':
        this.#bounds.handleGranted(message);
        break;
      case 'end-leg':
        void this.#endLeg(message);
        break;
      case 'end-parked':
        void this.#endParked(message);
        break;
      case 'learn':
        this.#gateway.learn(message.connection, message.epoch, message.subscriptions);
        break;
      case 'request':
        void this.#answer(message.request, message.question);
        break;
    }
  }

  #adopt(source: SnapshotSource): void {
    const { revision, plan, includes } = source;
    const snapshot = createSnapshot({
      revision,
      plan,
      readInclude: (path) => {
        const content = includes[path];
        return content === undefined ? failure(`${path} did not come with the plan`) : success(content);
      },
    });
    if (!snapshot.ok) {
      this.#log.error({ revision, problem: snapshot.error }, 'A revision cannot be put in force; the last plan stays');
      return;
    }
    this.#snapshot = snapshot.value;
    this.#nameserver.adoptPlan(snapshot.value);
    this.#metrics.planRevision.set(revision);
    this.#link.send({ kind: 'revision', revision });
    this.#haveSnapshot();
    this.#applied = this.#gateway.applySnapshot();
  }

  async #endLeg({
    clientId,
    connection,
    epoch,
    newBroker,
  }: Extract<ControlMessage, { kind: 'end-leg' }>): Promise<void> {
    await this.#gateway.endLeg(connection, epoch, newBroker);
    this.#link.send({ kind: 'leg-ended', clientId, epoch });
  }

  async #endParked({ clientId, connection }: Extract<ControlMessage, { kind: 'end-parked' }>): Promise<void> {
    await this.#gateway.endParked(connection);
    this.#link.send({ kind: 'parked-ended', clientId, connection });
  }

  async #answer(request: number, question: WorkerQuestion): Promise<void> {
    const value = await answerQuestion(question, {
      gateway: this.#gateway,
      applied: () => this.#applied,
      revision: () => this.#currentSnapshot().revision,
      figures: () => this.#figures(),
      seenAskers: () => this.#nameserver.seenAskers,
    });
    this.#link.send({ kind: 'reply', request, value });
  }

  async #figures(): Promise<WorkerFigures> {
    this.#nameserver.flushCounts();
    const brokers = Object.keys(this.#start.configuration.brokers);
    const counts = this.#gateway.counts();
    showSecondLegs(this.#metrics.secondLegs, counts.secondLegs);
    showUnregistered(this.#metrics.unregisteredSessions, counts.unregistered);
    return {
      counts,
      metrics: await this.#metrics.registry.getMetricsAsJSON(),
      brokerLives: Object.fromEntries(
        brokers.map((broker) => [broker, toWallLife(this.#upstream.brokerLife(broker), systemClock)]),
      ),
      ports: Object.fromEntries(this.#ports),
    };
  }

  async #pushFigures(): Promise<void> {
    this.#link.send({ kind: 'figures', figures: await this.#figures() });
  }
}
