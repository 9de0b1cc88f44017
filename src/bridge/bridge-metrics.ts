import { Gauge, type Registry } from '@prometheus-io/client';
import { type LinkCounts, lagBoundsMs } from './link/link-counts.ts';
import type { LinkRunner } from './link-runner.ts';

type Labels = 'rule' | 'lane' | 'member' | 'quantile' | 'reason' | 'result';

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Labels[];
  samples(link: LinkRunner): readonly (readonly [labels: Partial<Record<Labels, string>>, value: number])[];
}

/** What every link shows; counted in the links, and only put together when somebody scrapes. */
const figures: readonly Figure[] = [
  {
    name: 'crossfade_bridge_messages_total',
    help: 'Messages of a rule, by what became of them',
    labels: ['rule', 'result'],
    samples: ({ link: { counts } }) => [
      [{ result: 'received' }, counts.received],
      [{ result: 'carried' }, counts.carried],
      [{ result: 'spooled' }, counts.spooled],
      [{ result: 'duplicate-suppressed' }, counts.duplicatesSuppressed],
      [{ result: 'resent' }, counts.resent],
      [{ result: 'echo' }, counts.echoes],
    ],
  },
  {
    name: 'crossfade_bridge_carried_bytes_total',
    help: 'Payload bytes that a rule carried',
    labels: ['rule'],
    samples: ({ link: { counts } }) => [[{}, counts.carriedBytes]],
  },
  {
    name: 'crossfade_bridge_dropped_total',
    help: 'Messages of a rule that were not carried, by reason',
    labels: ['rule', 'reason'],
    samples: ({ link: { counts } }) => byReason(counts.droppedByReason),
  },
  {
    name: 'crossfade_bridge_dead_letters_total',
    help: 'Messages of a rule that became dead letters, by reason',
    labels: ['rule', 'reason'],
    samples: ({ link: { counts } }) => byReason(counts.deadByReason),
  },
  {
    name: 'crossfade_bridge_lag_seconds',
    help: 'From the arrival of a message to its PUBACK, as the upper bound of a bucket, since the start',
    labels: ['rule', 'quantile'],
    samples: ({ link: { counts } }) =>
      [0.5, 0.999].map((quantile) => [{ quantile: `${quantile}` }, lagAt(counts, quantile)]),
  },
  {
    name: 'crossfade_bridge_spool_messages',
    help: 'Messages that the spool of a rule keeps for its target',
    labels: ['rule'],
    samples: ({ link }) => [[{}, link.spooledCount]],
  },
  {
    name: 'crossfade_bridge_spool_bytes',
    help: 'Bytes of the segments of a spool',
    labels: ['rule'],
    samples: ({ spoolBytes }) => [[{}, spoolBytes]],
  },
  {
    name: 'crossfade_bridge_sessions_lost_total',
    help: 'Sessions of a rule that its source did not keep, with what had come meanwhile',
    labels: ['rule'],
    samples: ({ link: { counts } }) => [[{}, counts.sessionsLost]],
  },
  {
    name: 'crossfade_bridge_stopped',
    help: '1 where a rule was stopped because a message went round',
    labels: ['rule'],
    samples: ({ link }) => [[{}, Number(link.isStopped)]],
  },
  {
    name: 'crossfade_bridge_lane_messages',
    help: 'Messages that a lane holds, on the way and waiting',
    labels: ['rule', 'lane'],
    samples: ({ link }) => link.lanes.map((lane) => [{ lane: `${lane.number}` }, lane.length]),
  },
  {
    name: 'crossfade_bridge_lane_open',
    help: '1 while the lane is connected to its target',
    labels: ['rule', 'lane'],
    samples: ({ link }) => link.lanes.map((lane) => [{ lane: `${lane.number}` }, Number(lane.isOpen)]),
  },
  {
    name: 'crossfade_bridge_member_subscribed',
    help: '1 while the source has granted the subscription of a member',
    labels: ['rule', 'member'],
    samples: ({ link }) => link.legs.map((leg, member) => [{ member: `${member}` }, Number(leg.isSubscribed)]),
  },
  {
    name: 'crossfade_bridge_member_received_total',
    help: 'Messages that came to a member: its share of the group',
    labels: ['rule', 'member'],
    samples: ({ link }) => link.legs.map((leg, member) => [{ member: `${member}` }, leg.receivedCount]),
  },
];

export function registerBridgeMetrics(registry: Registry, links: readonly LinkRunner[]): void {
  for (const { name, help, labels, samples } of figures) {
    new Gauge<Labels>({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const link of links)
          for (const [own, value] of samples(link)) this.set({ rule: link.name, ...own }, value);
      },
    });
  }
}

function byReason(counts: ReadonlyMap<string, number>): readonly (readonly [{ reason: string }, number])[] {
  return [...counts].map(([reason, count]) => [{ reason }, count] as const);
}

/** Seconds; what lies above the last bound is shown as twice that. */
export function lagAt({ lagBuckets }: Pick<LinkCounts, 'lagBuckets'>, quantile: number): number {
  const total = lagBuckets.reduce((sum, count) => sum + count, 0);
  let left = total * quantile;
  for (const [bucket, count] of lagBuckets.entries()) {
    left -= count;
    if (left <= 0 && total > 0) return (lagBoundsMs[bucket] ?? 2 * (lagBoundsMs.at(-1) as number)) / 1_000;
  }
  return 0;
}
