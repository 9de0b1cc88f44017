import type { Obstacle } from '../mqtt/adaptation-kind.ts';

/**
 * Who owns a client ID now. The data plane asks once per CONNECT; the answer comes after an older device leg of the
 * same client ID has ended (in whatever worker it stood) and after the broker's connect rate allows one more CONNECT.
 * `app/` fills this port: over the control link normally, from the worker's own view while the control process is away.
 */
export interface SessionRegistry {
  /** Never rejects. `signal` withdraws a claim whose device went away while it waited. */
  claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimAnswer>;
  /** One more connect token, for a second endpoint or a further CONNECT. Resolves false when there is none in time. */
  connectToken(wish: TokenWish, signal: AbortSignal): Promise<boolean>;
  /**
   * The broker accepted the CONNECT (CONNACK 0). Said again with the same epoch when the session changes its broker while
   * it lives, or its broker was connected to anew: the home moves, what is kept of the session stays as it was, and the
   * broker that was home until then becomes a former one.
   */
  attached(session: AttachedSession): void;
  /**
   * The subscriptions of a connected device changed (text of `encodeSubscriptions`): kept with the home, so that a gateway
   * that dies loses none. Ignored for a leg that lost its client ID and for a session that does not outlive it.
   */
  remember(clientId: string, epoch: number, subscriptions: string): void;
  /** The session that a former broker may have held is gone there. */
  purged(clientId: string, broker: string): void;
  /**
   * A broker gave a client ID to a device that came without one (MQTT 5 Assigned Client Identifier): claims the ID for a
   * leg that is attached already, as `claim` and `attached` together but without a connect token. Older legs of the ID
   * are ended as for a claim. Resolves with the epoch; never rejects. `ended` follows when the leg is gone.
   */
  adopt(session: AdoptedSession): Promise<number>;
  /**
   * The device leg is gone. `sessionOver`: nothing outlives it at the broker, so a recorded home is forgotten. `remains`
   * is kept with the home and given to the CONNECT that takes the session up, whichever worker it comes to; absent: what
   * is kept stays.
   */
  ended(clientId: string, epoch: number, sessionOver: boolean, remains?: SessionRemains): void;
}

/**
 * What a CONNECT asks of an earlier session of the same client ID:
 * `clean` discards it and leaves nothing behind; `fresh` discards it and leaves a persistent one (MQTT 5 Clean Start 1
 * with an expiry); `resume` takes it up where it is (Clean Session 0, or Clean Start 0).
 */
export type SessionIntent = 'clean' | 'fresh' | 'resume';

/** What the gateway itself holds of a persistent session whose device is away. */
export interface SessionRemains {
  /**
   * Packet identifiers of QoS 2 exchanges that end at the gateway, whose PUBREL has not come; of more than
   * `remainingIdentifiers` the last ones are kept.
   */
  readonly received: readonly number[];
  /**
   * What the device is subscribed to, as `encodeSubscriptions` writes it; `unknownSubscriptions` forgets it. In a change
   * absent: as it was; in what is kept absent: not known.
   */
  readonly subscriptions?: string;
  /** Wall clock, milliseconds: when a session expiry that the gateway emulates is due. Absent: the broker minds it. */
  readonly expiresAtMs?: number;
}

/** Packet identifiers kept per client ID. */
export const remainingIdentifiers = 1_000;
/** Brokers known per client ID that may still hold an old session of it; of more the last ones. */
export const formerBrokers = 4;

export interface TokenWish {
  readonly broker: string;
  /** Whose CONNECT it is for; empty when the device sent none. */
  readonly clientId: string;
  /** The broker has answered a CONNECT of the client ID just now, and this is for another one. */
  readonly hasConnected?: boolean;
}

export interface ClaimRequest {
  /** Empty when the device sent none: then only the connect rate is asked, and there is no epoch to lose. */
  readonly clientId: string;
  /** This worker's own number for the connection; comes back in `endLeg`. */
  readonly connection: number;
  readonly intent: SessionIntent;
  /** The broker that the plan wants (`desired`). */
  readonly desired: string;
  /**
   * The cohort's brokers, given when a cohort (not an override) decided on `desired`, whichever of the two it is: the
   * device goes to \`source\` when it is known that \`target\` cannot carry it.
   */
  readonly fallback?: Fallback;
}

export interface Fallback {
  readonly target: string;
  readonly source: string;
}

export type ClaimAnswer =
  | {
      readonly granted: true;
      /** Grows with every claim of a client ID; a leg with an older epoch never dials again. */
      readonly epoch: number;
      /** Where the session goes: its home when it resumes and has one, else `desired`. */
      readonly broker: string;
      /** A home is recorded for the client ID: a clean session that attaches ends it. */
      readonly hasHome: boolean;
      /** True when an older leg of this client ID was live and was ended for this one. */
      readonly tookOver: boolean;
      /** Other brokers that may hold a session of the client ID, from before it moved: to be purged there. Absent: none. */
      readonly former?: readonly string[];
      /** `broker` may hold a session from before this one moved away: to be begun anew there, never resumed. */
      readonly isStale?: true;
      /** Why the device is on its cohort's source, and stays there whatever the plan wants: a reconnect moves nothing. */
      readonly heldBack?: Obstacle;
      /** Given to a CONNECT that takes a session up, when something is kept of it. */
      readonly remains?: {
        /** Empty unless the session goes to the broker where the exchanges were begun. */
        readonly received: readonly number[];
        /** Absent where they are not known, or are another broker's. */
        readonly subscriptions?: string;
        /** The emulated session expiry has run out: the session is over, though a broker may still hold it. */
        readonly expired: boolean;
      };
    }
  /** `rate`: no connect token within brokerAnswerMs. `superseded`: a newer CONNECT of the client ID came while waiting. */
  | { readonly granted: false; readonly reason: 'rate' | 'superseded' };

/** Where a device stands in the plan, kept for what is asked while it is away. */
export interface CohortPlace {
  /** Empty: no cohort decides on it. */
  readonly cohort: string;
  /** 0 ≤ position < 10 000. */
  readonly position: number;
}

export interface AttachedSession {
  readonly clientId: string;
  readonly connection: number;
  readonly epoch: number;
  readonly broker: string;
  /** Something outlives the connection: Clean Session 0, or an expiry above 0. */
  readonly persistent: boolean;
  /** Absent: as it was. */
  readonly place?: CohortPlace;
  /**
   * The broker took up the session whose `subscriptions` the claim was answered with; else what is kept is forgotten.
   * Of no account when the same epoch is attached again.
   */
  readonly keepsSubscriptions?: boolean;
}

export type AdoptedSession = Omit<AttachedSession, 'epoch' | 'keepsSubscriptions'>;

/** What the registry asks of the worker that holds an older leg; resolves when that leg dials no more and is closed. */
export type EndLeg = (connection: number, epoch: number) => Promise<void>;
