import type { Configuration } from '../config/configuration.ts';
import type { BrokerLife } from '../gateway/endpoint-watch.ts';
import type { HandoverQuestion, LiveSession, SessionCounts, SessionFilter } from '../gateway/live-session.ts';
import type { CohortTerms } from '../plan/cohort-terms.ts';
import type { Plan } from '../plan/plan.ts';
import type { AssessmentNote } from '../session/assessment-store.ts';
import type { ReportedTopic } from '../session/observed-topics.ts';
import type { ClaimAnswer, CohortPlace, Fallback, SessionIntent, SessionRemains } from '../session/session-registry.ts';
import type { BridgeOverlap } from './bridge-overlap.ts';
import type { GatewayMaterials, ZoneReload } from './gateway-materials.ts';
import type { SteeringNotes } from './served-names.ts';

/** The admin address's name among the bound ports. No listener can have it: names hold no parentheses. */
export const adminPortName = '(admin)';

/** The same of an address of the nameserver, by its place in `nameserver.bind`. */
export function nameserverPortName(index: number): string {
  return `(nameserver ${index})`;
}

export type ProcessRole =
  | { readonly kind: 'control' }
  | { readonly kind: 'worker'; readonly worker: number }
  | { readonly kind: 'bridge' };

/** What the gateway's own process of the bridge says of itself; its slots are on the bridge's board. */
export interface BridgeNews {
  /** Its name on the board; absent: it is not at work. */
  readonly process?: string;
  /** Why it is not. */
  readonly problem?: string;
}

/** Supervisor → child, over the fork's own channel. */
export type SupervisorMessage =
  | {
      readonly kind: 'start';
      readonly role: ProcessRole;
      readonly configuration: Configuration;
      /** The content of every file, read once by the supervisor for all its processes. */
      readonly materials: GatewayMaterials;
      /** Ticket secrets by listener: the configured one, or the one made at this start. */
      readonly ticketSecrets: Readonly<Record<string, string>>;
      /** Of DNS cookies: those configured, or one made at this start. */
      readonly cookieSecrets: readonly string[];
      readonly linkPath: string;
      /** The last plan in force that the supervisor heard of; absent at the first start. */
      readonly snapshot?: SnapshotSource;
      /** As `snapshot`, of sites and aliases. */
      readonly steering?: SteeringNotes;
      /** As `snapshot`, for the control process. */
      readonly bridge?: BridgeNews;
      /** Ports already bound in this run, by listener name (and the admin's): a restarted process takes them again. */
      readonly ports: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'reload'; readonly reload: number; readonly materials: GatewayMaterials }
  /** To the control process: what became of the zones that it asked to be read. */
  | { readonly kind: 'zones-read'; readonly request: number; readonly zones: readonly ZoneReload[] }
  /** To the control process. */
  | { readonly kind: 'bridge'; readonly news: BridgeNews }
  /** Answered by `pong`; a process that stays silent is ended and started again. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'drain'; readonly deadlineMs: number }
  | { readonly kind: 'stop' };

/** Child → supervisor. */
export type ChildMessage =
  /** Every port of this process is bound: `host:port` by listener name, the control process's under `adminPortName`. */
  | {
      readonly kind: 'ready';
      readonly bound: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
    }
  /** It cannot start; the text is for the operator. */
  | { readonly kind: 'failed'; readonly message: string; readonly code: string }
  | { readonly kind: 'drained' }
  /** It got SIGTERM: it wants to be drained and started again. */
  | { readonly kind: 'told-to-end' }
  /** The reload of that number is in force in this process. */
  | { readonly kind: 'reloaded'; readonly reload: number }
  /** From the control process: an operator wants the files read again. Answered by `zones-read`. */
  | { readonly kind: 'read-zones'; readonly request: number }
  | { readonly kind: 'pong' }
  /** From the control process: the plan in force, for workers that start while it is away. */
  | { readonly kind: 'snapshot'; readonly source: SnapshotSource }
  | { readonly kind: 'steering'; readonly notes: SteeringNotes }
  /** From the process of the bridge. */
  | { readonly kind: 'bridge'; readonly news: BridgeNews };

