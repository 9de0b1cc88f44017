import { Gauge, type Registry } from '@prometheus-io/client';
import type { LinkRunner } from './link-runner.ts';

type Labels = 'rule' | 'slot' | 'lane' | 'quantile' | 'reason' | 'result';

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
    labels: ['rule', 'slot', 'result'],
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
    labels: ['rule', 'slot'],
    samples: ({ link: { counts } }) => [[{}, counts.carriedBytes]],
  },
  {
    name: 'crossfade_bridge_dropped_total',
    help: 'Messages of a rule that were not carried, by reason',
    labels: ['rule', 'slot', 'reason'],
    samples: ({ link: { counts } }) => byReason(counts.droppedByReason),
  },
  {
    name: 'crossfade_bridge_dead_letters_total',
    help: 'Messages of a rule that became dead letters, by reason',
    labels: ['rule', 'slot', 'reason'],
    samples: ({ link: { counts } }) => byReason(counts.deadByReason),
  },
  {
    name: 'crossfade_bridge_lag_seconds',
    help: 'From the arrival of a message to its PUBACK, over the last minute',
    labels: ['rule', 'slot', 'quantile'],
    samples: ({ link: { counts } }) =>
      [0.5, 0.999].map((quantile) => [
        { quantile: `${quantile}` },
        (counts.recentLag.quantile(quantile, performance.now()) ?? 0) / 1_000,
      ]),
  },
  {
    name: 'crossfade_bridge_spool_messages',
    help: 'Messages that the spool of a rule keeps for its target',
    labels: ['rule', 'slot'],
    samples: ({ link }) => [[{}, link.spooledCount]],
  },
  {
    name: 'crossfade_bridge_spool_bytes',
    help: 'Bytes of the segments of a spool',
    labels: ['rule', 'slot'],
    samples: ({ spoolBytes }) => [[{}, spoolBytes]],
  },
  {
    name: 'crossfade_bridge_spool_alarm',
    help: '1 while half of a spool is used, or half of the time after which what it holds becomes dead letters',
    labels: ['rule', 'slot'],
    samples: ({ isSpoolAlarming }) => [[{}, Number(isSpoolAlarming)]],
  },
  {
    name: 'crossfade_bridge_takeovers_total',
    help: 'Times that another client came in under the client ID of a connection: two bridges with one name',
    labels: ['rule', 'slot'],
    samples: ({ takeovers }) => [[{}, takeovers]],
  },
  {
    name: 'crossfade_bridge_sessions_lost_total',
    help: 'Sessions of a rule that its source did not keep, with what had come meanwhile',
    labels: ['rule', 'slot'],
    samples: ({ link: { counts } }) => [[{}, counts.sessionsLost]],
  },
  {
    name: 'crossfade_bridge_stopped',
    help: '1 where a rule was stopped because a message went round',
    labels: ['rule', 'slot'],
    samples: ({ link }) => [[{}, Number(link.isStopped)]],
  },
  {
    name: 'crossfade_bridge_lane_messages',
    help: 'Messages that a lane holds, on the way and waiting',
    labels: ['rule', 'slot', 'lane'],
    samples: ({ link }) => link.lanes.map((lane) => [{ lane: `${lane.number}` }, lane.length]),
  },
  {
    name: 'crossfade_bridge_lane_open',
    help: '1 while the lane is connected to its target',
    labels: ['rule', 'slot', 'lane'],
    samples: ({ link }) => link.lanes.map((lane) => [{ lane: `${lane.number}` }, Number(lane.isOpen)]),
  },
  {
    name: 'crossfade_bridge_member_subscribed',
    help: '1 while the source has granted the subscription of a member',
    labels: ['rule', 'slot'],
    samples: ({ link }) => [[{}, Number(link.leg.isSubscribed)]],
  },
  {
    name: 'crossfade_bridge_member_received_total',
    help: 'Messages that came to a member: its share of the group',
    labels: ['rule', 'slot'],
    samples: ({ link }) => [[{}, link.leg.receivedCount]],
  },
];

export function registerBridgeMetrics(registry: Registry, bridge: { readonly links: readonly LinkRunner[] }): void {
  for (const { name, help, labels, samples } of figures) {
    new Gauge<Labels>({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const link of bridge.links)
          for (const [own, value] of samples(link))
            this.set({ rule: link.slot.rule.name, slot: link.slot.label, ...own }, value);
      },
    });
  }
}

function byReason(counts: ReadonlyMap<string, number>): readonly (readonly [{ reason: string }, number])[] {
  return [...counts].map(([reason, count]) => [{ reason }, count] as const);
}
