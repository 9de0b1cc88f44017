import type { SlotLag, SlotState, SlotStatus } from './bridge-status.ts';
import type { LinkRunner } from './link-runner.ts';

/** The figures of a slot as the board shows them; `nowMs` on the bridge's monotonic clock. */
export function slotStatus(runner: LinkRunner, isLeaving: boolean, nowMs: number): SlotStatus {
  const { link, slot } = runner;
  const { counts } = link;
  const lag = lagOf(runner, nowMs);
  const { problem } = runner;
  return {
    rule: slot.rule.name,
    slot: slot.label,
    place: slot.place,
    state: stateOf(runner, isLeaving),
    isSubscribed: link.leg.isSubscribed,
    takeovers: runner.takeovers,
    ...(problem !== undefined && { problem }),
    lanes: link.lanes.map(({ number, isOpen, length }) => ({ number, isOpen, messages: length })),
    messages: {
      received: counts.received,
      carried: counts.carried,
      carriedBytes: counts.carriedBytes,
      spooled: counts.spooled,
      duplicatesSuppressed: counts.duplicatesSuppressed,
      resent: counts.resent,
      echoes: counts.echoes,
      loopsBroken: counts.loopsBroken,
      sessionsLost: counts.sessionsLost,
      dropped: Object.fromEntries(counts.droppedByReason),
      deadLetters: Object.fromEntries(counts.deadByReason),
    },
    ...runner.rates,
    ...(lag !== undefined && { lag }),
    spool: { messages: link.spooledCount, bytes: runner.spoolBytes, isAlarming: runner.isSpoolAlarming },
  };
}

function stateOf({ link, isPaused }: LinkRunner, isLeaving: boolean): SlotState {
  if (link.isStopped) return 'stopped';
  if (isLeaving) return 'leaving';
  return isPaused ? 'paused' : 'running';
}

function lagOf({ link: { counts } }: LinkRunner, nowMs: number): SlotLag | undefined {
  const p50Ms = counts.recentLag.quantile(0.5, nowMs);
  const p999Ms = counts.recentLag.quantile(0.999, nowMs);
  return p50Ms === undefined || p999Ms === undefined ? undefined : { p50Ms, p999Ms };
}
