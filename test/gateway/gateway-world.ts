import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { failure, success } from '../../src/base/result.ts';
import { brokerLife, EndpointWatch } from '../../src/gateway/endpoint-watch.ts';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import type {
  BridgeDelays,
  DeviceListenerSettings,
  GatewayLimits,
  GatewaySettings,
} from '../../src/gateway/gateway-ports.ts';
import type { Registrar } from '../../src/gateway/registrar.ts';
import type { ConnectOutcome, UpstreamConnector, UpstreamRequest } from '../../src/gateway/upstream-connector.ts';
import type { Finding } from '../../src/mqtt/adaptation-kind.ts';
import type { Announce } from '../../src/plan/plan.ts';
import type { RoutingSnapshot } from '../../src/plan/snapshot.ts';
import type { AssessedClient, Assessments } from '../../src/session/assessments.ts';
import type { UsedTopic } from '../../src/session/device-topics.ts';
import type { RegistrationTokens } from '../../src/session/registration-tokens.ts';
import type { FilterTokens } from '../../src/session/filter-tokens.ts';
import type {
  AdoptedSession,
  AttachedSession,
  ClaimAnswer,
  ClaimRequest,
  SessionRegistry,
  SessionRemains,
} from '../../src/session/session-registry.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { ScriptedBroker } from './scripted-broker.ts';

export const testLimits: GatewayLimits = {
  tlsHandshakeMs: 2_000,
  firstPacketMs: 2_000,
  connectPacketBytes: 65_536,
  brokerAnswerMs: 2_000,
  connectionsPerWorker: 10_000,
  pendingConnectionsPerWorker: 4_096,
  relayBufferBytes: 65_536,
  quiesceMs: 400,
  takeoverMs: 400,
  repairMs: 30_000,
  drainPerSecond: 500,
};

/** Grants everything at once and remembers what it was told. */
export class RecordingRegistry implements SessionRegistry {
  readonly claims: ClaimRequest[] = [];
  readonly attachments: AttachedSession[] = [];
  readonly adoptions: AdoptedSession[] = [];
  readonly ends: { clientId: string; epoch: number; sessionOver: boolean; remains?: SessionRemains }[] = [];
  readonly remembered: { clientId: string; epoch: number; subscriptions: string }[] = [];
  readonly purges: { clientId: string; broker: string }[] = [];
  /** Connect tokens asked for beyond those of the claims. */
  tokens = 0;
  answer:
    | ((request: ClaimRequest, epoch: number, signal: AbortSignal) => ClaimAnswer | Promise<ClaimAnswer>)
    | undefined;
  /** Set: no adoption is answered before this resolves. */
  beforeAdoption: Promise<void> | undefined;
  onEnded: (() => void) | undefined;
  #epoch = 0;

  async claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimAnswer> {
    this.claims.push(request);
    this.#epoch += 1;
    const epoch = this.#epoch;
    return (
      this.answer?.(request, epoch, signal) ?? {
        granted: true,
        epoch,
        broker: request.desired,
        hasHome: false,
        tookOver: false,
      }
    );
  }

  async connectToken(): Promise<boolean> {
    this.tokens += 1;
    return true;
  }

  attached(session: AttachedSession): void {
    this.attachments.push(session);
  }

  remember(clientId: string, epoch: number, subscriptions: string): void {
    this.remembered.push({ clientId, epoch, subscriptions });
  }

  purged(clientId: string, broker: string): void {
    this.purges.push({ clientId, broker });
  }

  async adopt(session: AdoptedSession): Promise<number> {
    this.adoptions.push(session);
    this.#epoch += 1;
    const epoch = this.#epoch;
    await this.beforeAdoption;
    return epoch;
  }

  ended(clientId: string, epoch: number, sessionOver: boolean, remains?: SessionRemains): void {
    this.ends.push({ clientId, epoch, sessionOver, ...(remains !== undefined && { remains }) });
    this.onEnded?.();
  }
}

/** Remembers what sessions found out. */
export class RecordingAssessments implements Assessments {
  readonly observations: (AssessedClient & { readonly broker: string })[] = [];
  readonly findings: (AssessedClient & Finding)[] = [];

  observed(device: AssessedClient & { readonly broker: string }): void {
    this.observations.push(device);
  }

  found(device: AssessedClient, finding: Finding): void {
    this.findings.push({ ...device, ...finding });
  }
}

/** Two scripted brokers behind a gateway with one plain listener; every device goes where `desired` says. */
export interface GatewayWorld {
  readonly gateway: Gateway;
  readonly port: number;
  readonly legacy: ScriptedBroker;
  readonly target: ScriptedBroker;
  readonly registry: RecordingRegistry;
  readonly assessments: RecordingAssessments;
  /** What devices were seen to use. */
  readonly topics: readonly UsedTopic[];
  readonly metrics: Metrics;
  readonly log: string[];
  readonly dials: UpstreamRequest[];
  readonly outcomes: string[];
  /** What the connections to each broker tell of it. */
  readonly watches: Readonly<Record<string, EndpointWatch>>;
  /** The gateway's own ends of its connections to the brokers. */
  readonly upstreams: Socket[];
  desired: 'legacy' | 'target';
  /** Every device has an override in the plan: no cohort decides, so that there is no source. */
  isOverridden: boolean;
  /** Of the one cohort. */
  announce: Announce;
  /** Moves `desired` as a new plan revision. */
  cutOver(broker: 'legacy' | 'target'): Promise<void>;
  /** Set: the connector answers this instead of dialling. */
  upstreamFailure: 'unreachable' | 'rate' | undefined;
  /** Brokers that nobody reaches, by name. */
  readonly down: Set<string>;
  listen(settings: Partial<DeviceListenerSettings>): Promise<number>;
  stop(): Promise<void>;
}

