import type { Clock } from '../base/clock.ts';
import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { HomeStore } from '../session/home-store.ts';
import type {
  AdoptedSession,
  AttachedSession,
  ClaimAnswer,
  ClaimRequest,
  SessionRegistry,
  SessionRemains,
  TokenWish,
} from '../session/session-registry.ts';
import { type ClaimPlacement, placeClaim } from './claim-placement.ts';
import { ConnectShare } from './connect-share.ts';
import type { ControlLink } from './control-link.ts';
import { type HeldLeg, HeldLegs } from './held-legs.ts';
import { homeAtAttach, homeAtChange, homeAtEnd } from './leg-homes.ts';
import type { ControlMessage, SessionAnnouncement, WorkerMessage } from './process-messages.ts';
import { WorkerHomes } from './worker-homes.ts';

export interface LinkedRegistryDeps {
  readonly clock: Clock;
  /** Ends a leg of this worker, for a takeover that no control process can arrange. */
  readonly endLeg: (connection: number, epoch: number, newBroker: string) => Promise<void>;
  /** Opens the homes for reading; may throw. Asked only while the control process is away. */
  readonly openHomes: () => HomeStore;
  /** What this worker can find out of what stands between a device and a target; asked as seldom, and never throws. */
  readonly obstacleOf: (clientId: string, target: string) => Obstacle | undefined;
}

export interface LinkedRegistryOptions {
  /** Connects per second by broker, for all workers together. */
  readonly rates: Readonly<Record<string, number | undefined>>;
  /** Connects per second of one client ID, by broker. */
  readonly clientRates?: Readonly<Record<string, number>>;
  /** This worker's number, 0 to workers − 1. */
  readonly worker: number;
  readonly workers: number;
  readonly queueLimit: number;
  readonly answerMs: number;
}

/** The worker's end of the control link. */
export type ControlLinkEnd = Pick<ControlLink<WorkerMessage>, 'send' | 'post'>;

/** A claim on its way: at the control process, or waiting here while that is away. */
interface PendingClaim {
  readonly request: ClaimRequest;
  readonly adopts: boolean;
  readonly settle: (answer: ClaimAnswer) => void;
  isSettled: boolean;
  /** Its number at the control process; undefined while it is decided here. */
  remoteClaim: number | undefined;
  /** Takes it out of the local gate that it waits at. */
  takeBack: (() => void) | undefined;
}

type EndedMessage = Extract<WorkerMessage, { kind: 'ended' }>;

const refused: ClaimAnswer = { granted: false, reason: 'superseded' };

/**
 * A worker's view of the session registry. With a control link it asks the control process; without one it serves on with
 * what it knows: its own legs, the homes file, and its even share of each broker's connect rate. Another worker's older
 * leg of the same client ID is then ended by the broker's own takeover, because every worker has the same snapshot, and
 * by the control process as soon as it is back and sees both announced.
 */
export class LinkedRegistry implements SessionRegistry {
  readonly #deps: LinkedRegistryDeps;
  readonly #options: LinkedRegistryOptions;
  readonly #share: ConnectShare;
  readonly #held = new HeldLegs();
  /** Claims at the control process, by number. */
  readonly #claims = new Map<number, PendingClaim>();
  /** Claims that are decided here. */
  readonly #localClaims = new Set<PendingClaim>();
  /** Claims whose device went away before the answer: a grant that still comes is handed back. */
  readonly #withdrawn = new Map<number, string>();
  readonly #tokens = new Map<number, (granted: boolean) => void>();
  readonly #homes: WorkerHomes;
  #link: ControlLinkEnd | undefined;
  #nextClaim = 1;

  constructor(deps: LinkedRegistryDeps, options: LinkedRegistryOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#homes = new WorkerHomes(deps.openHomes);
    this.#share = new ConnectShare(options, deps.clock);
  }

  /** Every leg that this worker holds, for the control process's `hello`. */
  announcements(): readonly SessionAnnouncement[] {
    return this.#held.announcements();
  }

  /** What the control process has not said to be on disk, for its `hello`. */
  homeChanges(): ReturnType<WorkerHomes['changes']> {
    return this.#homes.changes();
  }