/** What a worker needs to build its routing snapshot. */
export interface SnapshotSource {
  readonly revision: number;
  readonly plan: Plan;
  /** Content of the `clientIdsFile` files, by the path that the plan names. */
  readonly includes: Readonly<Record<string, string>>;
}

/** One session as a worker announces it to a control process that may not know it. */
export interface SessionAnnouncement {
  readonly clientId: string;
  readonly connection: number;
  readonly epoch: number;
  readonly broker: string;
  readonly persistent: boolean;
}

/**
 * A home that changed, or what is kept with it; without a broker: forgotten. Without `remains` nothing is kept of the
 * session, without `subscriptions` in them those stay as they were.
 */
export interface HomeChange {
  readonly clientId: string;
  /** Of the leg that made the change: one older than what is recorded changes nothing. */
  readonly epoch: number;
  readonly broker?: string;
  /** Absent: as it was. */
  readonly place?: CohortPlace;
  readonly remains?: SessionRemains;
  /** Brokers that may hold an old session, in place of those that were known; absent: as they were. */
  readonly former?: readonly string[];
}

/** A former broker that no longer holds a session of the client ID. */
export interface Purge {
  readonly clientId: string;
  readonly broker: string;
}

/**
 * What a broker takes only so much of a second, of all workers together: topic filters that live sessions are subscribed to,
 * and first contacts, each of which may cost a registration.
 */
export type BoundName = 'filters' | 'registrations';

/** Counts what one worker changed: the control process says up to which number all is on disk. */
export type Numbered<Change> = Change & { readonly number: number };

/** A metric family as `Registry.getMetricsAsJSON` gives it: plain data, added up by the control process. */
export type MetricFamilies = readonly unknown[];

/** Worker → control, over the control link. */
export type WorkerMessage =
  | {
      readonly kind: 'hello';
      readonly worker: number;
      readonly pid: number;
      readonly sessions: readonly SessionAnnouncement[];
      /** What the control process has not said to be on disk. */
      readonly homes: readonly Numbered<HomeChange>[];
      readonly purges: readonly Numbered<Purge>[];
    }
  | {
      readonly kind: 'claim';
      readonly claim: number;
      readonly clientId: string;
      readonly connection: number;
      readonly intent: SessionIntent;
      readonly desired: string;
      readonly fallback?: Fallback;
      readonly adopts?: boolean;
    }
  /** Answered like the claim itself, if that was not answered before. */
  | { readonly kind: 'withdraw'; readonly claim: number; readonly clientId: string }
  | { readonly kind: 'withdraw-token'; readonly claim: number }
  | {
      readonly kind: 'token';
      readonly claim: number;
      readonly broker: string;
      readonly clientId: string;
      /** Milliseconds since the client ID's last CONNECT was answered, where the broker limits them. */
      readonly connectedMsAgo?: number;
    }
  /** Answered by `bound-granted`, however long that takes. */
  | {
      readonly kind: 'bound-wish';
      readonly bound: BoundName;
      readonly claim: number;
      readonly broker: string;
      readonly amount: number;
    }
  | { readonly kind: 'bound-withdraw'; readonly bound: BoundName; readonly claim: number }
  /** What was used without a token; below 0: given back. */
  | { readonly kind: 'bound-spent'; readonly bound: BoundName; readonly broker: string; readonly amount: number }
  | { readonly kind: 'home'; readonly home: Numbered<HomeChange> }
  | ({ readonly kind: 'purged' } & Numbered<Purge>)
  | {
      readonly kind: 'ended';
      readonly clientId: string;
      readonly epoch: number;
      readonly home?: Numbered<HomeChange>;
      /** Given where that is news to the control process, which knows when it granted a token and not when it was used. */
      readonly connected?: { readonly broker: string; readonly msAgo: number };
    }
  /** What sessions told of their cohorts' targets since the last one. */
  | {
      readonly kind: 'assessments';
      readonly notes: readonly AssessmentNote[];
      /** Notes that found no room while the control process was away. */
      readonly dropped: number;
    }
  /** What devices use, as far as it changed since the last one; all of it behind a `hello`. */
  | { readonly kind: 'topics'; readonly topics: readonly ReportedTopic[] }
  /** The answer to `end-leg`. */
  | { readonly kind: 'leg-ended'; readonly clientId: string; readonly epoch: number }
  /** The answer to `end-parked`. */
  | { readonly kind: 'parked-ended'; readonly clientId: string; readonly connection: number }
  | { readonly kind: 'revision'; readonly revision: number }
  | { readonly kind: 'figures'; readonly figures: WorkerFigures }
  | { readonly kind: 'reply'; readonly request: number; readonly value: unknown };

