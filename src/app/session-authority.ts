import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { HomeStore } from '../session/home-store.ts';
import { type Claim, Ownership, type OwnershipEffect } from '../session/ownership.ts';
import { placeSession } from '../session/placement.ts';
import type { AttachedSession, ClaimAnswer } from '../session/session-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ConnectGates } from './connect-gates.ts';
import type { ControlMessage, WorkerMessage } from './process-messages.ts';

export interface SessionAuthorityDeps {
  readonly clock: Clock;
  readonly homes: HomeStore;
  readonly log: Logger;
  /** Sends to one worker; a worker that is gone is not an error. */
  readonly send: (worker: number, message: ControlMessage) => void;
}

export interface SessionAuthorityOptions {
  readonly takeoverMs: number;
  /** Milliseconds that a claim may wait for a connect token. */
  readonly answerMs: number;
  readonly queueLimit: number;
  /** Connects per second by broker; undefined: no bound. Every configured broker has an entry. */
  readonly rates: Readonly<Record<string, number | undefined>>;
}

interface WaitingClaim {
  readonly claim: Claim;
  readonly epoch: number;
  readonly takeBack: () => void;
}

/** Homes that wait this long at most to be written. */
const homeFlushMs = 20;

/** The session registry of the control process: ownership, homes and connect rates for all workers. */
export class SessionAuthority {
  readonly #deps: SessionAuthorityDeps;
  readonly #options: SessionAuthorityOptions;
  readonly #ownership: Ownership;
  readonly #gates: ConnectGates;
  /** Claims that own their client ID and wait for a connect token, by worker and claim. */
  readonly #waiting = new Map<string, WaitingClaim>();
  #takeoverTimer: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(deps: SessionAuthorityDeps, options: SessionAuthorityOptions) {
    this.#deps = deps;
    this.#options = options;
    // Microseconds since the epoch: above everything an earlier control process can have granted.
    this.#ownership = new Ownership({ takeoverMs: options.takeoverMs, firstEpoch: deps.clock.wallMs() * 1000 });
    this.#gates = new ConnectGates({ rates: options.rates, queueLimit: options.queueLimit, clock: deps.clock });
  }

  handleHello(message: Extract<WorkerMessage, { kind: 'hello' }>): void {
    for (const session of message.sessions) {
      const { clientId, connection, epoch } = session;
      this.#perform(this.#ownership.announce({ worker: message.worker, clientId, connection, epoch }));
      if (session.persistent) this.#noteHome(session);
    }
    for (const { clientId, broker } of message.homes) {
      if (broker === undefined) this.#forgetHome(clientId);
      else this.#noteHome({ clientId, broker });
    }
  }

  handleClaim(worker: number, message: Extract<WorkerMessage, { kind: 'claim' }>): void {
    const claim: Claim = { ...message, worker };
    if (claim.clientId === '') this.#admit(claim, 0, false);
    else this.#perform(this.#ownership.claim(claim, this.#deps.clock.monotonicMs()));
    this.#armTakeover();
  }

  handleWithdraw(worker: number, { claim, clientId }: Extract<WorkerMessage, { kind: 'withdraw' }>): void {
    this.#ownership.withdraw(worker, claim, clientId);
    const waiting = this.#waiting.get(claimKey(worker, claim));
    if (waiting === undefined) return;
    waiting.takeBack();
    this.#waiting.delete(claimKey(worker, claim));
    this.#perform(this.#ownership.legEnded(clientId, waiting.epoch));
  }

  handleToken(worker: number, { claim, broker }: Extract<WorkerMessage, { kind: 'token' }>): void {
    const answer = (granted: boolean) => this.#deps.send(worker, { kind: 'token-answer', claim, granted });
    this.#gates.ask({ broker, deadlineMs: this.#deadlineMs(), answer });
  }

  handleAttached({ session }: Extract<WorkerMessage, { kind: 'attached' }>): void {
    // A leg that lost its client ID no longer speaks for the session.
    if (!this.#ownership.owns(session.clientId, session.epoch)) return;
    if (session.persistent) this.#noteHome(session);
    else this.#forgetHome(session.clientId);
  }

  handleEnded({ clientId, epoch, sessionOver }: Extract<WorkerMessage, { kind: 'ended' }>): void {
    // A leg that lost its client ID no longer speaks for the session.
    if (sessionOver && this.#ownership.owns(clientId, epoch)) this.#forgetHome(clientId);
    this.#perform(this.#ownership.legEnded(clientId, epoch));
  }

  handleLegEnded({ clientId, epoch }: Extract<WorkerMessage, { kind: 'leg-ended' }>): void {
    this.#perform(this.#ownership.legEnded(clientId, epoch));
  }

  workerGone(worker: number): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.claim.worker !== worker) continue;
      waiting.takeBack();
      this.#waiting.delete(key);
    }
    this.#perform(this.#ownership.workerGone(worker));
  }

  homeOf(clientId: string): string | undefined {
    try {
      return this.#deps.homes.homeOf(clientId);
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, 'The homes of persistent sessions cannot be read');
      return undefined;
    }
  }

  close(): void {
    this.#gates.close();
    clearTimeout(this.#takeoverTimer);
    clearTimeout(this.#flushTimer);
    this.#deps.homes.close();
  }

  #perform(effects: readonly OwnershipEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'grant':
          this.#admit(effect.claim, effect.epoch, effect.tookOver);
          break;
        case 'supersede':
          this.#answer(effect.claim, { granted: false, reason: 'superseded' });
          break;
        case 'end-leg':
          this.#endLeg(effect);
          break;
      }
    }
  }

  #endLeg({ leg, clientId, epoch, heir }: Extract<OwnershipEffect, { kind: 'end-leg' }>): void {
    const newBroker = heir === undefined ? {} : { newBroker: this.#place(heir, this.homeOf(heir.clientId)) };
    this.#deps.send(leg.worker, { kind: 'end-leg', clientId, connection: leg.connection, epoch, ...newBroker });
    // A leg that still waits for its token ends here: its worker hears the answer to its claim and closes the device.
    for (const [key, waiting] of this.#waiting) {
      if (waiting.epoch !== epoch || waiting.claim.clientId !== clientId) continue;
      waiting.takeBack();
      this.#waiting.delete(key);
      this.#answer(waiting.claim, { granted: false, reason: 'superseded' });
    }
  }

  #admit(claim: Claim, epoch: number, tookOver: boolean): void {
    const home = claim.clientId === '' ? undefined : this.homeOf(claim.clientId);
    const broker = this.#place(claim, home);
    const key = claimKey(claim.worker, claim.claim);
    let answered = false;
    const takeBack = this.#gates.ask({
      broker,
      deadlineMs: this.#deadlineMs(),
      answer: (granted) => {
        answered = true;
        this.#waiting.delete(key);
        if (granted) this.#answer(claim, { granted: true, epoch, broker, hasHome: home !== undefined, tookOver });
        else this.#refuse(claim, epoch);
      },
    });
    if (!answered) this.#waiting.set(key, { claim, epoch, takeBack });
  }

  #refuse(claim: Claim, epoch: number): void {
    this.#answer(claim, { granted: false, reason: 'rate' });
    if (claim.clientId !== '') this.#perform(this.#ownership.legEnded(claim.clientId, epoch));
  }

  #answer(claim: Claim, answer: ClaimAnswer): void {
    this.#deps.send(claim.worker, { kind: 'answer', claim: claim.claim, answer });
  }

  #place({ intent, desired }: Claim, home: string | undefined): string {
    return placeSession({ intent, desired, home, homeIsKnown: home !== undefined && home in this.#options.rates });
  }

  #deadlineMs(): number {
    return this.#deps.clock.monotonicMs() + this.#options.answerMs;
  }

  #armTakeover(): void {
    const deadlineMs = this.#ownership.nextDeadlineMs();
    if (this.#takeoverTimer !== undefined || deadlineMs === undefined) return;
    const waitMs = Math.max(1, deadlineMs - this.#deps.clock.monotonicMs());
    this.#takeoverTimer = setTimeout(() => {
      this.#takeoverTimer = undefined;
      this.#perform(this.#ownership.tick(this.#deps.clock.monotonicMs()));
      this.#armTakeover();
    }, waitMs);
  }

  #noteHome({ clientId, broker }: Pick<AttachedSession, 'clientId' | 'broker'>): void {
    this.#withHomes((homes) => homes.record(clientId, broker));
  }

  #forgetHome(clientId: string): void {
    if (clientId !== '') this.#withHomes((homes) => homes.forget(clientId));
  }

  #withHomes(change: (homes: HomeStore) => void): void {
    try {
      change(this.#deps.homes);
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, 'The home of a persistent session could not be recorded');
    }
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      try {
        this.#deps.homes.flush();
      } catch (error) {
        this.#deps.log.error(
          { error: errorMessage(error) },
          'The homes of persistent sessions could not be written; they are kept in memory',
        );
      }
    }, homeFlushMs);
  }
}

function claimKey(worker: number, claim: number): string {
  return `${worker}:${claim}`;
}
