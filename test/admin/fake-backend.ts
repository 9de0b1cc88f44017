import type { CohortInterlock, InterlockDocument } from '../../src/admin/interlock-document.ts';
import type {
  AdminEvent,
  DryRunDocument,
  FreezeDocument,
  MoveAccepted,
  MoveDocument,
  PlanDocument,
  RevisionDocument,
  SessionDocument,
  StatusDocument,
  WhereDocument,
} from '../../src/admin/admin-api.ts';
import type {
  AdminBackend,
  AdminFailure,
  CutoverRequest,
  FreezeRequest,
  ReplacePlanRequest,
  RollbackRequest,
} from '../../src/admin/admin-backend.ts';
import type { AssessmentDocument } from '../../src/admin/assessment-document.ts';
import type {
  DnsTraceDocument,
  SiteDocument,
  SplitDocument,
  SplitForecast,
  ZonesDocument,
} from '../../src/admin/nameserver-documents.ts';
import type { SubscriptionImportDocument } from '../../src/admin/subscription-import.ts';
import { failure, type Result, success } from '../../src/base/result.ts';
import type { Plan } from '../../src/plan/plan.ts';

const at = '2026-03-01T12:00:00.000Z';

export const firstPlan: Plan = {
  default: 'legacy',
  salt: 'demo',
  identity: ['mqtt.clientId'],
  overrides: [],
  cohorts: [
    { name: 'everyone', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 0, announce: 'source' },
    { name: 'Halle 7 (süd)', match: { all: true }, source: 'legacy', target: 'aws', weightBps: 0, announce: 'source' },
  ],
  splits: [],
};

export const status: StatusDocument = {
  revision: 1,
  frozen: false,
  freeze: null,
  brokers: { legacy: { profile: 'mqtt', sessions: 2, secondLegs: 1, connected: true, state: 'up' } },
  cohorts: [
    {
      name: 'everyone',
      source: 'legacy',
      target: 'aws',
      weightBps: 0,
      sessions: { source: 2, target: 0, moving: 0 },
      handovers: { underWay: 0, prepared: 1, warm: 0 },
      heldBack: 1,
    },
  ],
  listeners: [{ name: 'devices', address: '127.0.0.1:8883' }],
  nameserver: [],
  zones: [],
  aliases: [],
  sites: [
    {
      name: 'eu-west-1',
      health: 'up',
      addresses: ['192.0.2.10'],
      downAddresses: [],
      drained: false,
      forced: null,
      detail: '',
      said: null,
    },
  ],
  workers: [{ worker: 0, pid: 4711, revision: 1, connections: 2, sessions: 2 }],
  bridge: null,
};

export const session: SessionDocument = {
  clientId: 'device-000001',
  key: 'clientid:device-000001',
  cohort: 'everyone',
  home: 'legacy',
  desired: 'aws',
  reason: 'it can move, and no move has begun with it',
  protocol: '3.1.1',
  persistent: true,
  inFlight: 1,
  since: at,
  listener: 'devices',
  worker: 0,
};

export const assessment: AssessmentDocument = {
  cohorts: [
    {
      cohort: 'everyone',
      source: 'legacy',
      target: 'aws',
      observedSince: at,
      devices: 4,
      asIs: 1,
      adapted: { devices: 2, kinds: [{ kind: 'qos2-publish', devices: 2 }] },
      cannot: {
        devices: 1,
        reasons: [
          {
            reason: 'topic-depth',
            devices: 1,
            examples: [{ clientId: 'meter-7', reason: 'topic-depth', example: 'a/b/c/d/e/f/g/h/i', lastSeen: at }],
          },
        ],
      },
      notListed: 0,
    },
  ],
  dropped: 0,
};

export const dryRun: DryRunDocument = {
  revision: null,
  dryRun: {
    live: 40,
    warm: 10,
    cold: 30,
    pending: {
      offline: 2,
      unknownSubscriptions: 1,
      asleep: 0,
      unregistered: 0,
      listed: [{ clientId: 'meter-8', reason: 'persistent session: what it is subscribed to is not known' }],
    },
    refused: [{ clientId: 'meter-9', reason: 'the target cannot carry it: topic-depth' }],
    pacePerSecond: 62.5,
    estimatedSeconds: 3,
    quotas: { aws: { connectsPerSecond: null, filtersPerSecond: 500, filters: 120 } },
  },
};

const forecast: SplitForecast = {
  split: 'front-door',
  weights: { gateway: 0, bypass: 10_000 },
  newWeights: { gateway: 100, bypass: 9_900 },
  networks: { seen: 250, changing: 3 },
  resolvers: { seen: 40, changing: 1 },
};

const dnsTrace: DnsTraceDocument = {
  name: 'mqtt.example.com.',
  type: 'A',
  rcode: 'NOERROR',
  answer: ['mqtt.example.com. 30 IN A 192.0.2.1'],
  authority: [],
  scope: 24,
  steps: [
    { step: 'zone', text: 'mqtt.example.com.' },
    { step: 'part', text: 'position 5667.2565 falls to bypass' },
  ],
  revision: 1,
  forecast: null,
};

