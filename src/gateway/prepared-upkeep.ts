import type { HandoverMoveState } from './handover-move.ts';
import type { HandoverReply } from './live-session.ts';

/**
 * A preparation that is done, as its second connections are now: a target that was away has closed them, and until they are
 * made again it must not look as it did. With a silent worker the picture stays as it was.
 */
export function showUpkeep(
  state: HandoverMoveState,
  replies: readonly (HandoverReply | undefined)[],
): HandoverMoveState {
  const answered = replies.filter((reply) => reply !== undefined);
  if (state.outcome !== 'done' || answered.length === 0 || answered.length < replies.length) return state;
  const prepared = answered.reduce((total, reply) => total + reply.prepared, 0);
  const wanted = answered.reduce((total, reply) => total + reply.remaining, 0);
  const eligible = Math.max(state.eligible, wanted);
  if (prepared >= wanted) return { ...state, prepared, eligible, message: undefined, lapse: undefined };
  const lapse = answered.flatMap(({ aborted }) => aborted).at(-1)?.reason ?? state.lapse;
  const message = `${prepared} of ${wanted} stand by${lapse === undefined ? '' : `, last trouble: ${lapse}`}`;
  return { ...state, prepared, eligible, message, lapse };
}
