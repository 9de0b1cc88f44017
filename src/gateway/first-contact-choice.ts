/** How a broker that has a certificate of its own from each device comes to know them. */
export interface FirstContactTerms {
  /** First contacts a second, of all workers together, while many of them are closed. */
  readonly registrationsPerSecond: number;
  /** Further CONNECTs that a device waits for before its source has it. */
  readonly retries: number;
  /** An identity that was closed so often, for so long, is refused: milliseconds. */
  readonly refusedAfterCloses: number;
  readonly refusedAfterMs: number;
}

/** What a broker did of late with identities that were not known to be accepted there. Immutable. */
export interface Reception {
  /** Of them, the share that it closed at CONNECT, 0 to 1, the last ones counting most. */
  readonly closedShare: number;
  /** Monotonic milliseconds of the last one. */
  readonly atMs: number;
}

export const openReception: Reception = { closedShare: 0, atMs: 0 };

/** What one contact counts. */
const weight = 1 / 16;
/** Nothing is learnt in silence, so what was known is worth half. */
const halfLifeMs = 10_000;
/** Above it a broker is metered: from the fifth close in a row, until the twenty-second acceptance behind many. */
const meteredShare = 0.25;

export function afterContact(reception: Reception, wasClosed: boolean, nowMs: number): Reception {
  const share = shareAt(reception, nowMs);
  return { closedShare: share + weight * ((wasClosed ? 1 : 0) - share), atMs: nowMs };
}

/** Most first contacts are closed: each needs a registration token. Else the broker is open, and asked freely. */
export function isMetered(reception: Reception, nowMs: number): boolean {
  return shareAt(reception, nowMs) > meteredShare;
}

function shareAt({ closedShare, atMs }: Reception, nowMs: number): number {
  return closedShare * 0.5 ** (Math.max(0, nowMs - atMs) / halfLifeMs);
}

/** What is known of an identity that a broker closed, or that waits for its first contact there. Immutable. */
export interface Waiting {
  readonly closes: number;
  /** Monotonic milliseconds: of the first close, and until when it is left alone. */
  readonly firstMs: number;
  readonly dueMs: number;
  /** For good, as far as can be told: nobody registers it, or a policy forbids its CONNECT. */
  readonly isRefused: boolean;
}

/** An identity's rest behind a close, doubling, and up to twice that: milliseconds. */
const rest = { firstMs: 1_500, longestMs: 60_000, refusedMs: 900_000 } as const;

export function afterClose(
  before: Waiting | undefined,
  { refusedAfterCloses, refusedAfterMs }: Pick<FirstContactTerms, 'refusedAfterCloses' | 'refusedAfterMs'>,
  { nowMs, random }: { readonly nowMs: number; readonly random: number },
): Waiting {
  const closes = (before?.closes ?? 0) + 1;
  const firstMs = before === undefined || before.closes === 0 ? nowMs : before.firstMs;
  const isRefused = closes >= refusedAfterCloses && nowMs - firstMs >= refusedAfterMs;
  const growingMs = Math.min(rest.longestMs, rest.firstMs * 2 ** (closes - 1));
  const restMs = isRefused ? rest.refusedMs : growingMs;
  return { closes, firstMs, isRefused, dueMs: nowMs + restMs * (1 + random) };
}

/** The broker said so itself. */
export function afterRefusal(
  before: Waiting | undefined,
  { nowMs, random }: { readonly nowMs: number; readonly random: number },
): Waiting {
  const { closes = 0, firstMs = nowMs } = before ?? {};
  return { closes: closes + 1, firstMs, isRefused: true, dueMs: nowMs + rest.refusedMs * (1 + random) };
}

/** Kept on its source without having been asked for. */
export function uncontacted(nowMs: number): Waiting {
  return { closes: 0, firstMs: nowMs, dueMs: nowMs, isRefused: false };
}

/** Of those that are due, who is asked for first: whose certificate may have become active meanwhile, the new ones, the hopeless. */
export function contactRank({ closes }: Pick<Waiting, 'closes'>): 0 | 1 | 2 {
  if (closes === 0) return 1;
  return closes <= 3 ? 0 : 2;
}

export interface ArrivalQuestion {
  /** The broker accepted the identity before, or holds a session of it. */
  readonly isAccepted: boolean;
  readonly waiting: Waiting | undefined;
  readonly isMetered: boolean;
  /** There is another broker that serves the device meanwhile. */
  readonly hasSource: boolean;
  readonly nowMs: number;
}

/** `dial`: the broker is asked at once. `source`: the other one has the device meanwhile. `line`: it is asked for a token. */
export type ArrivalChoice = 'dial' | 'source' | 'line';

/** What becomes of a CONNECT for a broker that may not know its device. */
export function chooseAtArrival({ isAccepted, waiting, isMetered, hasSource, nowMs }: ArrivalQuestion): ArrivalChoice {
  const isResting = waiting !== undefined && (waiting.isRefused || waiting.closes > 0) && nowMs < waiting.dueMs;
  if (isResting && hasSource) return 'source';
  if (isAccepted || !isMetered) return 'dial';
  return hasSource ? 'source' : 'line';
}

export interface RetryQuestion {
  /** Of this CONNECT. */
  readonly closes: number;
  /** Milliseconds since it came, and how long the device has for its answer. */
  readonly elapsedMs: number;
  readonly patienceMs: number;
  readonly retries: number;
  readonly isMetered: boolean;
  readonly hasSource: boolean;
  /** The broker holds its session: what waits for it there is worth waiting for. */
  readonly isHome: boolean;
}

/** `again`: after `retryMs`. `elsewhere`: on the source, or nowhere without one. */
export type RetryChoice = 'again' | 'elsewhere';

/** AWS IoT Core takes one CONNECT a second of a client ID: milliseconds. */
export const retryMs = 1_100;

/** The source has to answer in what is left of the device's patience. */
export function chooseAfterClose(question: RetryQuestion): RetryChoice {
  const { closes, elapsedMs, patienceMs, retries, hasSource, isHome } = question;
  const hasTime = elapsedMs + retryMs <= (hasSource ? patienceMs / 2 : patienceMs - retryMs);
  if (!hasTime) return 'elsewhere';
  if (!hasSource || isHome) return 'again';
  return closes <= retries && !question.isMetered ? 'again' : 'elsewhere';
}

/** Closes in a row by which a repair knows that its home closes the session and is not away. */
const repairCloses = 3;

/** Whether a session that lost its broker is to be taken to its source because its home closes its CONNECTs. */
export function isTurnedAway({
  closes,
  acceptsOthers,
  isBehindRepair,
}: {
  readonly closes: number;
  readonly acceptsOthers: boolean;
  readonly isBehindRepair: boolean;
}): boolean {
  return closes >= repairCloses && (acceptsOthers || isBehindRepair);
}
