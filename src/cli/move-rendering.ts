import type { MoveDocument, MoveState } from '../admin/admin-api.ts';
import { hasEnded } from '../admin/move-end.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Sessions that are listed one by one; the rest is counted. */
const maxListedRows = 20;

/** Moves that ended and are listed still; `--json` has every one that the gateway knows. */
const endedRows = 5;

/** Every move that is given, newest first as they come; empty without any. */
export function renderAllMoves(moves: readonly MoveDocument[], style: Style): string {
  return moves.length === 0 ? '' : renderTable(moveColumns, moves, style);
}

/** The moves under way and the last few that ended, newest first as they come; empty without any. */
export function renderMoves(moves: readonly MoveDocument[], style: Style): string {
  const ended = moves.filter(hasEnded).slice(0, endedRows);
  const rows = moves.filter((move) => !hasEnded(move) || ended.includes(move));
  return renderAllMoves(rows, style);
}

const moveColumns: readonly Column<MoveDocument>[] = [
  { title: 'MOVE', value: ({ id }) => id },
  { title: 'KIND', value: renderKind },
  { title: 'COHORTS', value: ({ cohorts }) => cohorts.join(',') },
  { title: 'STATE', value: ({ state }) => state, paint: ({ state }, painter) => paintOfState(state, painter) },
  { title: 'ELIGIBLE', value: ({ eligible }) => String(eligible), align: 'right' },
  {
    title: 'MOVED',
    value: ({ moved, prepared, prepareOnly }) => String(prepareOnly ? prepared : moved),
    align: 'right',
  },
  { title: 'REFUSED', value: ({ refusedTotal }) => String(refusedTotal), align: 'right' },
  { title: 'STARTED', value: ({ startedAt }) => startedAt },
  { title: 'TOOK', value: (move) => (hasEnded(move) ? renderDuration(move.durationMs) : '-'), align: 'right' },
  { title: 'WHY', value: ({ message }) => message ?? '' },
];

/** A preparation counts prepared sessions as moved. */
function renderKind({ kind, prepareOnly }: MoveDocument): string {
  return prepareOnly ? 'prepare' : kind;
}

function paintOfState(state: MoveState, { good, warning, bad }: Style): (text: string) => string {
  switch (state) {
    case 'done':
      return good;
    case 'failed':
      return bad;
    default:
      return warning;
  }
}

/** How a move ended: its figures, then who was refused and why. */
export function renderMoveOutcome(move: MoveDocument, style: Style): string {
  const { offline, unknownSubscriptions, asleep, unregistered } = move.pending;
  const pending = offline + unknownSubscriptions + asleep + unregistered;
  const figures = renderTable(
    [
      {
        title: 'STATE',
        value: (row) => row.state,
        paint: (row, painter) => (row.state === 'done' ? painter.good : painter.bad),
      },
      { title: 'ELIGIBLE', value: (row) => String(row.eligible), align: 'right' },
      { title: 'MOVED', value: (row) => String(row.moved), align: 'right' },
      ...(move.prepareOnly
        ? [{ title: 'PREPARED', value: (row: MoveDocument) => String(row.prepared), align: 'right' } as const]
        : []),
      { title: 'PENDING', value: () => String(pending), align: 'right' },
      { title: 'REFUSED', value: (row) => String(row.refusedTotal), align: 'right' },
      { title: 'TOOK', value: (row) => renderDuration(row.durationMs), align: 'right' },
    ],
    [move],
    style,
  );
  return [figures, renderPending(move, move, style), renderRefused(move, style), renderEnd(move)].join('');
}

export function renderDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Counts by reason, then a table of those that are connected; empty without any. */
export function renderPending(
  { pending }: Pick<MoveDocument, 'pending'>,
  { prepareOnly }: Pick<MoveDocument, 'prepareOnly'>,
  style: Style,
): string {
  const offline = prepareOnly
    ? 'offline, not prepared: nothing moves them before the cutover'
    : 'offline, will follow the plan when they connect';
  const reasons: readonly (readonly [number, string])[] = [
    [pending.offline, offline],
    [pending.unknownSubscriptions, 'with subscriptions that the gateway has not seen'],
    [pending.asleep, 'asleep in the middle of a packet'],
    [pending.unregistered, 'unregistered: the target does not know them yet, and they move when it does'],
  ];
  const told = reasons.filter(([count]) => count > 0).map(([count, reason]) => `  ${count} ${reason}\n`);
  if (told.length === 0) return '';
  const total = pending.unknownSubscriptions + pending.asleep + pending.unregistered;
  return `\nPending:\n${told.join('')}${renderListed({ title: 'PENDING', sessions: pending.listed, total }, style)}`;
}

/** A table of sessions that stay, with their reasons; empty without any. `total` counts those that are not listed too. */
export function renderRefused(
  { refused, refusedTotal }: Pick<MoveDocument, 'refused' | 'refusedTotal'>,
  style: Style,
): string {
  return renderListed({ title: 'REFUSED', sessions: refused, total: refusedTotal }, style);
}

function renderListed(
  {
    title,
    sessions,
    total,
  }: { readonly title: string; readonly sessions: MoveDocument['refused']; readonly total: number },
  style: Style,
): string {
  if (sessions.length === 0) return '';
  const listed = renderTable(
    [
      { title, value: (row) => row.clientId },
      { title: 'REASON', value: (row) => row.reason },
    ],
    sessions.slice(0, maxListedRows),
    style,
  );
  const further = total - Math.min(maxListedRows, sessions.length);
  return `\n${listed}${further > 0 ? `… and ${further} more: --json lists ${total === sessions.length ? 'them' : `${sessions.length} of them`}\n` : ''}`;
}

const meaningByState: Readonly<Partial<Record<MoveState, string>>> = {
  failed: 'The move failed',
  aborted: 'The move was ended before it was done',
  superseded: 'A newer revision took over: its own move goes on from here',
};

function renderEnd(move: MoveDocument): string {
  const { state, message } = move;
  const meaning = meaningByState[state];
  const detail = message === null ? '' : printable(message);
  if (meaning === undefined) return detail === '' ? '' : `\n${detail}\n`;
  const next = state === 'failed' || state === 'aborted' ? `${afterEnd(move)}\n` : '';
  return `\n${meaning}${detail === '' ? '' : `: ${detail}`}\n${next}`;
}

/** What an operator can do about a move that was not done, by what it was to do. */
function afterEnd({ kind, prepareOnly, state, destinations }: MoveDocument): string {
  const look = state === 'failed' ? `  look at ${destinations.join(' and ')} first, where its sessions go\n` : '';
  if (prepareOnly) return `${look}  nothing has moved, the plan is as it was: repeat the command to prepare again`;
  const moved = '  the plan has its new weight, sessions that have moved stay moved: repeat the command to go on';
  return `${look}${moved}${kind === 'cutover' ? ', or "crossfade rollback" takes them back' : ''}`;
}