export const interlock: CohortInterlock = {
  cohort: 'everyone',
  source: 'legacy',
  target: 'aws',
  lost: [
    {
      topic: 'dt/+/state',
      use: 'publish',
      class: 'unbridged',
      devices: 12,
      isWidened: false,
      lastSeen: at,
      services: ['billing'],
      needs: { from: 'aws', to: 'legacy', filter: 'dt/+/state' },
      advice: 'add a rule from aws to legacy with filter "dt/+/state"',
    },
  ],
  lostTotal: 1,
  warnings: ['rule commands is paused: what it carries comes when it is resumed'],
  bridgeOverlapMs: 2_400,
  behind: ['commands'],
};

/** A backend in memory: it works, remembers what it was asked, and fails where a test says so. */
export class FakeBackend implements AdminBackend {
  readonly asked: unknown[] = [];
  readonly moveById = new Map<string, MoveDocument>();
  revisionList: RevisionDocument[] = [{ revision: 1, at, author: 'configuration', reason: '', plan: firstPlan }];
  readiness = { ready: true, reason: '' };
  frozen: FreezeDocument | null = null;
  interlocked: InterlockDocument = { armed: false, cohorts: [] };
  /** When set, every asynchronous answer is this failure. */
  failing: AdminFailure | undefined;
  /** When set, every asynchronous answer waits for it. */
  held: Promise<void> | undefined;
  readonly #listeners = new Set<(event: AdminEvent) => void>();

  status = () => this.#answer(status);
  plan = () => this.#answer<PlanDocument>({ revision: this.#latest().revision, ...this.#latest().plan });
  metricsText = () => this.#answer('# TYPE crossfade_plan_revision gauge\ncrossfade_plan_revision 1\n');
  moves = () => this.#answer([...this.moveById.values()].reverse());
  ready = () => this.readiness;

  async replacePlan(request: ReplacePlanRequest) {
    this.asked.push(request);
    const latest = this.#latest().revision;
    if (request.ifMatch !== latest) {
      const message = `Expected revision ${latest}, got ${request.ifMatch}`;
      return failure<AdminFailure>({ kind: 'conflict', message, latestRevision: latest });
    }
    this.#append(request.plan as Plan, request);
    return this.plan();
  }

  async revisions({ limit, before = Number.POSITIVE_INFINITY }: { limit: number; before?: number }) {
    const newestFirst = this.revisionList.filter(({ revision }) => revision < before).reverse();
    return this.#answer(newestFirst.slice(0, limit));
  }

  async revision(revision: number) {
    return this.#found(this.revisionList[revision - 1], `No revision ${revision}`);
  }

  async cutover(cohort: string, request: CutoverRequest): Promise<Result<MoveAccepted, AdminFailure>> {
    this.asked.push({ cohort, ...request });
    if (!this.#latest().plan.cohorts.some(({ name }) => name === cohort)) {
      return failure({ kind: 'not-found', message: `No cohort ${JSON.stringify(cohort)}` });
    }
    return this.#move('cutover', [cohort], request);
  }

  async rollback(request: RollbackRequest): Promise<Result<MoveAccepted, AdminFailure>> {
    this.asked.push(request);
    const cohorts = 'cohort' in request.scope ? [request.scope.cohort] : ['everyone', 'Halle 7 (süd)'];
    return this.#move('rollback', cohorts, request);
  }

  async dryRunCutover(cohort: string, request: CutoverRequest) {
    this.asked.push({ cohort, dryRun: true, ...request });
    return this.#answer(dryRun);
  }

  async dryRunRollback(request: RollbackRequest) {
    this.asked.push({ dryRun: true, ...request });
    return this.#answer(dryRun);
  }

  pauseMove = (id: string, author: string) => this.#turn(id, 'paused', `paused by ${author}`);
  resumeMove = (id: string) => this.#turn(id, 'running', null);
  abortMove = (id: string, author: string) => this.#turn(id, 'aborted', `aborted by ${author}`);

  async freeze({ author, reason, forMs }: FreezeRequest) {
    const until = forMs === undefined ? null : new Date(Date.parse(at) + forMs).toISOString();
    this.frozen = { author, reason, at, until };
    return this.#answer<FreezeDocument>(this.frozen);
  }

  async unfreeze() {
    const lifted = this.frozen;
    this.frozen = null;
    return this.#answer<FreezeDocument | null>(lifted);
  }

  async move(id: string) {
    return this.#found(this.moveById.get(id), `No move ${JSON.stringify(id)}`);
  }

