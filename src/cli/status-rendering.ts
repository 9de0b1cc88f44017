import type { BrokerState, CohortStatus, FreezeDocument, StatusDocument } from '../admin/admin-api.ts';
import type { AliasStatus, SiteStatus, ZoneStatus } from '../admin/nameserver-documents.ts';
import { renderWeight } from '../plan/weight.ts';
import { renderBridgeSummary } from './bridge-rendering.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Tables for brokers, cohorts, moves (as given), listeners, workers, sites, zones and aliases, below the revision. Empty parts are left out. */
export function renderStatus(status: StatusDocument, moves: string, style: Style): string {
  const frozen = status.frozen ? `  ${style.warning(renderFreeze(status.freeze))}` : '';
  const parts = [
    `${style.heading('revision')}  ${status.revision}${frozen}\n`,
    renderBrokers(status, style),
    renderCohorts(status.cohorts, style),
    moves,
    renderBridgePart(status, style),
    renderListeners(status, style),
    renderWorkers(status, style),
    renderSites(status, style),
    renderZones(status, style),
    renderAliases(status, style),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function renderBridgePart({ bridge }: StatusDocument, { heading, warning }: Style): string {
  if (bridge === null) return '';
  const line = renderBridgeSummary(bridge);
  const isWell = bridge.problem === null && bridge.rules.stopped === 0;
  return `${heading('bridge')}  ${isWell ? line : warning(line)}\n`;
}

/** Who froze cutovers, until when and why. */
export function renderFreeze(freeze: FreezeDocument | null): string {
  if (freeze === null) return 'frozen: no cutover starts';
  const end = freeze.until === null ? '' : ` until ${freeze.until}`;
  return printable(`frozen by ${freeze.author}${end}, no cutover starts: ${freeze.reason}`);
}

/** A table of cohorts; empty without any. */
export function renderCohorts(cohorts: readonly CohortStatus[], style: Style): string {
  return renderPart(cohortColumns, cohorts, style);
}

/**
 * The weight is per cent of the cohort; SEEN is what it did to the devices that are connected now; MOVING are sessions
 * that are not where the plan wants them, whether something moves them or not, UNDER WAY those whose handover has begun;
 * PREPARED and WARM are second connections for the way there and back; HELD BACK are devices known to do what the target
 * cannot carry, connected or not (`assess` says why).
 */
const cohortColumns: readonly Column<CohortStatus>[] = [
  { title: 'COHORT', value: ({ name }) => name },
  { title: 'WEIGHT', value: ({ weightBps }) => renderWeight(weightBps), align: 'right' },
  { title: 'SEEN', value: renderSeen, align: 'right' },
  { title: 'SOURCE', value: ({ source }) => source },
  { title: 'SESSIONS', value: ({ sessions }) => String(sessions.source), align: 'right' },
  { title: 'TARGET', value: ({ target }) => target },
  { title: 'SESSIONS', value: ({ sessions }) => String(sessions.target), align: 'right' },
  { title: 'MOVING', value: ({ sessions }) => String(sessions.moving), align: 'right' },
  { title: 'UNDER WAY', value: ({ handovers }) => String(handovers.underWay), align: 'right' },
  { title: 'PREPARED', value: ({ handovers }) => String(handovers.prepared), align: 'right' },
  { title: 'WARM', value: ({ handovers }) => String(handovers.warm), align: 'right' },
  { title: 'HELD BACK', value: ({ heldBack }) => String(heldBack), align: 'right' },
];

/** Devices on the target of devices seen, `48/1000 4.8%`; of none, nothing can be said. */
export function renderSeen({ sessions }: Pick<CohortStatus, 'sessions'>): string {
  const seen = sessions.source + sessions.target;
  if (seen === 0) return '0/0';
  return `${sessions.target}/${seen} ${Math.round((sessions.target / seen) * 10_000) / 100}%`;
}

function renderBrokers({ brokers }: StatusDocument, style: Style): string {
  const rows = Object.entries(brokers).map(([name, broker]) => ({ name, ...broker }));
  return renderPart(
    [
      { title: 'BROKER', value: ({ name }) => name },
      { title: 'PROFILE', value: ({ profile }) => profile },
      { title: 'SESSIONS', value: ({ sessions }) => String(sessions), align: 'right' },
      { title: 'SECOND LEGS', value: ({ secondLegs }) => String(secondLegs), align: 'right' },
      { title: 'STATE', value: ({ state }) => state, paint: ({ state }, painter) => paintOfState(state, painter) },
    ],
    rows,
    style,
  );
}

function paintOfState(state: BrokerState, { good, warning, bad }: Style): (text: string) => string {
  switch (state) {
    case 'up':
      return good;
    case 'unsure':
      return warning;
    case 'down':
      return bad;
  }
}

function renderListeners({ listeners, nameserver }: StatusDocument, style: Style): string {
  const rows = [...listeners, ...nameserver.map((address) => ({ name: '(nameserver)', address }))];
  return renderPart(
    [
      { title: 'LISTENER', value: ({ name }) => name },
      { title: 'ADDRESS', value: ({ address }) => address },
    ],
    rows,
    style,
  );
}

/** A worker that has not acknowledged the newest revision yet stands out. */
function renderWorkers({ workers, revision }: StatusDocument, style: Style): string {
  return renderPart(
    [
      { title: 'WORKER', value: ({ worker }) => String(worker), align: 'right' },
      { title: 'PID', value: ({ pid }) => String(pid), align: 'right' },
      {
        title: 'REVISION',
        value: (worker) => String(worker.revision),
        align: 'right',
        paint: (worker, painter) => (worker.revision === revision ? (text) => text : painter.warning),
      },
      { title: 'CONNECTIONS', value: ({ connections }) => String(connections), align: 'right' },
      { title: 'SESSIONS', value: ({ sessions }) => String(sessions), align: 'right' },
    ],
    workers,
    style,
  );
}

function renderSites({ sites }: StatusDocument, style: Style): string {
  return renderPart(
    [
      { title: 'SITE', value: ({ name }) => name },
      { title: 'HEALTH', value: ({ health, forced }) => (forced === null ? health : `${health} (forced)`) },
      { title: 'DRAINED', value: ({ drained }) => (drained ? 'yes' : 'no') },
      { title: 'ADDRESSES', value: renderSiteAddresses },
      { title: 'WHY', value: ({ said, detail }) => [...(said === null ? [] : [renderWord(said)]), detail].join(' ') },
    ],
    sites,
    style,
  );
}

function renderSiteAddresses({ addresses, downAddresses }: SiteStatus): string {
  return addresses.map((address) => (downAddresses.includes(address) ? `${address}(down)` : address)).join(' ');
}

function renderWord({ author, at, reason }: NonNullable<SiteStatus['said']>): string {
  return `${author} at ${at}${reason === '' ? '' : `: ${reason}`}`;
}

/** A zone whose files have mistakes stands out: what is served is older than they are. */
function renderZones({ zones }: StatusDocument, style: Style): string {
  const paint = ({ mistakes }: ZoneStatus, { warning }: Style) =>
    mistakes.length === 0 ? (text: string) => text : warning;
  return renderPart(
    [
      { title: 'ZONE', value: ({ origin }) => origin },
      { title: 'SERIAL', value: ({ serial }) => String(serial), align: 'right' },
      { title: 'SIGNED', value: ({ signed }) => (signed ? 'yes' : 'no') },
      { title: 'FILES', value: ({ mistakes }) => renderMistakeCount(mistakes.length), paint },
    ],
    zones,
    style,
  );
}

function renderMistakeCount(count: number): string {
  if (count === 0) return 'served';
  return `${count} ${count === 1 ? 'mistake' : 'mistakes'}: the zone before is served ("dns reload" lists them)`;
}

function renderAliases({ aliases }: StatusDocument, style: Style): string {
  const paint = ({ problem }: AliasStatus, { warning }: Style) => (problem === null ? (text: string) => text : warning);
  return renderPart(
    [
      { title: 'ALIAS', value: ({ alias }) => alias },
      { title: 'RESOLVED', value: ({ resolvedAt }) => resolvedAt ?? 'not since the start' },
      { title: 'PROBLEM', value: ({ problem }) => problem ?? 'none', paint },
      { title: 'ADDRESSES', value: ({ addresses }) => addresses.join(' ') || 'none' },
    ],
    aliases,
    style,
  );
}

function renderPart<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  return rows.length === 0 ? '' : renderTable(columns, rows, style);
}