export interface WorkerFigures {
  readonly counts: SessionCounts;
  readonly metrics: MetricFamilies;
  /** By broker; times are milliseconds since the Unix epoch, so that those of several workers compare. */
  readonly brokerLives: Readonly<Record<string, BrokerLife>>;
  /** Bound ports by listener name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Control → worker, over the control link. */
export type ControlMessage =
  | { readonly kind: 'snapshot'; readonly source: SnapshotSource }
  | { readonly kind: 'steering'; readonly notes: SteeringNotes }
  /** What is not among them takes the configured overlap. */
  | { readonly kind: 'bridge-overlaps'; readonly overlaps: readonly BridgeOverlap[] }
  | { readonly kind: 'answer'; readonly claim: number; readonly answer: ClaimAnswer }
  /** Shows that the control process is alive; the first one says that it listens. */
  | { readonly kind: 'beat' }
  /** What the worker changed of homes is on disk, up to this number. */
  | { readonly kind: 'homes-noted'; readonly upTo: number }
  | { readonly kind: 'token-answer'; readonly claim: number; readonly granted: boolean }
  | { readonly kind: 'bound-granted'; readonly bound: BoundName; readonly claim: number }
  | {
      readonly kind: 'end-leg';
      readonly clientId: string;
      readonly connection: number;
      readonly epoch: number;
      /** Where the newer session goes; absent when the older leg simply has to go. */
      readonly newBroker?: string;
    }
  /** An upstream leg that was left to its broker's takeover is to be closed: the client ID goes elsewhere. */
  | { readonly kind: 'end-parked'; readonly clientId: string; readonly connection: number }
  /** What an operator told of a live session; `subscriptions` as text of `encodeSubscriptions`. */
  | { readonly kind: 'learn'; readonly connection: number; readonly epoch: number; readonly subscriptions: string }
  | { readonly kind: 'request'; readonly request: number; readonly question: WorkerQuestion };

export type WorkerQuestion =
  | { readonly kind: 'figures' }
  | {
      readonly kind: 'sessions';
      readonly filter: SessionFilter;
    }
  | {
      readonly kind: 'reconnect';
      readonly cohorts: readonly string[];
      readonly limit: number;
      /** `last-first`: the highest positions first, as a rollback wants it. */
      readonly order: 'first-first' | 'last-first';
    }
  /** Answered by HandoverReply. */
  | ({ readonly kind: 'handover' } & HandoverQuestion)
  | { readonly kind: 'abort-handovers'; readonly move: string }
  | { readonly kind: 'misplaced-persistent'; readonly placements: readonly CohortTerms[] }
  /** Answered by SeenAskersDocument. */
  | { readonly kind: 'seen-askers' };

/** By cohort: live sessions that outlive their connection and are elsewhere than the question wants them. */
export type PersistentCounts = Readonly<Record<string, number>>;

export interface ReconnectReply {
  /** Live sessions of the cohorts, wherever they are. */
  readonly sessions: number;
  /** Sessions closed orderly by this call. */
  readonly closed: number;
  /** Sessions that still have to go. */
  readonly remaining: number;
  /** Those of the remaining that are closing already. */
  readonly closing: number;
  /** Sessions of the cohorts that are not closed because a reconnect would bring them back to where they are. */
  readonly staying: readonly { readonly clientId: string; readonly reason: string }[];
}

export type SessionsReply = readonly LiveSession[];
