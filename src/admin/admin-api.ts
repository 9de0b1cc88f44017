import type { AssignmentReason } from '../plan/assignment.ts';
import type { DeviceKeyKind } from '../plan/device-key.ts';
import type { Plan } from '../plan/plan.ts';
import type { BridgeRuleState, BridgeSummary } from './bridge-documents.ts';
import type { CohortInterlock } from './interlock-document.ts';
import type { AliasStatus, SiteStatus, ZoneStatus } from './nameserver-documents.ts';

/** Times in documents are RFC 3339 texts in UTC (`2026-03-01T12:00:00.000Z`); absent values are null, never missing. */
export type Timestamp = string;

/** `GET /v1/status`; the figures are of all workers together (contract section 4). */
export interface StatusDocument {
  readonly revision: number;
  readonly frozen: boolean;
  /** Who froze, why and until when; null when nothing is frozen. */
  readonly freeze: FreezeDocument | null;
  readonly brokers: Readonly<Record<string, BrokerStatus>>;
  readonly cohorts: readonly CohortStatus[];
  readonly listeners: readonly ListenerStatus[];
  /** Bound addresses, `host:port`; empty when the nameserver is not configured. */
  readonly nameserver: readonly string[];
  readonly sites: readonly SiteStatus[];
  readonly zones: readonly ZoneStatus[];
  readonly aliases: readonly AliasStatus[];
  readonly workers: readonly WorkerStatus[];
  /** Null: the configuration has no rules for a bridge. */
  readonly bridge: BridgeSummary | null;
}

/** `POST /v1/freeze`: no cutover starts and none goes on; rollbacks do. */
export interface FreezeDocument {
  readonly author: string;
  readonly reason: string;
  readonly at: Timestamp;
  /** Null: until somebody lifts it. */
  readonly until: Timestamp | null;
}

export interface BrokerStatus {
  readonly profile: string;
  /** Live device sessions. */
  readonly sessions: number;
  /** Further connections of live sessions: under way, prepared, or warm for the way back. */
  readonly secondLegs: number;
  /** It was never asked, or has answered since it was last found silent or unreachable. */
  readonly connected: boolean;
  /** `unsure`: some worker has heard from it and another has not, or nobody has asked it for a while. */
  readonly state: BrokerState;
}

export type BrokerState = 'up' | 'unsure' | 'down';

export interface CohortStatus {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  /** 0 to 10 000, hundredths of a per cent of this cohort. */
  readonly weightBps: number;
  /** Live sessions on either broker; `moving`: those that are not where the plan wants them, for whatever reason. */
  readonly sessions: { readonly source: number; readonly target: number; readonly moving: number };
  /**
   * Second connections of live sessions. `underWay`: handovers that have begun and not switched. `prepared`: they stand by
   * for a weight that is to come. `warm`: the session came from there, and they stand by for the way back.
   */
  readonly handovers: { readonly underWay: number; readonly prepared: number; readonly warm: number };
  /** Devices known to do what the target cannot carry: they stay on the source, whatever the weight. */
  readonly heldBack: number;
}

export interface ListenerStatus {
  readonly name: string;
  /** The bound `host:port`. */
  readonly address: string;
}

export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number;
  /** The last revision that it acknowledged. */
  readonly revision: number;
  readonly connections: number;
  readonly sessions: number;
}

/** `GET /v1/plan`: the plan and the revision it is; `PUT /v1/plan` takes it back, with an optional `reason`. */
export interface PlanDocument extends Plan {
  readonly revision: number;
}

/** An entry of `GET /v1/plan/revisions`, and `GET /v1/plan/revisions/N`. */
export interface RevisionDocument {
  readonly revision: number;
  readonly at: Timestamp;
  readonly author: string;
  readonly reason: string;
  readonly plan: Plan;
}

/** The answer to an accepted cutover or rollback; of a preparation the revision that stands, it makes none. */
export interface MoveAccepted {
  readonly revision: number;
  readonly move: { readonly id: string };
  /** What an operator should know of the bridge; absent without any. */
  readonly warnings?: readonly string[] | undefined;
}

/** The answer to a cutover or rollback with `dryRun`: what it would find now. Nothing was changed. */
export interface DryRunDocument {
  readonly revision: null;
  readonly dryRun: DryRun;
}

