import { setTimeout as wait } from 'node:timers/promises';
import type { CutoverBody, LiveMode, MoveDocument } from '../../../src/admin/admin-api.ts';
import { machineMs } from './delay-histogram.ts';
import type { HandoverWorld } from './handover-world.ts';
import type { MoveRecord } from './move-record.ts';

export type Live = Exclude<LiveMode, 'keep'>;

const cohort = 'everyone';
const pollMs = 20;
const moveDeadlineMs = 180_000;
/** Workers tell their figures within it. */
const figuresMs = 1_500;
const reasonsKept = 5;
/** What becomes of a move whose gateway is killed; the operator begins another one. */
const forgotten = 'forgotten';

interface MoveSteps {
  readonly name: string;
  readonly live: Live;
  /** Called as soon as the gateway has accepted the move; a fault, perhaps. */
  readonly onAccepted?: () => Promise<void>;
}

interface PrepareSteps extends Pick<MoveSteps, 'onAccepted'> {
  /** Absent: the gateway's own. */
  readonly pacePerSecond?: number;
}

/** Warms the second legs of the whole cohort; answers the milliseconds that it took. */
export async function prepare(
  world: HandoverWorld,
  { onAccepted, pacePerSecond }: PrepareSteps = {},
): Promise<{ readonly state: string; readonly preparedMs: number }> {
  const startedMs = machineMs();
  const paced = pacePerSecond === undefined ? {} : { pacePerSecond };
  const id = await begun(world, 'cutover', { weightBps: 10_000, live: 'handover', prepareOnly: true, ...paced });
  await onAccepted?.();
  const { move } = await followed(world, id);
  return { state: move?.state ?? forgotten, preparedMs: machineMs() - startedMs };
}

/** The whole cohort to the target, or back. */
export async function moveCohort(
  world: HandoverWorld,
  verb: 'cutover' | 'rollback',
  { name, live, onAccepted }: MoveSteps,
): Promise<MoveRecord> {
  const startedMs = machineMs();
  const id = await begun(world, verb, verb === 'cutover' ? { weightBps: 10_000, live } : { live });
  await onAccepted?.();
  const { move, switchedAtMs } = await followed(world, id);
  await wait(figuresMs);
  const status = await world.gateway.status();
  return {
    name,
    state: move?.state ?? forgotten,
    eligible: move?.eligible ?? 0,
    moved: move?.moved ?? 0,
    refused: move?.refused.length ?? 0,
    reasons: (move?.refused ?? []).slice(0, reasonsKept).map(({ clientId, reason }) => `${clientId}: ${reason}`),
    message: move?.message ?? null,
    leftBehind: status.cohorts[0]?.sessions.moving ?? 0,
    switchedMs: switchedAtMs - startedMs,
    isDisturbed: onAccepted !== undefined,
  };
}

/** Asks until the gateway takes it: it may have been killed a moment ago. */
async function begun(world: HandoverWorld, verb: 'cutover' | 'rollback', body: CutoverBody): Promise<string> {
  const deadlineMs = machineMs() + moveDeadlineMs;
  for (;;) {
    const accepted = await world.admin[verb](cohort, body);
    if (accepted.ok) return accepted.value.move.id;
    if (accepted.error.kind === 'problem' || machineMs() > deadlineMs) throw new Error(JSON.stringify(accepted.error));
    await wait(pollMs);
  }
}

interface FollowedMove {
  /** Undefined when the gateway knows nothing of it any more. */
  readonly move: MoveDocument | undefined;
  /** When all eligible sessions were counted as moved. */
  readonly switchedAtMs: number;
}

/** Until it has ended. */
async function followed(world: HandoverWorld, id: string): Promise<FollowedMove> {
  const deadlineMs = machineMs() + moveDeadlineMs;
  let switchedAtMs: number | undefined;
  let last: MoveDocument | undefined;
  while (machineMs() < deadlineMs) {
    const answer = await world.admin.move(id);
    if (answer.ok) {
      last = answer.value;
      if (last.eligible > 0 && last.moved >= last.eligible) switchedAtMs ??= machineMs();
      if (last.state !== 'running' && last.state !== 'paused') {
        return { move: last, switchedAtMs: switchedAtMs ?? machineMs() };
      }
    } else if (answer.error.kind === 'problem') return { move: undefined, switchedAtMs: machineMs() };
    await wait(pollMs);
  }
  return { move: last, switchedAtMs: machineMs() };
}
