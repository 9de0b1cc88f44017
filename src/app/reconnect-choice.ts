import type { MisplacedSession } from '../gateway/live-session.ts';
import type { ReconnectReply } from './process-messages.ts';

export interface ReconnectChoice {
  readonly connections: readonly number[];
  readonly reply: Omit<ReconnectReply, 'sessions'>;
}

export interface ReconnectQuestion {
  readonly limit: number;
  readonly order: 'first-first' | 'last-first';
  /** Connections without a broker's answer that an older plan assigned: they may still become misplaced. */
  readonly pending: number;
}

/**
 * Which of a worker's misplaced sessions to close now. A session that is taken up again on its device's return goes home
 * then, and one that the target cannot carry, or does not know yet, goes back to the source, so closing them would move
 * nothing: they stay and are listed. One that its device begins anew is moved. The order is the plan's own: a rollback takes the last moved first.
 */
export function chooseReconnects(
  misplaced: readonly MisplacedSession[],
  { limit, order, pending }: ReconnectQuestion,
): ReconnectChoice {
  const staying = misplaced.filter(stays);
  const movable = misplaced.filter((session) => !stays(session) && !session.isClosing);
  const direction = order === 'first-first' ? 1 : -1;
  const sorted = movable.toSorted((a, b) => direction * (a.position - b.position));
  const chosen = sorted.slice(0, limit);
  return {
    connections: chosen.map(({ connection }) => connection),
    reply: {
      closed: chosen.length,
      // Those that are closing still count, so that a move ends when the last one is gone.
      remaining: misplaced.length - staying.length + pending,
      closing: misplaced.length - staying.length - movable.length + chosen.length,
      staying: staying.map((session) => ({ clientId: session.clientId, reason: reasonOf(session) })),
    },
  };
}

function stays({ returnsHome, heldBack, unregistered }: MisplacedSession): boolean {
  return returnsHome || heldBack !== undefined || unregistered !== undefined;
}

function reasonOf({ heldBack, unregistered }: MisplacedSession): string {
  if (heldBack !== undefined) return `the target cannot carry it: ${heldBack}`;
  return unregistered ?? 'persistent session: it returns to the broker that holds its queue';
}
