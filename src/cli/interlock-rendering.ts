import type { CohortInterlock, LostTopic } from '../admin/interlock-document.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Topics that are listed one by one; `--json` has more. */
const listed = 20;
/** Rules that are spelled out. */
const advised = 5;

/** Topics without another end at the target, and what to do about them; empty where nothing would be lost. */
export function renderLostTopics({ target, lost, lostTotal }: CohortInterlock, style: Style): string {
  if (lostTotal === 0) return '';
  const rows = lost.slice(0, listed);
  const more = lostTotal > rows.length ? `… and ${lostTotal - rows.length} more\n` : '';
  const widened = rows.some(({ isWidened }) => isWidened) ? widenedNote : '';
  const advice = [...new Set(lost.map((topic) => topic.advice))];
  const told = advice.slice(0, advised).map((text) => `  ${printable(text)}\n`);
  const rest = advice.length > told.length ? `  … and ${advice.length - told.length} more\n` : '';
  const head = `Topics that would have no other end on ${target}:\n\n`;
  return `${head}${renderTable(columns, rows, style)}${more}${widened}\nSo that nothing is lost:\n${told.join('')}${rest}`;
}

/** What holds nothing up and should be known. */
export function renderInterlockWarnings(warnings: readonly string[]): string {
  return warnings.map((warning) => `warning: ${printable(warning)}\n`).join('');
}

/** How long both brokers deliver for the bridge's sake; empty where the configured overlap is enough, or unknown. */
export function renderBridgeOverlap({ bridgeOverlapMs, behind }: CohortInterlock): string {
  const waits =
    behind.length === 0
      ? ''
      : `Switches would wait for bridge ${behind.join(', ')}, which is behind, for a bounded time\n`;
  if (bridgeOverlapMs === 0) return waits;
  return `${waits}The bridge's lag wants both brokers to deliver for ${bridgeOverlapMs / 1_000} s behind each switch\n`;
}

const widenedNote = '* stands for more topics than were seen: devices use too many to know each\n';

const columns: readonly Column<LostTopic>[] = [
  { title: 'TOPIC', value: ({ topic, isWidened }) => `${topic}${isWidened ? ' *' : ''}` },
  { title: 'USED TO', value: ({ use }) => use },
  { title: 'BRIDGED', value: ({ class: topicClass }) => topicClass },
  { title: 'DEVICES', value: ({ devices }) => String(devices), align: 'right' },
  { title: 'SERVICES', value: ({ services }) => services.join(',') || '-' },
];