export interface DryRun {
  /** Live sessions that would move. */
  readonly live: number;
  /** Of those: with a second connection that stands by, so that they move at once. */
  readonly warm: number;
  /** Of those: without one. */
  readonly cold: number;
  readonly pending: PendingSessions;
  /** Sessions that would stay, with the reason; bounded like those of a move. */
  readonly refused: readonly { readonly clientId: string; readonly reason: string }[];
  readonly pacePerSecond: number;
  /** What the cohort's devices would lose at the target; absent where nobody is taken there, or nothing is known of other ends. */
  readonly interlock?: CohortInterlock | undefined;
  /** From the first session to the last, by the pace, the quotas, and what a cut waits for its subscriptions; on one decimal. */
  readonly estimatedSeconds: number;
  /** By broker that sessions would go to; without live ones, that the weights point to. Null: no bound is known. */
  readonly quotas: Readonly<
    Record<
      string,
      {
        readonly connectsPerSecond: number | null;
        readonly filtersPerSecond: number | null;
        /** Topic filters of those sessions that the broker would be asked for; 0 where no bound is known. */
        readonly filters: number;
      }
    >
  >;
}

/** Sessions that neither move nor fail: they follow later by themselves. */
export interface PendingSessions {
  /**
   * Persistent sessions of the cohorts that the weight would move and whose devices are away. An estimate: the recorded
   * homes that are elsewhere, less the live ones among them; cohort and position as when the device was last connected.
   */
  readonly offline: number;
  /** Persistent sessions whose subscriptions the gateway does not know. */
  readonly unknownSubscriptions: number;
  /** Sessions whose devices stopped in the middle of a packet: they move once the rest has come. */
  readonly asleep: number;
  /** Sessions whose device the broker that they are to go to does not know yet. */
  readonly unregistered: number;
  /** The live ones of them, with the reason; bounded like those that are refused. */
  readonly listed: readonly { readonly clientId: string; readonly reason: string }[];
}

export type MoveState = 'running' | 'paused' | 'done' | 'failed' | 'aborted' | 'superseded';

/**
 * How live sessions follow the plan: their broker changes underneath, they are closed in order so that they come back, or
 * they are left where they are.
 */
export type LiveMode = 'handover' | 'reconnect' | 'keep';

export const liveModes = ['handover', 'reconnect', 'keep'] as const satisfies readonly LiveMode[];

/** What a cutover or rollback does to live sessions unless it says otherwise. */
export const defaultLiveMode: LiveMode = 'handover';

/** `GET /v1/moves` and `GET /v1/moves/ID`. `done`: every live session is where the plan says, or listed with its reason. */
export interface MoveDocument {
  readonly id: string;
  readonly state: MoveState;
  readonly kind: 'cutover' | 'rollback';
  readonly cohorts: readonly string[];
  /** Brokers that its sessions go to. */
  readonly destinations: readonly string[];
  readonly revision: number;
  readonly author: string;
  readonly reason: string;
  readonly live: LiveMode;
  /** It makes second connections for a weight that is to come, and moves nothing. */
  readonly prepareOnly: boolean;
  /** Sessions per second. */
  readonly pacePerSecond: number;
  readonly eligible: number;
  readonly moved: number;
  /** Sessions whose second connection stands by, and those whose handover is under way. */
  readonly prepared: number;
  readonly underWay: number;
  /** Attempts that were given up; their sessions stay where they are and are tried again. */
  readonly aborted: number;
  readonly pending: PendingSessions;
  readonly refused: readonly { readonly clientId: string; readonly reason: string }[];
  /** Refused sessions, those beyond the listed ones included. */
  readonly refusedTotal: number;
  readonly startedAt: Timestamp;
  readonly finishedAt: Timestamp | null;
  /** Until now while the move runs. */
  readonly durationMs: number;
  /** Why it failed, is paused, waits or was ended, and of one that is done what it has not seen to move, or what does not stand by any more; null otherwise. */
  readonly message: string | null;
}

/** `GET /v1/where`, and `crossfade where --json`. */
export interface WhereDocument {
  /** The value that the question named the device by. */
  readonly device: string;
  readonly kind: DeviceKeyKind | null;
  readonly key: string | null;
  readonly position: number | null;
  readonly cohort: string | null;
  readonly weightBps: number | null;
  readonly broker: string;
  readonly reason: AssignmentReason;
  readonly revision: number;
  /** The broker that holds its session, null: none that is known. Absent unless the question asked for it. */
  readonly home?: string | null | undefined;
  /** Whether its device is connected, null: some worker did not say. Absent like `home`. */
  readonly connected?: boolean | null | undefined;
}

