import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { SlotState, SlotStatus } from './bridge-status.ts';

type Label = 'rule' | 'slot' | 'lane' | 'quantile' | 'reason' | 'result' | 'state';
type Sample = readonly [labels: Partial<Record<Label, string>>, value: number];

interface Figure {
  readonly name: string;
  readonly help: string;
  /** Besides the rule and the slot. */
  readonly labels: readonly Label[];
  samples(slot: SlotStatus): readonly Sample[];
}

/** What a slot's process counted since it began to work the slot. */
const totals: readonly Figure[] = [
  {
    name: 'crossfade_bridge_messages_total',
    help: 'Messages of a slot, by what became of them',
    labels: ['result'],
    samples: ({ messages }) => [
      [{ result: 'received' }, messages.received],
      [{ result: 'carried' }, messages.carried],
      [{ result: 'spooled' }, messages.spooled],
      [{ result: 'duplicate-suppressed' }, messages.duplicatesSuppressed],
      [{ result: 'resent' }, messages.resent],
      [{ result: 'echo' }, messages.echoes],
      [{ result: 'loop-broken' }, messages.loopsBroken],
    ],
  },
  {
    name: 'crossfade_bridge_carried_bytes_total',
    help: 'Payload bytes that a slot carried',
    labels: [],
    samples: ({ messages }) => [[{}, messages.carriedBytes]],
  },
  {
    name: 'crossfade_bridge_dropped_total',
    help: 'Messages of a slot that were not carried, by reason',
    labels: ['reason'],
    samples: ({ messages }) => byReason(messages.dropped),
  },
  {
    name: 'crossfade_bridge_dead_letters_total',
    help: 'Messages of a slot that became dead letters, by reason',
    labels: ['reason'],
    samples: ({ messages }) => byReason(messages.deadLetters),
  },
  {
    name: 'crossfade_bridge_sessions_lost_total',
    help: 'Sessions of a slot that its source did not keep, with what had come meanwhile',
    labels: [],
    samples: ({ messages }) => [[{}, messages.sessionsLost]],
  },
  {
    name: 'crossfade_bridge_takeovers_total',
    help: 'Times that another client came in under the client ID of a connection: two bridges with one name',
    labels: [],
    samples: ({ takeovers = 0 }) => [[{}, takeovers]],
  },
];

const states: readonly SlotState[] = ['running', 'paused', 'leaving', 'stopped'];

const gauges: readonly Figure[] = [
  {
    name: 'crossfade_bridge_lag_seconds',
    help: 'From the arrival of a message to its PUBACK, over the last minute; absent where nothing was carried',
    labels: ['quantile'],
    samples: ({ lag }) =>
      lag === undefined
        ? []
        : [
            [{ quantile: '0.5' }, lag.p50Ms / 1_000],
            [{ quantile: '0.999' }, lag.p999Ms / 1_000],
          ],
  },
  {
    name: 'crossfade_bridge_messages_per_second',
    help: 'Messages that came to a slot, over the last seconds',
    labels: [],
    samples: ({ messagesPerSecond }) => [[{}, messagesPerSecond]],
  },
  {
    name: 'crossfade_bridge_spool_messages',
    help: 'Messages that the spool of a slot keeps for its target',
    labels: [],
    samples: ({ spool }) => [[{}, spool.messages]],
  },
  {
    name: 'crossfade_bridge_spool_bytes',
    help: 'Bytes of the segments of a spool',
    labels: [],
    samples: ({ spool }) => [[{}, spool.bytes]],
  },
  {
    name: 'crossfade_bridge_spool_alarm',
    help: '1 while half of a spool is used, or half of the time after which what it holds becomes dead letters',
    labels: [],
    samples: ({ spool }) => [[{}, Number(spool.isAlarming ?? false)]],
  },
  {
    name: 'crossfade_bridge_state',
    help: '1 for the state that a slot is in',
    labels: ['state'],
    samples: ({ state }) => states.map((one) => [{ state: one }, Number(one === state)]),
  },
  {
    name: 'crossfade_bridge_subscribed',
    help: '1 while the source has granted the subscription of a slot',
    labels: [],
    samples: ({ isSubscribed }) => [[{}, Number(isSubscribed)]],
  },
  {
    name: 'crossfade_bridge_lane_messages',
    help: 'Messages that a lane holds, on the way and waiting',
    labels: ['lane'],
    samples: ({ lanes }) => lanes.map(({ number, messages }) => [{ lane: `${number}` }, messages]),
  },
  {
    name: 'crossfade_bridge_lane_open',
    help: '1 while the lane is connected to its target',
    labels: ['lane'],
    samples: ({ lanes }) => lanes.map(({ number, isOpen }) => [{ lane: `${number}` }, Number(isOpen)]),
  },
];

/**
 * Shows slots as `read` finds them when somebody scrapes. It is given the slots of one process: several that are scraped
 * would else count each other's.
 */
export function registerBridgeMetrics(registry: Registry, read: () => readonly SlotStatus[]): void {
  const slots = oncePerScrape(read);
  for (const figure of totals) {
    const { name, help, labels } = figure;
    new Counter<Label>({
      ...{ name, help, labelNames: ['rule', 'slot', ...labels], registers: [registry] },
      collect() {
        this.reset();
        for (const [own, value] of samplesOf(figure, slots())) this.inc(own, value);
      },
    });
  }
  for (const figure of gauges) {
    const { name, help, labels } = figure;
    new Gauge<Label>({
      ...{ name, help, labelNames: ['rule', 'slot', ...labels], registers: [registry] },
      collect() {
        this.reset();
        for (const [own, value] of samplesOf(figure, slots())) this.set(own, value);
      },
    });
  }
}

function samplesOf({ samples }: Figure, slots: readonly SlotStatus[]): readonly Sample[] {
  return slots.flatMap((slot) =>
    samples(slot).map(([own, value]) => [{ rule: slot.rule, slot: slot.slot, ...own }, value] as const),
  );
}

/** All figures of a scrape are of one moment, and the board is read once. */
function oncePerScrape(read: () => readonly SlotStatus[]): () => readonly SlotStatus[] {
  let seen: readonly SlotStatus[] | undefined;
  return () => {
    if (seen === undefined) {
      seen = read();
      setImmediate(() => {
        seen = undefined;
      });
    }
    return seen;
  };
}

function byReason(counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(counts).map(([reason, count]) => [{ reason }, count]);
}