export async function createGatewayWorld(
  options: {
    readonly limits?: Partial<GatewayLimits>;
    readonly settings?: GatewaySettings;
    readonly listener?: Partial<DeviceListenerSettings>;
    readonly clock?: Clock;
    readonly random?: () => number;
    readonly filters?: FilterTokens;
    readonly registrations?: RegistrationTokens;
    readonly registrar?: Registrar;
    readonly bridgeDelays?: BridgeDelays;
  } = {},
): Promise<GatewayWorld> {
  const legacy = new ScriptedBroker();
  const target = new ScriptedBroker();
  await Promise.all([legacy.start(), target.start()]);
  const registry = new RecordingRegistry();
  const assessments = new RecordingAssessments();
  const topics: UsedTopic[] = [];
  const metrics = createMetrics();
  const log: string[] = [];
  let revision = 1;
  const dials: UpstreamRequest[] = [];
  const outcomes: string[] = [];
  const watches: Readonly<Record<string, EndpointWatch>> = { legacy: new EndpointWatch(), target: new EndpointWatch() };
  const sockets: Socket[] = [];
  const upstream: UpstreamConnector = {
    async connect(request) {
      dials.push(request);
      if (world.upstreamFailure !== undefined) return failure({ code: world.upstreamFailure, message: 'scripted' });
      if (world.down.has(request.broker)) return failure({ code: 'unreachable', message: 'scripted' });
      const broker = request.broker === 'target' ? target : legacy;
      const socket = connect({ port: broker.port, host: '127.0.0.1', noDelay: true });
      sockets.push(socket);
      try {
        await once(socket, 'connect');
      } catch {
        return failure({ code: 'unreachable', message: 'nobody listens' });
      }
      const reportOutcome = (outcome: ConnectOutcome) => void outcomes.push(outcome);
      return success({
        socket,
        endpoint: 'scripted',
        watch: watches[request.broker] ?? new EndpointWatch(),
        reportOutcome,
      });
    },
    certificateOf: async (broker, device) => `${broker} ${device.identity?.key?.key}`,
    brokerLife: (broker) => brokerLife([watches[broker] ?? new EndpointWatch()]),
    close() {},
  };
  const gateway = createGateway({
    settings: options.settings ?? { clientIdPolicy: 'any' },
    limits: { ...testLimits, ...options.limits },
    ports: {
      snapshot: () => snapshotOf(revision, world),
      registry,
      assessments,
      topics: { used: (topic) => void topics.push(topic) },
      upstream,
      metrics,
      log: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
      clock: options.clock ?? systemClock,
      ...(options.filters !== undefined && { filters: options.filters }),
      ...(options.registrations !== undefined && { registrations: options.registrations }),
      ...(options.bridgeDelays !== undefined && { bridgeDelays: options.bridgeDelays }),
      ...(options.registrar !== undefined && { registrar: options.registrar }),
      ...(options.random !== undefined && { random: options.random }),
    },
  });
  const listen = async (settings: Partial<DeviceListenerSettings>): Promise<number> => {
    const bind = { host: '127.0.0.1', port: 0 };
    const listener = { name: 'devices', bind, maxPacketBytes: 1_000_000, ...settings };
    return (await gateway.listen(listener, { port: 0, reusePort: false })).port;
  };
  const world: GatewayWorld = {
    gateway,
    port: 0,
    legacy,
    target,
    registry,
    assessments,
    topics,
    metrics,
    log,
    dials,
    outcomes,
    watches,
    upstreams: sockets,
    desired: 'legacy',
    isOverridden: false,
    announce: 'source',
    upstreamFailure: undefined,
    down: new Set(),
    async cutOver(broker) {
      world.desired = broker;
      revision += 1;
      await gateway.applySnapshot();
    },
    listen,
    async stop() {
      gateway.stop();
      for (const socket of sockets) socket.destroy();
      await Promise.all([legacy.stop(), target.stop()]);
    },
  };
  const port = await listen(options.listener ?? {});
  return Object.assign(world, { port });
}

function snapshotOf(revision: number, { desired: broker, announce, isOverridden }: GatewayWorld): RoutingSnapshot {
  const cohort = {
    name: 'everyone',
    match: { all: true },
    source: 'legacy',
    target: 'target',
    weightBps: 0,
    announce,
  } as const;
  return {
    revision,
    plan: {
      default: 'legacy',
      salt: 'test',
      identity: ['mqtt.clientId'],
      overrides: [],
      cohorts: [cohort],
      splits: [],
    },
    assign: ({ clientId }) => ({
      broker,
      reason: isOverridden ? 'override' : broker === 'target' ? 'cohort-target' : 'cohort-source',
      revision,
      kind: 'clientid',
      key: clientId ?? '',
      cohort: 'everyone',
    }),
  };
}

/** The value of one metric with these labels, 0 when it was never counted. */
export async function metricValue(
  metric:
    | Metrics['connects']
    | Metrics['sessions']
    | Metrics['connectionsRefused']
    | Metrics['connections']
    | Metrics['clientIdPolicyViolations']
    | Metrics['clientCertificatesRefused']
    | Metrics['tlsHandshakes']
    | Metrics['adaptations']
    | Metrics['messagesDropped']
    | Metrics['handovers']
    | Metrics['secondLegs']
    | Metrics['repairs']
    | Metrics['firstContacts']
    | Metrics['registrations'],
  labels: Record<string, string>,
): Promise<number> {
  const { values } = await metric.get();
  return (
    values.find((value) => Object.entries(labels).every(([name, wanted]) => Reflect.get(value.labels, name) === wanted))
      ?.value ?? 0
  );
}
