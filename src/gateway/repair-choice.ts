/** What is known when a session without a broker is to be given one again. */
export interface RepairQuestion {
  /** Milliseconds since the session lost its broker. */
  readonly elapsedMs: number;
  /** How long a device is kept without a broker before `onDown` decides. */
  readonly repairMs: number;
  readonly onDown: 'hold' | 'source' | 'close';
  readonly home: string;
  /** The cohort's brokers, where a cohort decided. */
  readonly cohort: { readonly source: string; readonly target: string } | undefined;
  /** Its home closes its CONNECTs, and is not away: `onDown` is not about that. */
  readonly isTurnedAway: boolean;
  /** Its subscriptions are known, or it leaves nothing behind: it may begin anew elsewhere. */
  readonly mayMove: boolean;
}

/** A leg that lived as long is not lost to what its session's last one was: milliseconds. */
export const provenMs = 10_000;

/** Which broker is asked next. `resume`: what it has of the session is taken up; `fresh`: the session moves there. */
export type RepairChoice =
  | { readonly kind: 'attach'; readonly broker: string; readonly session: 'resume' | 'fresh' }
  | { readonly kind: 'close' };

/** A timer may fire a little before its time: what was to wake at `repairMs` has woken for it. Milliseconds. */
const earlyMs = 2;

/** The device has been kept for as long as it is: `onDown` decides. */
export function isBehindRepair({ elapsedMs, repairMs }: Pick<RepairQuestion, 'elapsedMs' | 'repairMs'>): boolean {
  return elapsedMs >= repairMs - earlyMs;
}

/** Home first; after `repairMs` as the broker's `onDown` says; where that knows the device no more, the source. */
export function chooseRepair(question: RepairQuestion): RepairChoice {
  const { elapsedMs, repairMs, onDown, home, cohort, mayMove, isTurnedAway } = question;
  const source = mayMove && cohort?.target === home && cohort.source !== home ? cohort.source : undefined;
  if (isTurnedAway && source !== undefined) return { kind: 'attach', broker: source, session: 'fresh' };
  if (isBehindRepair({ elapsedMs, repairMs })) {
    if (onDown === 'close') return { kind: 'close' };
    if (onDown === 'source' && source !== undefined) return { kind: 'attach', broker: source, session: 'fresh' };
  }
  return { kind: 'attach', broker: home, session: 'resume' };
}

/** Upper bounds of the pause before a try, milliseconds: one second is what a client ID may cost at AWS IoT Core. */
const baseMs = 1_100;
const maxMs = { within: 10_000, beyond: 60_000 } as const;

/** Sessions of one worker that lose their broker together before their first tries are spread. */
const fewLosses = 10;
/** By so much one of them is spread with each of them, so that the worker asks some 500 times a second. */
const spreadMsEach = 2;

/** How long the first try waits, milliseconds: `lost` sessions have lost the broker just now. Full jitter. */
export function firstPauseMs(lost: number, random: number): number {
  return lost <= fewLosses ? 0 : Math.floor(random * Math.min(maxMs.within, Math.max(baseMs, lost * spreadMsEach)));
}

/**
 * The pause before a further try, full jitter, doubling; `attempt` counts from 1, `firstPauseMs` is that of the one before. The
 * first try behind `repairMs`, where `onDown` decides, is not later than that: `hasDecided` says that it is over.
 */
export function repairPauseMs(
  attempt: number,
  random: number,
  {
    elapsedMs,
    repairMs,
    hasDecided,
  }: Pick<RepairQuestion, 'elapsedMs' | 'repairMs'> & { readonly hasDecided: boolean },
): number {
  const longestMs = hasDecided ? maxMs.beyond : maxMs.within;
  const pauseMs = Math.floor(random * Math.min(longestMs, baseMs * 2 ** (attempt - 1)));
  return hasDecided ? pauseMs : Math.min(pauseMs, Math.max(0, Math.ceil(repairMs - elapsedMs)));
}
