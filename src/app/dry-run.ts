import type { DryRun, DryRunDocument } from '../admin/admin-api.ts';
import type { AdminResult } from '../admin/admin-backend.ts';
import { failure, success } from '../base/result.ts';
import type { Configuration } from '../config/configuration.ts';
import type { HandoverReply } from '../gateway/live-session.ts';
import { profileNamed } from '../mqtt/broker-profiles.ts';
import { canaryRounds } from '../gateway/handover-move.ts';
import { quotaOf, steadyShare } from './handover-pace.ts';
import { type CohortPlacement, destinationsOf, type MoveRequest } from './move-request.ts';
import type { WorkerMoves } from './worker-moves.ts';

export interface DryRunDeps {
  readonly configuration: Configuration;
  readonly workers: Pick<WorkerMoves, 'handOver'>;
  /** Persistent sessions that these terms would move and whose devices are away; undefined when it cannot be told now. */
  readonly offlineOf: (placements: readonly CohortPlacement[]) => Promise<number | undefined>;
}

/** Under an ID that no move has, and paused: the workers count and change nothing, whatever is under way. */
const rehearsal = { move: 'dry-run', begin: 0, order: 'first-first', isPaused: true } as const;

/** What a move would find now. */
export async function rehearse(request: MoveRequest, deps: DryRunDeps): AdminResult<DryRunDocument> {
  const { configuration, workers, offlineOf } = deps;
  const replies: HandoverReply[] = [];
  for (const { name: cohort, weightBps } of request.placements) {
    const answers = await workers.handOver({ ...rehearsal, cohorts: [cohort], prepare: { cohort, weightBps } });
    const answered = answers.filter((reply) => reply !== undefined);
    if (answered.length < answers.length || answers.length === 0) return failure(silentWorker);
    replies.push(...answered);
  }
  const offline = await offlineOf(request.placements);
  if (offline === undefined) return failure(silentWorker);
  return success({ revision: null, dryRun: describe({ request, replies, offline }, configuration) });
}

const silentWorker = {
  kind: 'too-slow',
  message: 'a worker did not answer, so that not every session is known',
} as const;

function describe(
  {
    request,
    replies,
    offline,
  }: { readonly request: MoveRequest; readonly replies: readonly HandoverReply[]; readonly offline: number },
  configuration: Configuration,
): DryRun {
  const sum = (figure: (reply: HandoverReply) => number) => replies.reduce((total, reply) => total + figure(reply), 0);
  const live = sum(({ remaining }) => remaining);
  const warm = sum(({ prepared }) => prepared);
  const cold = Math.max(0, live - warm);
  const sessionsByBroker = addUp(replies.map(({ destinations }) => destinations));
  const connectsByBroker = addUp(replies.map(({ connects }) => connects));
  const filtersByBroker = addUp(replies.map(({ filters }) => filters));
  const brokers = live === 0 ? destinationsOf(request) : Object.keys(sessionsByBroker);
  const { moveRefusedListed } = configuration.limits;
  return {
    ...{ live, warm, cold },
    pending: {
      offline,
      unknownSubscriptions: sum(({ unknownSubscriptions }) => unknownSubscriptions),
      asleep: sum(({ asleep }) => asleep),
      unregistered: sum(({ unregistered }) => unregistered),
      listed: replies.flatMap(({ waiting }) => waiting).slice(0, moveRefusedListed),
    },
    refused: replies.flatMap(({ staying }) => staying).slice(0, moveRefusedListed),
    pacePerSecond: request.pacePerSecond,
    estimatedSeconds: estimatedSeconds(
      request,
      { live, cold, sessionsByBroker, connectsByBroker, filtersByBroker },
      configuration,
    ),
    quotas: Object.fromEntries(
      brokers.map((broker) => [broker, { ...quotaOf(configuration, broker), filters: filtersByBroker[broker] ?? 0 }]),
    ),
  };
}

interface Found {
  readonly live: number;
  readonly cold: number;
  readonly sessionsByBroker: Readonly<Record<string, number>>;
  /** CONNECTs that the cold ones cost. */
  readonly connectsByBroker: Readonly<Record<string, number>>;
  readonly filtersByBroker: Readonly<Record<string, number>>;
}

/** From the first session to the last, on one decimal: the slowest of pace and quotas, and what a cut waits for its subscriptions. */
function estimatedSeconds(
  { live: mode, pacePerSecond, connectsPerSecond: paced = Number.POSITIVE_INFINITY }: MoveRequest,
  { live, cold, sessionsByBroker, connectsByBroker, filtersByBroker }: Found,
  configuration: Configuration,
): number {
  if (mode === 'keep' || live === 0) return 0;
  if (mode === 'reconnect') return Math.ceil(live / pacePerSecond);
  const byQuota = Object.keys(sessionsByBroker).map((broker) => {
    const { connectsPerSecond, filtersPerSecond } = quotaOf(configuration, broker);
    const connects = connectsByBroker[broker] ?? 0;
    const connecting = connects / (steadyShare * (connectsPerSecond ?? Number.POSITIVE_INFINITY));
    const filters = filtersByBroker[broker] ?? 0;
    return Math.max(connecting, filters / (steadyShare * (filtersPerSecond ?? Number.POSITIVE_INFINITY)));
  });
  const connects = Object.values(connectsByBroker).reduce((total, count) => total + count, 0);
  const settles = Object.keys(sessionsByBroker).map((broker) => settleMsOf(broker, configuration));
  // Sessions without a second connection wait for those that a move begins with, one after the other.
  const rounds = Math.max(1, canaryRounds(cold));
  const seconds =
    Math.max(cold / pacePerSecond, connects / paced, ...byQuota) + (rounds * Math.max(0, ...settles)) / 1_000;
  return Math.ceil(seconds * 10) / 10;
}

/** Milliseconds that a cut waits until what it subscribed to surely delivers. */
function settleMsOf(broker: string, { brokers, handover }: Configuration): number {
  return handover.settleMs ?? profileNamed(brokers[broker]?.profile).subscriptionSettleMs;
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const count of counts) {
    for (const [name, sessions] of Object.entries(count)) total[name] = (total[name] ?? 0) + sessions;
  }
  return total;
}
