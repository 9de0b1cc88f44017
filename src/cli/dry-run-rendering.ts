import type { DryRun } from '../admin/admin-api.ts';
import type { CohortInterlock } from '../admin/interlock-document.ts';
import { renderBridgeOverlap, renderLostTopics } from './interlock-rendering.ts';
import { renderDuration, renderPending, renderRefused } from './move-rendering.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** What a move would find: sessions, brokers' quotas, then who would stay and why. */
export function renderDryRun(dryRun: DryRun, style: Style): string {
  const quotas = Object.entries(dryRun.quotas).map(([broker, quota]) => ({ broker, ...quota }));
  const refused = { refused: dryRun.refused, refusedTotal: dryRun.refused.length };
  const parts = [renderTable(sessionColumns, [dryRun], style)];
  const slowing = quotas.filter(({ filters, filtersPerSecond }) => filters > (filtersPerSecond ?? filters));
  if (dryRun.warm > 0 && slowing.length === 0) parts.push(`\n${warmNote(dryRun.warm)}\n`);
  for (const quota of slowing) parts.push(`\n${quotaNote(quota)}\n`);
  if (quotas.length > 0) parts.push(`\n${renderTable(quotaColumns, quotas, style)}`);
  parts.push(renderPending(dryRun, { prepareOnly: false }, style), renderRefused(refused, style));
  if (dryRun.interlock !== undefined) parts.push(renderInterlock(dryRun.interlock, style));
  return parts.join('');
}

function renderInterlock(interlock: CohortInterlock, style: Style): string {
  const found = [renderLostTopics(interlock, style), renderBridgeOverlap(interlock)].filter((text) => text !== '');
  return found.map((text) => `\n${text}`).join('');
}

/** Of sessions that the pace does not bind. */
export function warmNote(warm: number): string {
  const sessions = warm === 1 ? '1 session is warm and moves' : `${warm} sessions are warm and move`;
  return `${sessions} at once: the pace is for sessions without a second connection`;
}

/** Of a broker whose quota all sessions wait for, those with a second connection as well. */
function quotaNote({ broker, filters, filtersPerSecond }: Quota): string {
  return `The sessions have ${filters} subscriptions and ${broker} takes ${filtersPerSecond} a second: also warm ones move one after the other`;
}

/** WARM sessions move at once, COLD ones need a second connection first. */
const sessionColumns: readonly Column<DryRun>[] = [
  { title: 'LIVE', value: ({ live }) => String(live), align: 'right' },
  { title: 'WARM', value: ({ warm }) => String(warm), align: 'right' },
  { title: 'COLD', value: ({ cold }) => String(cold), align: 'right' },
  {
    title: 'PENDING',
    value: ({ pending }) =>
      String(pending.offline + pending.unknownSubscriptions + pending.asleep + pending.unregistered),
    align: 'right',
  },
  { title: 'REFUSED', value: ({ refused }) => String(refused.length), align: 'right' },
  { title: 'PACE', value: ({ pacePerSecond }) => `${pacePerSecond}/s`, align: 'right' },
  { title: 'TAKES ABOUT', value: ({ estimatedSeconds }) => renderDuration(estimatedSeconds * 1_000), align: 'right' },
];

type Quota = DryRun['quotas'][string] & { readonly broker: string };

const quotaColumns: readonly Column<Quota>[] = [
  { title: 'BROKER', value: ({ broker }) => broker },
  { title: 'CONNECTS/S', value: ({ connectsPerSecond }) => renderQuota(connectsPerSecond), align: 'right' },
  { title: 'FILTERS/S', value: ({ filtersPerSecond }) => renderQuota(filtersPerSecond), align: 'right' },
  { title: 'FILTERS', value: ({ filters }) => String(filters), align: 'right' },
];

function renderQuota(perSecond: number | null): string {
  return perSecond === null ? 'no bound' : String(perSecond);
}
