import type { MoveDocument, MoveState } from '../admin/admin-api.ts';
import { hasEnded } from './move-end.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

/** Refused sessions that are listed one by one; the rest is counted. */
const maxRefusedRows = 20;

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
  const { offline, unknownSubscriptions, asleep } = move.pending;
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
      { title: 'PENDING', value: () => String(offline + unknownSubscriptions + asleep), align: 'right' },
      { title: 'REFUSED', value: (row) => String(row.refusedTotal), align: 'right' },
      { title: 'TOOK', value: (row) => renderDuration(row.durationMs), align: 'right' },
    ],
    [move],
    style,
  );
  return [figures, renderPending(move), renderRefused(move, style), renderEnd(move)].join('');
}

export function renderDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function renderPending({ pending }: MoveDocument): string {
  const reasons: readonly (readonly [number, string])[] = [
    [pending.offline, 'offline, will follow the plan when they connect'],
    [pending.unknownSubscriptions, 'with subscriptions that the gateway has not seen'],
    [pending.asleep, 'asleep'],
  ];
  const told = reasons.filter(([count]) => count > 0).map(([count, reason]) => `  ${count} ${reason}\n`);
  return told.length === 0 ? '' : `\nPending:\n${told.join('')}`;
}

/** A table of sessions that stay, with their reasons; empty without any. `total` counts those that are not listed too. */
export function renderRefused(
  { refused, refusedTotal }: Pick<MoveDocument, 'refused' | 'refusedTotal'>,
  style: Style,
): string {
  if (refused.length === 0) return '';
  const listed = renderTable(
    [
      { title: 'REFUSED', value: (row) => row.clientId },
      { title: 'REASON', value: (row) => row.reason },
    ],
    refused.slice(0, maxRefusedRows),
    style,
  );
  const further = refusedTotal - Math.min(maxRefusedRows, refused.length);
  return `\n${listed}${further > 0 ? `… and ${further} more: --json lists ${refusedTotal === refused.length ? 'them' : `${refused.length} of them`}\n` : ''}`;
}

const meaningByState: Readonly<Partial<Record<MoveState, string>>> = {
  failed: 'The move failed',
  aborted: 'The move was ended before it was done',
  superseded: 'A newer revision took over: its own move goes on from here',
};

function renderEnd({ state, message }: MoveDocument): string {
  const meaning = meaningByState[state];
  const detail = message === null ? '' : printable(message);
  if (meaning === undefined) return detail === '' ? '' : `\n${detail}\n`;
  const next = state === 'failed' || state === 'aborted' ? `${afterEnd}\n` : '';
  return `\n${meaning}${detail === '' ? '' : `: ${detail}`}\n${next}`;
}

const afterEnd =
  '  the plan has its new weight: repeat the command to go on, or "crossfade rollback" takes back what has moved';
