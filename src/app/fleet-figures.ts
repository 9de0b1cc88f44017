import { Registry } from '@prometheus-io/client';
import type { StatusDocument } from '../admin/admin-api.ts';
import { renderHostPort } from '../base/addresses.ts';
import { systemClock } from '../base/clock.ts';
import type { Configuration } from '../config/configuration.ts';
import type { ZoneMaterial } from '../config/zone-material.ts';
import type { SecondLegs, SecondLegUse } from '../gateway/live-session.ts';
import type { PlanRevision } from '../plan/store/plan-store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AssessmentLedger } from './assessment-ledger.ts';
import type { BridgeOperator } from './bridge-operator.ts';
import { brokerState } from './broker-state.ts';
import { type CutoverFreeze, toFreezeDocument } from './cutover-freeze.ts';
import { nameserverPortName, type WorkerFigures } from './process-messages.ts';
import type { SteeringAuthority } from './steering-authority.ts';
import type { WorkerHub, WorkerSummary } from './worker-hub.ts';

export interface FleetFiguresDeps {
  readonly configuration: Configuration;
  readonly hub: WorkerHub;
  readonly assessments: Pick<AssessmentLedger, 'heldBack'>;
  readonly freeze: Pick<CutoverFreeze, 'current'>;
  readonly steering: Pick<SteeringAuthority, 'sites' | 'aliases'>;
  readonly bridge: Pick<BridgeOperator, 'summary'>;
  /** Zones as they are served now. */
  readonly zones: () => readonly ZoneMaterial[];
  /** The control process's own. */
  readonly metrics: Metrics;
}

type Families = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

const askMs = 300;

/** The figures of all workers together, for `status` and `/metrics`. */
export class FleetFigures {
  readonly #deps: FleetFiguresDeps;
  /** Counters of workers that ended, so that totals never fall. */
  readonly #ended: Families[] = [];

  constructor(deps: FleetFiguresDeps) {
    this.#deps = deps;
  }

  /** Keeps the last counters that a worker reported before it ended. */
  async workerGone(figures: WorkerSummary['figures']): Promise<void> {
    if (figures === undefined) return;
    const counters = (figures.metrics as Families).filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#ended.push(counters);
    const merged = await Registry.aggregate(this.#ended.splice(0)).getMetricsAsJSON();
    this.#ended.push(merged);
  }

  async status({ revision, plan }: PlanRevision): Promise<StatusDocument> {
    const { configuration, hub, assessments, freeze, steering } = this.#deps;
    const frozen = freeze.current;
    const workers = await hub.refreshFigures(askMs);
    const counts = workers.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
    return {
      revision,
      frozen: frozen !== undefined,
      freeze: frozen === undefined ? null : toFreezeDocument(frozen),
      brokers: Object.fromEntries(
        Object.values(configuration.brokers).map(({ name, profile }) => [
          name,
          {
            profile,
            sessions: sum(counts.map((figures) => figures.counts.byBroker[name] ?? 0)),
            secondLegs: sum(counts.map((figures) => legsOf(figures, ({ broker }) => broker === name))),
            ...brokerState(
              counts.flatMap((figures) => figures.brokerLives[name] ?? []),
              systemClock.wallMs(),
            ),
          },
        ]),
      ),
      cohorts: plan.cohorts.map(({ name, source, target, weightBps }) => {
        const heldBack = assessments.heldBack({ name, source, target });
        const ofCohort = counts.map((figures) => figures.counts.byCohort[name]);
        const total = (field: 'source' | 'target' | 'moving') => sum(ofCohort.map((cohort) => cohort?.[field] ?? 0));
        const sessions = { source: total('source'), target: total('target'), moving: total('moving') };
        const legs = (use: SecondLegUse) =>
          sum(counts.map((figures) => legsOf(figures, (of) => of.cohort === name && of.use === use)));
        const handovers = { underWay: legs('under-way'), prepared: legs('prepared'), warm: legs('warm') };
        return { name, source, target, weightBps, sessions, handovers, heldBack };
      }),
      listeners: configuration.listeners.map(({ name, bind }) => ({
        name,
        address: renderHostPort({ host: bind.host, port: counts[0]?.ports[name] ?? bind.port }),
      })),
      nameserver: (configuration.nameserver?.bind ?? []).map(({ host, port }, index) =>
        renderHostPort({ host, port: counts[0]?.ports[nameserverPortName(index)] ?? port }),
      ),
      sites: steering.sites(),
      zones: this.#deps.zones().map(({ origin, serial, keys, mistakes }) => ({
        ...{ origin, serial, mistakes },
        signed: keys.length > 0,
      })),
      aliases: steering.aliases().map(({ alias, addresses, resolvedAtMs, problem }) => ({
        ...{ alias, addresses, problem: problem ?? null },
        resolvedAt: resolvedAtMs === undefined ? null : new Date(resolvedAtMs).toISOString(),
      })),
      workers: workers.map(({ worker, pid, revision: acknowledged, figures }) => ({
        worker,
        pid,
        revision: acknowledged,
        connections: figures?.counts.connections ?? 0,
        sessions: sum(Object.values(figures?.counts.byBroker ?? {})),
      })),
      bridge: this.#deps.bridge.summary(),
    };
  }

  async metricsText({ plan }: PlanRevision): Promise<string> {
    const { metrics, assessments } = this.#deps;
    metrics.devicesHeldBack.reset();
    for (const cohort of plan.cohorts)
      metrics.devicesHeldBack.set({ cohort: cohort.name }, assessments.heldBack(cohort));
    this.#setNames();
    const workers = await this.#deps.hub.refreshFigures(askMs);
    const own = (await metrics.registry.getMetricsAsJSON()) as Families;
    const theirs = workers.flatMap(({ figures }) => (figures === undefined ? [] : [figures.metrics as Families]));
    return Registry.aggregate([own, ...theirs, ...this.#ended]).metrics();
  }

  /** Zones, sites and aliases as they are at this moment. */
  #setNames(): void {
    const { metrics, steering, zones } = this.#deps;
    for (const { name, health, drained } of steering.sites()) {
      for (const one of ['up', 'down', 'unknown'] as const) {
        metrics.siteHealth.set({ site: name, health: one }, health === one ? 1 : 0);
      }
      metrics.siteDrained.set({ site: name }, drained ? 1 : 0);
    }
    for (const { alias, resolvedAtMs = 0 } of steering.aliases()) {
      metrics.aliasResolved.set({ alias }, Math.floor(resolvedAtMs / 1_000));
    }
    for (const { origin, serial, mistakes } of zones()) {
      metrics.zoneSerial.set({ zone: origin }, serial);
      metrics.zoneRefused.set({ zone: origin }, mistakes.length > 0 ? 1 : 0);
    }
  }
}

function legsOf({ counts }: WorkerFigures, isMeant: (legs: SecondLegs) => boolean): number {
  return sum(counts.secondLegs.filter(isMeant).map(({ legs }) => legs));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
