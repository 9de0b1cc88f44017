import type {
  BridgeDocument,
  BridgeFiguresDocument,
  BridgeProcessDocument,
  BridgeRuleDocument,
  BridgeRuleState,
  BridgeSlotDocument,
  BridgeSummary,
} from '../admin/bridge-documents.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Tables for rules, their slots and the processes; of one rule without the processes. */
export function renderBridge({ rules, processes, problem }: BridgeDocument, style: Style): string {
  const slots = rules.flatMap((rule) => rule.slots.map((slot) => ({ rule, slot })));
  const parts = [
    problem === null ? '' : `${style.bad(printable(problem))}\n`,
    rules.length === 0 ? 'the configuration has no rules\n' : renderTable(ruleColumns, rules, style),
    slots.length === 0 ? '' : renderTable(slotColumns, slots, style),
    renderProblems(rules, style),
    processes.length === 0 ? `${style.warning('no process of the bridge lives')}\n` : '',
    processes.length === 0 ? '' : renderTable(processColumns, processes, style),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** Once each, by rule: the slots of a rule seldom have different ones. */
function renderProblems(rules: readonly BridgeRuleDocument[], style: Style): string {
  return rules
    .flatMap(({ name, slots }) => problemsOf(slots).map((problem) => `${name}: ${problem}`))
    .map((line) => `${style.warning(printable(line))}\n`)
    .join('');
}

export function problemsOf(slots: readonly Pick<BridgeSlotDocument, 'problem'>[]): readonly string[] {
  return [...new Set(slots.flatMap(({ problem }) => problem ?? []))];
}

/** The slots of one rule. */
export function renderSlots(rule: BridgeRuleDocument, style: Style): string {
  return renderTable(
    slotColumns,
    rule.slots.map((slot) => ({ rule, slot })),
    style,
  );
}

/** One rule after a change: `telemetry: running, to be paused`. */
export function renderRuleLine(rule: BridgeRuleDocument): string {
  const { name, members, share, slots } = rule;
  const group = share === null ? '' : `, members ${members}, at work ${slots.filter(isAtWork).length}`;
  return `${printable(name)}: ${renderState(rule)}${group}\n`;
}

/** `2 running, 1 paused; spool 1.5 MiB; lag p99.9 up to 12 ms`. */
export function renderBridgeSummary({ rules, processes, spoolBytes, worstLagMs, problem }: BridgeSummary): string {
  const states = Object.entries(rules).flatMap(([state, count]) => (count === 0 ? [] : [`${count} ${state}`]));
  const lag = worstLagMs === null ? '' : `; lag p99.9 up to ${renderMs(worstLagMs)}`;
  const nobody = processes === 0 ? '; no process of it lives' : '';
  const why = problem === null ? '' : `; ${problem}`;
  return printable(`rules: ${states.join(', ') || 'none'}; spool ${renderBytes(spoolBytes)}${lag}${nobody}${why}`);
}

export function isAtWork({ state, subscribed }: Pick<BridgeSlotDocument, 'state' | 'subscribed'>): boolean {
  return state !== 'leaving' && subscribed;
}

const figureColumns: readonly Column<BridgeFiguresDocument>[] = [
  { title: 'MSG/S', value: ({ messagesPerSecond }) => renderRate(messagesPerSecond), align: 'right' },
  { title: 'LAG P50', value: ({ lagMs }) => (lagMs === null ? '-' : renderMs(lagMs.p50)), align: 'right' },
  { title: 'P99.9', value: ({ lagMs }) => (lagMs === null ? '-' : renderMs(lagMs.p999)), align: 'right' },
  {
    title: 'SPOOL',
    value: ({ spool }) => renderSpool(spool),
    align: 'right',
    paint: ({ spool }, { warning }) => (spool.alarm ? warning : (text) => text),
  },
  {
    title: 'DEAD',
    value: ({ deadLetters }) => String(total(deadLetters)),
    align: 'right',
    paint: ({ deadLetters }, { warning }) => (total(deadLetters) > 0 ? warning : (text) => text),
  },
];

const ruleColumns: readonly Column<BridgeRuleDocument>[] = [
  { title: 'RULE', value: ({ name }) => name },
  { title: 'FROM', value: ({ from }) => from ?? '-' },
  { title: 'TO', value: ({ to }) => to ?? '-' },
  { title: 'FILTER', value: renderFilter },
  { title: 'STATE', value: renderState, paint: ({ state }, style) => paintOf(state, style) },
  { title: 'SLOTS', value: renderSlotCount, align: 'right' },
  ...figureColumns,
];

interface SlotRow {
  readonly rule: BridgeRuleDocument;
  readonly slot: BridgeSlotDocument;
}

/** SHARE: of the rule's traffic. */
const slotColumns: readonly Column<SlotRow>[] = [
  { title: 'RULE', value: ({ rule }) => rule.name },
  { title: 'SLOT', value: ({ slot }) => slot.slot },
  {
    title: 'STATE',
    value: ({ slot }) => renderSlotState(slot),
    paint: ({ slot }, style) => paintOf(slot.state, style),
  },
  { title: 'SHARE', value: ({ slot }) => renderShare(slot.share), align: 'right' },
  ...figureColumns.map((column) => ofSlot(column)),
  { title: 'RECEIVED', value: ({ slot }) => String(slot.received), align: 'right' },
  { title: 'DUPLICATES', value: ({ slot }) => String(slot.duplicatesSuppressed), align: 'right' },
  { title: 'LANES', value: ({ slot }) => renderLanes(slot), align: 'right' },
  { title: 'PROCESS', value: ({ slot }) => slot.process },
];

const processColumns: readonly Column<BridgeProcessDocument>[] = [
  { title: 'PROCESS', value: ({ process }) => process },
  { title: 'PID', value: ({ pid }) => String(pid), align: 'right' },
  { title: 'SLOTS', value: ({ slots }) => String(slots), align: 'right' },
  { title: 'SINCE', value: ({ startedAt }) => startedAt },
];

function ofSlot({ title, value, align, paint }: Column<BridgeFiguresDocument>): Column<SlotRow> {
  return {
    title,
    value: ({ slot }) => value(slot),
    ...(align !== undefined && { align }),
    ...(paint !== undefined && { paint: ({ slot }: SlotRow, style: Style) => paint(slot, style) }),
  };
}

function renderFilter({ filter, share }: BridgeRuleDocument): string {
  if (filter === null) return '(no longer configured)';
  return share === null ? filter : `$share/${share}/${filter}`;
}

/** Its processes look what is wanted every half second. */
function renderState({ state, paused }: Pick<BridgeRuleDocument, 'state' | 'paused'>): string {
  if (paused && state !== 'paused') return `${state}, to be paused`;
  return !paused && state === 'paused' ? 'paused, to be resumed' : state;
}

function renderSlotState({ state, subscribed }: BridgeSlotDocument): string {
  return subscribed || state === 'leaving' ? state : `${state}, not subscribed`;
}

/** Slots at work of those that should be. */
function renderSlotCount({ slots, share, members, partitions }: BridgeRuleDocument): string {
  return `${slots.filter(isAtWork).length}/${share === null ? partitions : members}`;
}

function paintOf(state: BridgeRuleState, { good, warning, bad }: Style): (text: string) => string {
  if (state === 'running') return good;
  return state === 'stopped' ? bad : warning;
}

export function renderShare(share: number | null): string {
  return share === null ? '-' : `${Math.round(share * 1_000) / 10}%`;
}

function renderLanes({ lanes }: BridgeSlotDocument): string {
  return `${lanes.filter(({ open }) => open).length}/${lanes.length}`;
}

function renderSpool({ messages, bytes }: BridgeFiguresDocument['spool']): string {
  return messages === 0 ? '-' : `${messages} (${renderBytes(bytes)})`;
}

function renderRate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function renderMs(ms: number): string {
  if (ms >= 10_000) return `${Math.round(ms / 1_000)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function renderBytes(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1_024 ** step;
  return `${step === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