  /** The control process is there: what waits here is asked there, so that one gate and one registry decide. */
  linkUp(link: ControlLinkEnd): void {
    this.#link = link;
    this.#homes.close();
    for (const pending of [...this.#localClaims]) {
      // One that waits for an older leg of this worker to end finds the link itself.
      if (pending.takeBack === undefined) continue;
      pending.takeBack();
      this.#route(pending);
    }
    this.#refuseTokens();
    this.#share.close();
  }

  /** The control process is gone: what it had not answered is decided here. */
  linkDown(): void {
    this.#link = undefined;
    this.#withdrawn.clear();
    const claims = [...this.#claims.values()];
    this.#claims.clear();
    for (const pending of claims) this.#route(pending);
    this.#refuseTokens();
  }

  /** What changed of homes is on disk, up to this number. */
  homesNoted(upTo: number): void {
    this.#homes.noted(upTo);
  }

  handleAnswer(message: Extract<ControlMessage, { kind: 'answer' | 'token-answer' }>): void {
    if (message.kind === 'token-answer') {
      this.#tokens.get(message.claim)?.(message.granted);
      this.#tokens.delete(message.claim);
      return;
    }
    const { claim, answer } = message;
    const pending = this.#claims.get(claim);
    this.#claims.delete(claim);
    const withdrawnClientId = this.#withdrawn.get(claim);
    this.#withdrawn.delete(claim);
    if (pending !== undefined) {
      this.#held.hold(pending.request, answer);
      this.#settle(pending, answer);
    } else if (withdrawnClientId !== undefined && answer.granted) {
      this.#link?.send({ kind: 'ended', clientId: withdrawnClientId, epoch: answer.epoch });
    }
  }

  claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimAnswer> {
    if (signal.aborted) return Promise.resolve(refused);
    return new Promise((resolve) => {
      const withdraw = () => this.#withdraw(pending);
      const pending: PendingClaim = {
        request,
        settle: (answer) => {
          signal.removeEventListener('abort', withdraw);
          resolve(answer);
        },
        adopts: false,
        isSettled: false,
        remoteClaim: undefined,
        takeBack: undefined,
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#route(pending);
    });
  }

  async adopt(session: AdoptedSession): Promise<number> {
    const { clientId, connection, broker } = session;
    const request: ClaimRequest = { clientId, connection, intent: 'resume', desired: broker };
    const answer = await new Promise<ClaimAnswer>((settle) => {
      this.#route({ request, settle, adopts: true, isSettled: false, remoteClaim: undefined, takeBack: undefined });
    });
    if (!answer.granted) {
      // A newer connection has the client ID already.
      await this.#deps.endLeg(connection, Number.MAX_SAFE_INTEGER, broker);
      return 0;
    }
    this.attached({ ...session, epoch: answer.epoch });
    return answer.epoch;
  }

  connectToken({ broker, clientId, hasConnected }: TokenWish, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    const claim = this.#nextClaim++;
    const answeredMs = hasConnected === true ? this.#deps.clock.monotonicMs() : this.#held.of(clientId)?.answeredMs;
    return new Promise((resolve) => {
      let takeBack: () => void = () => this.#link?.send({ kind: 'withdraw-token', claim });
      const settle = (granted: boolean) => {
        signal.removeEventListener('abort', abort);
        this.#tokens.delete(claim);
        if (granted) this.#held.connects(clientId, broker);
        resolve(granted);
      };
      const abort = () => {
        takeBack();
        settle(false);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#tokens.set(claim, settle);
      const connectedMsAgo = this.#connectedMsAgo(broker, answeredMs);
      const news = connectedMsAgo === undefined ? {} : { connectedMsAgo };
      if (this.#link !== undefined) this.#link.send({ kind: 'token', claim, broker, clientId, ...news });
      else {
        if (answeredMs !== undefined) this.#share.noteConnect({ broker, clientId }, answeredMs);
        takeBack = this.#share.ask({ broker, clientId }, settle);
      }
    });
  }

  attached(session: AttachedSession): void {
    const before = this.#held.owner(session.clientId, session.epoch);
    const after = this.#held.attach(session, this.#deps.clock.monotonicMs());
    if (before === undefined || after === undefined) return;
    const change = homeAtAttach({ before, after }, session);
    const home = change && this.#homes.note(change);
    if (home !== undefined) this.#link?.send({ kind: 'home', home });
  }

  remember(clientId: string, epoch: number, subscriptions: string): void {
    const change = homeAtChange(this.#held.owner(clientId, epoch), subscriptions);
    const home = change && this.#homes.note(change);
    if (home !== undefined) this.#link?.post({ kind: 'home', home });
  }

  purged(clientId: string, broker: string): void {
    if (clientId === '') return;
    this.#held.purged(clientId, broker);
    const purge = this.#homes.purge({ clientId, broker });
    this.#link?.post({ kind: 'purged', ...purge });
  }

  ended(clientId: string, epoch: number, sessionOver: boolean, remains?: SessionRemains): void {
    const leg = this.#held.owner(clientId, epoch);
    this.#held.drop(clientId, epoch);
    const change = homeAtEnd(leg, { sessionOver, remains });
    const home = change && this.#homes.note(change);
    // Nobody waits for this: a device takes longer to come back than it is held.
    const rest = { ...(home !== undefined && { home }), ...(leg !== undefined && this.#lastConnect(leg)) };
    if (clientId !== '') this.#link?.post({ kind: 'ended', clientId, epoch, ...rest });
  }

  close(): void {
    this.#share.close();
    this.#homes.close();
  }

  /** What the pace of the leg's broker has to know of it when it ends. */
  #lastConnect({ broker, clientId, answeredMs }: HeldLeg): Pick<EndedMessage, 'connected'> {
    const nowMs = this.#deps.clock.monotonicMs();
    const msAgo = this.#connectedMsAgo(broker, answeredMs ?? nowMs);
    if (msAgo === undefined) return {};
    if (this.#link === undefined) this.#share.noteConnect({ broker, clientId }, nowMs - msAgo);
    return { connected: { broker, msAgo } };
  }

  /** Undefined: nobody waits for that any more, or never did. */
  #connectedMsAgo(broker: string, answeredMs: number | undefined): number | undefined {
    const rate = this.#options.clientRates?.[broker];
    if (rate === undefined || answeredMs === undefined) return undefined;
    const msAgo = this.#deps.clock.monotonicMs() - answeredMs;
    return msAgo * rate < 1_000 ? msAgo : undefined;
  }

  #route(pending: PendingClaim): void {
    pending.takeBack = undefined;
    if (this.#link === undefined) {
      this.#localClaims.add(pending);
      void this.#decide(pending);
      return;
    }
    this.#localClaims.delete(pending);
    const claim = this.#nextClaim++;
    pending.remoteClaim = claim;
    this.#claims.set(claim, pending);
    this.#link.send({ kind: 'claim', claim, ...pending.request, ...(pending.adopts && { adopts: true }) });
  }

  #withdraw(pending: PendingClaim): void {
    const { remoteClaim, request } = pending;
    if (remoteClaim !== undefined && this.#claims.delete(remoteClaim)) {
      if (request.clientId !== '') this.#withdrawn.set(remoteClaim, request.clientId);
      this.#link?.send({ kind: 'withdraw', claim: remoteClaim, clientId: request.clientId });
    }
    pending.takeBack?.();
    this.#settle(pending, refused);
  }

  #settle(pending: PendingClaim, answer: ClaimAnswer): void {
    this.#localClaims.delete(pending);
    pending.isSettled = true;
    pending.settle(answer);
  }

  /** What the control process would decide, with what this worker knows. */
  async #decide(pending: PendingClaim): Promise<void> {
    const { request } = pending;
    let placement = this.#placeLocally(pending);
    const older = this.#held.of(request.clientId);
    if (older !== undefined) {
      await this.#deps.endLeg(older.connection, older.epoch, placement.broker);
      this.#held.drop(request.clientId, older.epoch);
      if (pending.isSettled) return;
      if (this.#link !== undefined) {
        this.#route(pending);
        return;
      }
      // The older leg has just left what remains of its session.
      placement = this.#placeLocally(pending);
    }
    const grant = (granted: boolean) => {
      if (!granted) {
        this.#settle(pending, { granted: false, reason: 'rate' });
        return;
      }
      this.#held.outgrow(this.#homes.epochOf(request.clientId));
      const epoch = this.#held.nextEpoch(this.#deps.clock.wallMs(), this.#options);
      const answer: ClaimAnswer = { granted: true, epoch, tookOver: older !== undefined, ...placement };
      this.#held.hold(request, answer);
      this.#settle(pending, answer);
    };
    if (pending.adopts) grant(true);
    else pending.takeBack = this.#share.ask({ broker: placement.broker, clientId: request.clientId }, grant);
  }

  #refuseTokens(): void {
    for (const answer of [...this.#tokens.values()]) answer(false);
  }

  #placeLocally({ request, adopts }: PendingClaim): ClaimPlacement {
    return placeClaim(
      { ...request, adopts },
      {
        homes: this.#homes,
        obstacleOf: this.#deps.obstacleOf,
        isBroker: (name) => name in this.#options.rates,
        nowMs: this.#deps.clock.wallMs(),
      },
    );
  }
}
