import type { Obstacle } from '../mqtt/adaptation-kind.ts';

/** One device connection that a broker has accepted, as `status`, `/v1/sessions` and the mover see it. */
export interface LiveSession {
  readonly connection: number;
  readonly clientId: string;
  /** `kind:key`, or the empty string when the device has no key. */
  readonly key: string;
  readonly cohort: string | undefined;
  /** Where the session is. */
  readonly home: string;
  /** Where the plan wants it now. */
  readonly desired: string;
  readonly protocol: '3.1' | '3.1.1' | '5';
  readonly persistent: boolean;
  /** Unacknowledged QoS 1 and 2 exchanges, both directions. */
  readonly inFlight: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly listener: string;
  /** Why it is not where the plan wants it; absent where it is, or where nobody asked for reasons. */
  readonly reason?: string;
}

export interface SessionFilter {
  readonly broker?: string;
  readonly cohort?: string;
  readonly clientId?: string;
  /** `kind:key`. */
  readonly key?: string;
  /** Only those that are not where the plan wants them. */
  readonly pending?: boolean;
  readonly withReasons?: boolean;
  readonly limit: number;
}

/** Counts of one worker, added over the workers for `status`. */
export interface SessionCounts {
  /** By broker: live sessions. */
  readonly byBroker: Readonly<Record<string, number>>;
  /**
   * By cohort: live sessions whose home is the cohort's source, its target, and how many are not where the plan wants
   * them, for whatever reason.
   */
  readonly byCohort: Readonly<
    Record<string, { readonly source: number; readonly target: number; readonly moving: number }>
  >;
  readonly secondLegs: readonly SecondLegs[];
  /** Live sessions on their source because the broker that the plan wants does not know them yet. */
  readonly unregistered: readonly UnregisteredSessions[];
  readonly connections: number;
}

/**
 * What a session's second leg is for. `under-way`: it is dialled, or the active role is on its way to it. `prepared`: it
 * stands by for the weight that is to come. `warm`: the session came from there, and it drains or stands by for the way back.
 */
export type SecondLegUse = 'under-way' | 'prepared' | 'warm';

/** How many second legs of that use a cohort's live sessions have at a broker. */
export interface SecondLegs {
  readonly broker: string;
  /** Empty where no cohort decides. */
  readonly cohort: string;
  readonly use: SecondLegUse;
  readonly legs: number;
}

/** How many live sessions of a cohort wait for a broker to know them. */
export interface UnregisteredSessions {
  readonly broker: string;
  /** Empty where no cohort decides. */
  readonly cohort: string;
  readonly sessions: number;
}

/** A live session that is not where the plan wants it, as the mover sees it. */
export interface MisplacedSession {
  readonly connection: number;
  readonly clientId: string;
  readonly persistent: boolean;
  /** It is taken up again where it is when its device reconnects: closing it would move nothing. */
  readonly returnsHome: boolean;
  /** Only of a session on its cohort's source: the target cannot carry it, so closing it would bring it back here. */
  readonly heldBack?: Obstacle;
  /** Why its broker would send it back here: it does not know its device yet. */
  readonly unregistered?: string;
  /** Its position in its cohort, 0 to 10 000; 0 where an override or the default decides. */
  readonly position: number;
  /** Already being closed. */
  readonly isClosing: boolean;
}

/** What the mover asks of one worker: begin so many handovers, cut what is warm, and say how the move stands. */
export interface HandoverQuestion {
  readonly move: string;
  readonly cohorts: readonly string[];
  /** Sessions without a warm leg to begin with, at most; those with one are cut at once, all of them. */
  readonly begin: number;
  readonly order: 'first-first' | 'last-first';
  /** Warm legs only, for the weight that is to come; nothing is cut. */
  readonly prepare?: { readonly cohort: string; readonly weightBps: number };
  /** With `prepare`: sessions that the plan in force wants there already go there, as if nothing were prepared. */
  readonly movesLate?: boolean;
  /** Only sessions that the broker that the plan wants does not know yet, or did not when their devices connected. */
  readonly isFirstContact?: boolean;
  /** Legs are made and stand by; nothing is cut for now. */
  readonly holdsSwitches?: boolean;
  /** Begins and cuts nothing. */
  readonly isPaused?: boolean;
  /** It is asked for as long as the plan stands, so that no session is given up: those that fail rest, longer each time. */
  readonly isUpkeep?: boolean;
}

export interface HandoverReply {
  /** Live sessions of the cohorts, wherever they are. */
  readonly sessions: number;
  /** Of `begin`, by this call. */
  readonly begun: number;
  /** CONNECTs that those cost their brokers. */
  readonly begunConnects: number;
  /** Begun by an earlier call and put back: the connect rate, or its queue, had no room. Since the last call. */
  readonly requeued: number;
  /**
   * First contacts with a broker that may not know the session's device, begun since the last call; and how many of these, or
   * of those begun, the broker closed at CONNECT: they count as not begun, and are pending.
   */
  readonly contacted: number;
  readonly turnedAway: number;
  /** Switched since the last call with this move's ID. */
  readonly moved: number;
  /** Legs that stand by for what the question wants. */
  readonly prepared: number;
  /** Dialling or being cut. */
  readonly underWay: number;
  /**
   * Not where they are wanted and movable, those under way and unanswered CONNECTs of older plans included. With
   * `prepare` wanted means by the weight to come, so prepared sessions are among them.
   */
  readonly remaining: number;
  /** Of the remaining: by broker that they are wanted at. */
  readonly destinations: Readonly<Record<string, number>>;
  /** Where the question only asks, by broker that bounds them: topic filters that it would be asked for with those sessions. */
  readonly filters: Readonly<Record<string, number>>;
  /** Where the question only asks, by broker: CONNECTs that the sessions without a second leg would cost. */
  readonly connects: Readonly<Record<string, number>>;
  /** Since the last call; tried again after a back-off. */
  readonly aborted: readonly { readonly clientId: string; readonly reason: string }[];
  /** Not movable live, with the reason. */
  readonly staying: readonly { readonly clientId: string; readonly reason: string }[];
  /** Pending rather than remaining, and how many of them for which reason. */
  readonly waiting: readonly { readonly clientId: string; readonly reason: string }[];
  readonly unknownSubscriptions: number;
  readonly asleep: number;
  /** Their broker does not know them yet; those that it refuses are among the staying. */
  readonly unregistered: number;
  /** What the answer cost its worker, milliseconds: the mover asks the less often for it. */
  readonly workMs: number;
}