  async where(query: Parameters<AdminBackend['where']>[0]) {
    this.asked.push(query);
    const device = query.clientId ?? query.device ?? query.commonName ?? '';
    return this.#answer<WhereDocument>({
      device,
      kind: 'clientid',
      key: device,
      position: 6593.7401,
      cohort: 'everyone',
      weightBps: 0,
      broker: 'legacy',
      reason: 'cohort-source',
      revision: 1,
      ...(query.home === true && { home: 'aws', connected: true }),
    });
  }

  async sessions(query: Parameters<AdminBackend['sessions']>[0]) {
    this.asked.push(query);
    return this.#answer([session]);
  }

  async assessment(query: Parameters<AdminBackend['assessment']>[0]) {
    this.asked.push(query);
    const known = query.cohort === undefined || query.cohort === 'everyone';
    return this.#found(known ? assessment : undefined, `No cohort ${JSON.stringify(query.cohort)}`);
  }

  async interlock(cohort: string | undefined) {
    this.asked.push({ interlock: cohort });
    const known = cohort === undefined || cohort === 'everyone' ? this.interlocked : undefined;
    return this.#found<InterlockDocument>(known, `No cohort ${JSON.stringify(cohort)}`);
  }

  async importSubscriptions(body: Parameters<AdminBackend['importSubscriptions']>[0]) {
    this.asked.push(body);
    const filters = body.devices.reduce((total, { subscriptions }) => total + subscriptions.length, 0);
    return this.#answer<SubscriptionImportDocument>({
      devices: body.devices.length,
      filters,
      alreadyKnown: 0,
      rejected: [],
    });
  }

  async dnsAnswer(query: Parameters<AdminBackend['dnsAnswer']>[0]) {
    this.asked.push(query);
    return this.#answer<DnsTraceDocument>({ ...dnsTrace, forecast: query.weights === undefined ? null : forecast });
  }

  async setSplit(name: string, request: Parameters<AdminBackend['setSplit']>[1]) {
    this.asked.push({ split: name, ...request });
    const known = name === 'front-door' ? { revision: 2, dryRun: request.dryRun, forecast } : undefined;
    return this.#found<SplitDocument>(known, `No split ${JSON.stringify(name)}`);
  }

  async reloadZones(author: string) {
    this.asked.push({ reloadZones: author });
    const refused = { mistakes: ['zones/other.zone:7: A: expected an IPv4 address, got "x"'], warnings: [] };
    const other = { origin: 'other.example.com', outcome: 'refused' as const, serial: 4, ...refused };
    const zone = { origin: 'mqtt.example.com', outcome: 'reloaded' as const, serial: 2, mistakes: [], warnings: [] };
    return this.#answer<ZonesDocument>({ zones: [zone, other] });
  }

  async speakOfSite(name: string, request: Parameters<AdminBackend['speakOfSite']>[1]) {
    this.asked.push({ site: name, ...request });
    const { drained = false, forced = null } = request.change;
    const said = { author: request.author, at, reason: request.reason };
    const site = status.sites.find((candidate) => candidate.name === name);
    const warnings = drained ? ['no site is left'] : [];
    return this.#found<SiteDocument>(
      site && { ...site, drained, forced, said, warnings },
      `No site ${JSON.stringify(name)}`,
    );
  }

  subscribe(onEvent: (event: AdminEvent) => void) {
    this.#listeners.add(onEvent);
    return () => this.#listeners.delete(onEvent);
  }

  emit(event: AdminEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  #latest(): RevisionDocument {
    const latest = this.revisionList.at(-1);
    if (latest === undefined) throw new TypeError('Expected a revision');
    return latest;
  }

  #append(plan: Plan, { author, reason }: { author: string; reason: string }): number {
    const revision = this.revisionList.length + 1;
    this.revisionList.push({ revision, at, author, reason, plan });
    return revision;
  }

  async #move(kind: MoveDocument['kind'], cohorts: string[], request: CutoverRequest | RollbackRequest) {
    const revision = this.#append(this.#latest().plan, request);
    const id = `move-${revision}`;
    const { author, reason, live, pacePerSecond = 500 } = request;
    const own = { prepareOnly: 'prepareOnly' in request && request.prepareOnly, prepared: 0, underWay: 0, aborted: 0 };
    const counts = {
      ...own,
      eligible: 2,
      moved: 2,
      refusedTotal: 0,
      pending: { offline: 0, unknownSubscriptions: 0, asleep: 0, unregistered: 0, listed: [] },
      refused: [],
    };
    const times = { startedAt: at, finishedAt: at, durationMs: 3, message: null };
    const made = { destinations: ['aws'], author, reason, live, pacePerSecond, revision };
    this.moveById.set(id, { id, state: 'done', kind, cohorts, ...made, ...counts, ...times });
    return this.#answer<MoveAccepted>({ revision, move: { id } });
  }

  async #turn(id: string, state: MoveDocument['state'], message: string | null) {
    const move = this.moveById.get(id);
    if (move !== undefined) this.moveById.set(id, { ...move, state, message });
    return this.move(id);
  }

  async #answer<Value>(value: Value): Promise<Result<Value, AdminFailure>> {
    await this.held;
    return this.failing === undefined ? success(value) : failure(this.failing);
  }

  async #found<Value>(value: Value | undefined, message: string): Promise<Result<Value, AdminFailure>> {
    return value === undefined ? failure({ kind: 'not-found', message }) : success(value);
  }
}
