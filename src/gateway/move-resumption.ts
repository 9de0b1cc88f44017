/** What was known of a move when the gateway, or its control process, was started again. */
export interface EarlierFigures {
  readonly eligible: number;
  readonly moved: number;
  /** Attempts that were given up. */
  readonly aborted: number;
  /** Live sessions that its cohorts had. */
  readonly sessions: number;
  /** Devices that are not back by then are not waited for: monotonic milliseconds. */
  readonly returnUntilMs: number;
}

/** Devices that a move which goes on after a restart waits for: without them it would look done. */
export interface AwaitedReturn {
  readonly sessions: number;
  readonly untilMs: number;
}

export const returnMessage = 'goes on after a restart of the gateway: waits for its devices to come back';

export function awaitedReturn(earlier: EarlierFigures | undefined): AwaitedReturn | undefined {
  return earlier === undefined ? undefined : { sessions: earlier.sessions, untilMs: earlier.returnUntilMs };
}

/** `sessions`: those of the move's cohorts that are live now. */
export function stillAwaited(
  awaited: AwaitedReturn | undefined,
  { sessions, nowMs }: { readonly sessions: number; readonly nowMs: number },
): AwaitedReturn | undefined {
  return awaited === undefined || sessions >= awaited.sessions || nowMs >= awaited.untilMs ? undefined : awaited;
}

/** What a move that is done says of sessions that had to go and that it did not move; `listed`: those told one by one. */
export function unseenMessage({
  eligible,
  moved,
  listed,
}: {
  readonly eligible: number;
  readonly moved: number;
  readonly listed: number;
}): string | undefined {
  const unseen = eligible - moved - listed;
  if (unseen <= 0) return undefined;
  const reasons = 'their connections ended first, they moved during a restart, or they are refused or pending by now';
  return `${unseen} of ${eligible} sessions were not seen to move: ${reasons}; devices that connect go where the plan says`;
}
