import type {
  BridgeDocument,
  BridgeFiguresDocument,
  BridgeRuleDocument,
  BridgeRuleState,
  BridgeSlotDocument,
  BridgeSummary,
} from '../admin/bridge-documents.ts';
import type { ProcessStatus, RuleWish, RuleWishes, SlotMessages, SlotStatus } from '../bridge/bridge-status.ts';
import type { BridgeConfiguration, BridgeRuleConfiguration } from '../config/bridge-configuration.ts';

/** What the board says, beside what is configured and wanted. */
export interface BridgeView {
  readonly bridge: Pick<BridgeConfiguration, 'rules' | 'spool'>;
  readonly statuses: readonly ProcessStatus[];
  readonly wishes: RuleWishes;
  readonly problem?: string | undefined;
}

interface WorkedSlot {
  readonly process: string;
  readonly status: SlotStatus;
}

/** `GET /v1/bridge`. */
export function bridgeDocument({ bridge, statuses, wishes, problem }: BridgeView): BridgeDocument {
  const slots = statuses.flatMap(({ process, slots: own }) => own.map((status) => ({ process, status })));
  const configured = new Set(bridge.rules.map(({ name }) => name));
  const gone = new Set(slots.map(({ status }) => status.rule).filter((name) => !configured.has(name)));
  const { maxBytes } = bridge.spool;
  const slotsOf = (name: string) => slots.filter(({ status }) => status.rule === name);
  return {
    processes: statuses.map(({ process, pid, startedAtMs, writtenAtMs, slots: own }) => ({
      ...{ process, pid, slots: own.length },
      startedAt: new Date(startedAtMs).toISOString(),
      seenAt: new Date(writtenAtMs).toISOString(),
    })),
    rules: [
      ...bridge.rules.map((rule) => configuredRule(rule, wishes[rule.name] ?? {}, slotsOf(rule.name), maxBytes)),
      ...[...gone].map((name) => goneRule(name, slotsOf(name), maxBytes)),
    ],
    problem: problem ?? null,
  };
}

/** The part of `GET /v1/status`. */
export function bridgeSummary({ processes, rules, problem }: BridgeDocument): BridgeSummary {
  const inState = (state: BridgeRuleState) => rules.filter((rule) => rule.state === state).length;
  const lags = rules.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs.p999]));
  return {
    rules: {
      running: inState('running'),
      paused: inState('paused'),
      stopped: inState('stopped'),
      waiting: inState('waiting'),
      leaving: inState('leaving'),
    },
    processes: processes.length,
    spoolBytes: sum(rules.map(({ spool }) => spool.bytes)),
    worstLagMs: lags.length === 0 ? null : Math.max(...lags),
    problem,
  };
}

function configuredRule(
  rule: BridgeRuleConfiguration,
  wish: RuleWish,
  slots: readonly WorkedSlot[],
  maxBytes: number,
): BridgeRuleDocument {
  const { name, from, to, filter, share, order, partitions } = rule;
  const isShared = share !== undefined;
  const members = isShared ? (wish.members ?? rule.members) : 0;
  return {
    ...{ name, from, to, filter, order, members, partitions },
    share: share ?? null,
    paused: wish.isPaused ?? false,
    state: stateOf(slots, isShared ? members : partitions),
    ...ruleFigures(slots, maxBytes),
    slots: slotDocuments(slots, maxBytes),
  };
}

function goneRule(name: string, slots: readonly WorkedSlot[], maxBytes: number): BridgeRuleDocument {
  return {
    ...{ name, from: null, to: null, filter: null, share: null, order: null, members: 0, partitions: 1 },
    state: 'leaving',
    paused: false,
    ...ruleFigures(slots, maxBytes),
    slots: slotDocuments(slots, maxBytes),
  };
}