/** An entry of `GET /v1/sessions`. */
export interface SessionDocument {
  readonly clientId: string;
  /** `kind:key`, or null when the device has no key. */
  readonly key: string | null;
  readonly cohort: string | null;
  /** Where the session is. */
  readonly home: string;
  /** Where the plan wants it. */
  readonly desired: string;
  /** Why it is not there; null where it is. */
  readonly reason: string | null;
  readonly protocol: '3.1' | '3.1.1' | '5';
  readonly persistent: boolean;
  /** Unacknowledged QoS 1 and 2 exchanges, both directions. */
  readonly inFlight: number;
  readonly since: Timestamp;
  readonly listener: string;
  readonly worker: number;
}

/** One wrong field of a request: where it is (`weightBps`, `cohorts[0].match`), what was expected and what came. */
export interface FieldProblem {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** An RFC 9457 problem document, the body of every error. */
export interface Problem {
  /** `urn:crossfade:problem:…`; stable, for scripts. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** On 400: every wrong field. */
  readonly errors?: readonly FieldProblem[];
  /** On 412: the revision that stands. */
  readonly latestRevision?: number;
  /** Of a cutover that would part devices from their other ends. */
  readonly interlock?: CohortInterlock;
}

/** What `GET /v1/events` carries: the SSE `event` is `type`, its `data` the JSON of `data`. */
export type AdminEvent =
  | { readonly type: 'revision'; readonly data: Omit<RevisionDocument, 'plan'> }
  | { readonly type: 'move'; readonly data: MoveDocument }
  | { readonly type: 'freeze'; readonly data: FreezeDocument | null }
  | { readonly type: 'broker'; readonly data: { readonly name: string; readonly connected: boolean } }
  | { readonly type: 'site'; readonly data: { readonly name: string; readonly health: SiteStatus['health'] } }
  | { readonly type: 'bridge'; readonly data: BridgeRuleChange };

/** A rule of the bridge whose state, wanted members or spool alarm changed: as it is now. */
export interface BridgeRuleChange {
  readonly rule: string;
  readonly state: BridgeRuleState;
  readonly members: number;
  /** In some slot half of the spool is used, or of the time after which what it holds becomes dead letters. */
  readonly spoolAlarm: boolean;
}

/** The body of `POST /v1/cohorts/NAME/cutover`: `weight` ("5%", "500bps") or `weightBps`, one of the two. */
export interface CutoverBody {
  readonly weight?: string;
  readonly weightBps?: number;
  readonly reason?: string;
  readonly pacePerSecond?: number;
  readonly live?: LiveMode;
  /** Makes the second connections for that weight and changes nothing else. */
  readonly prepareOnly?: boolean;
  /** Goes on where devices would lose the other end of topics; kept with the revision. */
  readonly unbridgedOk?: boolean;
  readonly dryRun?: boolean;
}

/** The body of `POST /v1/freeze`; `for` as "4h", "30m", "2d". */
export interface FreezeBody {
  readonly for?: string;
  readonly reason: string;
}

/** The body of both rollbacks: at most one of `to` ("5%"), `toBps` and `revision`; none means weight 0. */
export interface RollbackBody {
  readonly to?: string;
  readonly toBps?: number;
  readonly revision?: number;
  readonly reason?: string;
  readonly pacePerSecond?: number;
  readonly live?: LiveMode;
  readonly dryRun?: boolean;
}

/** The body of `PUT /v1/plan`; unchecked here, the backend parses the plan. */
export type PlanBody = Plan & { readonly revision?: number; readonly reason?: string };

/** The parameters of `GET /v1/where`; at least one. `device` is a value of the first kind of `fleet.identity`. */
export interface WhereQuery {
  readonly device?: string;
  readonly clientId?: string;
  readonly username?: string;
  readonly commonName?: string;
  /** SHA-256 of the DER certificate, hex. */
  readonly fingerprint?: string;
  readonly serialNumber?: string;
  readonly organizationalUnit?: string;
  readonly issuerCommonName?: string;
  /** Also asks the workers where its session is. */
  readonly home?: boolean;
}

/** The parameters of `GET /v1/sessions`. */
export interface SessionQuery {
  readonly broker?: string;
  readonly cohort?: string;
  readonly clientId?: string;
  /** Only sessions that are not where the plan wants them. */
  readonly pending?: boolean;
  /** 1 to 1000; 100 when absent. */
  readonly limit?: number;
}