function stateOf(slots: readonly WorkedSlot[], wanted: number): BridgeRuleState {
  const isIn = (state: SlotStatus['state']) => (slot: WorkedSlot) => slot.status.state === state;
  if (slots.some(isIn('stopped'))) return 'stopped';
  const staying = slots.filter((slot) => !isIn('leaving')(slot));
  if (staying.length === 0 && slots.length > 0) return 'leaving';
  if (staying.length > 0 && staying.every(isIn('paused'))) return 'paused';
  const atWork = staying.filter(({ status }) => status.isSubscribed);
  return wanted > 0 && atWork.length >= wanted ? 'running' : 'waiting';
}

function slotDocuments(slots: readonly WorkedSlot[], maxBytes: number): readonly BridgeSlotDocument[] {
  const rate = sum(slots.map(({ status }) => status.messagesPerSecond));
  const received = sum(slots.map(({ status }) => status.messages.received));
  return slots
    .map(({ process, status }) => ({
      slot: status.slot,
      kind: status.place.kind,
      index: status.place.index,
      ...{ process, state: status.state },
      subscribed: status.isSubscribed,
      problem: status.problem ?? null,
      takeovers: status.takeovers ?? 0,
      share: shareOf(status, rate, received),
      ...figuresOf(status, maxBytes),
      lanes: status.lanes.map(({ number, isOpen, messages }) => ({ lane: number, open: isOpen, messages })),
    }))
    .toSorted((one, other) => one.index - other.index || one.slot.localeCompare(other.slot));
}

function shareOf({ messagesPerSecond, messages }: SlotStatus, rate: number, received: number): number | null {
  if (rate > 0) return Math.min(1, messagesPerSecond / rate);
  return received > 0 ? messages.received / received : null;
}

function figuresOf({ messages, messagesPerSecond, bytesPerSecond, lag, spool }: SlotStatus, maxBytes: number) {
  return {
    ...{ ...messages, messagesPerSecond, bytesPerSecond },
    lagMs: lag === undefined ? null : { p50: lag.p50Ms, p999: lag.p999Ms },
    spool: { messages: spool.messages, bytes: spool.bytes, maxBytes, alarm: spool.isAlarming ?? false },
  } satisfies BridgeFiguresDocument;
}

const counted = [
  'received',
  'carried',
  'carriedBytes',
  'spooled',
  'duplicatesSuppressed',
  'resent',
  'echoes',
  'loopsBroken',
  'sessionsLost',
] as const satisfies readonly (keyof SlotMessages)[];

function ruleFigures(slots: readonly WorkedSlot[], maxBytes: number): BridgeFiguresDocument {
  const statuses = slots.map(({ status }) => status);
  const total = (figure: (status: SlotStatus) => number) => sum(statuses.map(figure));
  const lags = statuses.flatMap(({ lag }) => lag ?? []);
  const counts = Object.fromEntries(counted.map((name) => [name, total(({ messages }) => messages[name])]));
  return {
    ...(counts as Record<(typeof counted)[number], number>),
    deadLetters: sumByReason(statuses.map(({ messages }) => messages.deadLetters)),
    dropped: sumByReason(statuses.map(({ messages }) => messages.dropped)),
    messagesPerSecond: total((status) => status.messagesPerSecond),
    bytesPerSecond: total((status) => status.bytesPerSecond),
    lagMs:
      lags.length === 0
        ? null
        : { p50: Math.max(...lags.map(({ p50Ms }) => p50Ms)), p999: Math.max(...lags.map(({ p999Ms }) => p999Ms)) },
    spool: {
      messages: total(({ spool }) => spool.messages),
      bytes: total(({ spool }) => spool.bytes),
      maxBytes: maxBytes * Math.max(1, statuses.length),
      alarm: statuses.some(({ spool }) => spool.isAlarming),
    },
  };
}

function sumByReason(records: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const record of records)
    for (const [reason, count] of Object.entries(record)) total[reason] = (total[reason] ?? 0) + count;
  return total;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
