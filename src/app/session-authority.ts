import type { Clock } from '../base/clock.ts';
import type { Obstacle } from '../mqtt/adaptation-kind.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { ImportedDevice, ImportOutcome } from '../session/imported-subscriptions.ts';
import { type Claim, Ownership, type OwnershipEffect } from '../session/ownership.ts';
import { type ParkedLeg, ParkedLegs } from '../session/parked-legs.ts';
import type { ClaimAnswer } from '../session/session-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type ClaimPlacement, placeClaim } from './claim-placement.ts';
import { ConnectGates, type PacedClient } from './connect-gates.ts';
import { HomeLedger } from './home-ledger.ts';
import { learnLive } from './live-learning.ts';
import type { ControlMessage, Numbered, WorkerMessage } from './process-messages.ts';

export interface SessionAuthorityDeps {
  readonly clock: Clock;
  readonly homes: HomeStore;
  /** What is known to stand between a device and a target; never throws. */
  readonly obstacleOf: (clientId: string, target: string) => Obstacle | undefined;
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
  /** Connects per second of one client ID, by broker. */
  readonly clientRates?: Readonly<Record<string, number>>;
}

interface WaitingClaim {
  readonly claim: Claim;
  readonly epoch: number;
  readonly takeBack: () => void;
}

/** A worker cuts a parked leg after five seconds; the rest is for messages on their way. */
const parkedMs = 6_000;

/** The session registry of the control process: ownership, homes and connect rates for all workers. */
export class SessionAuthority {
  readonly #deps: SessionAuthorityDeps;
  readonly #options: SessionAuthorityOptions;
  readonly #ownership: Ownership;
  readonly #gates: ConnectGates;
  readonly #homes: HomeLedger;
  /** Claims that own their client ID and wait for a connect token, by worker and claim. */
  readonly #waiting = new Map<string, WaitingClaim>();
  /** The key in `#waiting` of the claim that owns a client ID and waits. */
  readonly #waitingByClientId = new Map<string, string>();
  readonly #parked = new ParkedLegs(parkedMs);
  /** Claims that wait for parked legs to be closed, by the worker and connection of each. */
  readonly #parkedEnding = new Map<string, () => void>();
  /** By worker: the last change of homes that it is to hear of when all is in the file. */
  readonly #changed = new Map<number, number>();
  /** Further connect tokens that are waited for, by worker and claim. */
  readonly #tokens = new Map<string, () => void>();
  #takeoverTimer: NodeJS.Timeout | undefined;

  constructor(deps: SessionAuthorityDeps, options: SessionAuthorityOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#homes = new HomeLedger(deps.homes, {
      log: deps.log,
      clock: deps.clock,
      onWritten: () => this.#acknowledge(),
    });
    // Microseconds since the epoch: above everything an earlier control process can have granted.
    this.#ownership = new Ownership({ takeoverMs: options.takeoverMs, firstEpoch: deps.clock.wallMs() * 1000 });
    const { rates, clientRates = {}, queueLimit } = options;
    this.#gates = new ConnectGates({ rates, clientRates, queueLimit, clock: deps.clock });
  }

  handleHello(message: Extract<WorkerMessage, { kind: 'hello' }>): void {
    const { worker, sessions, homes, purges } = message;
    this.#changed.delete(worker);
    for (const { clientId, connection, epoch, broker, persistent } of sessions) {
      this.#perform(this.#ownership.announce({ worker, clientId, connection, epoch }));
      if (persistent && this.#ownership.owns(clientId, epoch)) this.#homes.announced(clientId, broker, epoch);
    }
    for (const change of homes) {
      this.#ownership.outgrow(change.epoch);
      this.#homes.apply(change);
    }
    for (const purge of purges) this.#homes.purged(purge);
    this.#noteChanged(worker, [...homes, ...purges]);
    if (homes.length + purges.length > 0) this.#homes.flush();
  }

  handleClaim(worker: number, message: Extract<WorkerMessage, { kind: 'claim' }>): void {
    const claim: Claim = { ...message, worker };
    if (claim.clientId === '') this.#admit(claim, 0, false);
    else {
      this.#ownership.outgrow(this.#homes.epochOf(claim.clientId));
      this.#perform(this.#ownership.claim(claim, this.#deps.clock.monotonicMs()));
    }
    this.#armTakeover();
  }

  handleWithdraw(worker: number, { claim, clientId }: Extract<WorkerMessage, { kind: 'withdraw' }>): void {
    this.#ownership.withdraw(worker, claim, clientId);
    const waiting = this.#takeWaiting(claimKey(worker, claim));
    // Answered in every case: the worker remembers a withdrawn claim until its answer has come.
    this.#deps.send(worker, { kind: 'answer', claim, answer: { granted: false, reason: 'superseded' } });
    if (waiting !== undefined && clientId !== '') this.#perform(this.#ownership.legEnded(clientId, waiting.epoch));
  }

  handleWithdrawToken(worker: number, { claim }: Extract<WorkerMessage, { kind: 'withdraw-token' }>): void {
    this.#tokens.get(claimKey(worker, claim))?.();
    this.#tokens.delete(claimKey(worker, claim));
  }

  handleToken(worker: number, message: Extract<WorkerMessage, { kind: 'token' }>): void {
    const { claim, broker, clientId, connectedMsAgo } = message;
    if (connectedMsAgo !== undefined) this.#noteConnect({ broker, clientId }, connectedMsAgo);
    const key = claimKey(worker, claim);
    let isAnswered = false;
    const answer = (granted: boolean) => {
      isAnswered = true;
      this.#tokens.delete(key);
      this.#deps.send(worker, { kind: 'token-answer', claim, granted });
    };
    const takeBack = this.#gates.ask({ broker, clientId, deadlineMs: this.#deadlineMs(), answer });
    if (!isAnswered) this.#tokens.set(key, takeBack);
  }

  handleHome(worker: number, { home }: Extract<WorkerMessage, { kind: 'home' }>): void {
    // A leg that lost its client ID no longer speaks for the session.
    if (this.#ownership.owns(home.clientId, home.epoch)) this.#homes.apply(home);
    this.#noteChanged(worker, [home]);
  }

  handlePurged(worker: number, message: Extract<WorkerMessage, { kind: 'purged' }>): void {
    this.#homes.purged(message);
    this.#noteChanged(worker, [message]);
  }

  handleEnded(worker: number, message: Extract<WorkerMessage, { kind: 'ended' }>): void {
    const { clientId, epoch, home, connected } = message;
    if (connected !== undefined) this.#noteConnect({ broker: connected.broker, clientId }, connected.msAgo);
    if (home !== undefined) this.handleHome(worker, { kind: 'home', home });
    this.#perform(this.#ownership.legEnded(clientId, epoch));
  }

  handleLegEnded({ clientId, epoch }: Extract<WorkerMessage, { kind: 'leg-ended' }>): void {
    this.#perform(this.#ownership.legEnded(clientId, epoch));
  }

  workerGone(worker: number): void {
    this.#changed.delete(worker);
    for (const [key, { claim }] of this.#waiting) if (claim.worker === worker) this.#takeWaiting(key);
    for (const [key, takeBack] of this.#tokens) {
      if (!key.startsWith(`${worker}:`)) continue;
      takeBack();
      this.#tokens.delete(key);
    }
    this.#perform(this.#ownership.workerGone(worker));
  }

  handleParkedEnded(worker: number, { clientId, connection }: Extract<WorkerMessage, { kind: 'parked-ended' }>): void {
    this.#parked.forget(clientId, { worker, connection });
    this.#parkedEnding.get(claimKey(worker, connection))?.();
  }

  homeOf(clientId: string): string | undefined {
    return this.#homes.homeOf(clientId);
  }

  /** Throws when it cannot be written. */
  learn(importId: string, devices: readonly ImportedDevice[]): readonly ImportOutcome[] {
    const { send } = this.#deps;
    return learnLive({ importId, devices }, { homes: this.#homes, ownership: this.#ownership, send });
  }

  close(): void {
    this.#gates.close();
    clearTimeout(this.#takeoverTimer);
    this.#homes.close();
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
    const newBroker = heir === undefined ? undefined : this.#place(heir).broker;
    const { worker, connection } = leg;
    this.#deps.send(worker, {
      kind: 'end-leg',
      clientId,
      connection,
      epoch,
      ...(newBroker !== undefined && { newBroker }),
    });
    if (newBroker !== undefined) {
      this.#parked.park(clientId, { worker, connection, epoch, broker: newBroker }, this.#deps.clock.monotonicMs());
    }
    // A leg that still waits for its token ends here: its worker hears the answer to its claim and closes the device.
    const waitingKey = this.#waitingByClientId.get(clientId);
    if (waitingKey === undefined || this.#waiting.get(waitingKey)?.epoch !== epoch) return;
    const waiting = this.#takeWaiting(waitingKey);
    if (waiting !== undefined) this.#answer(waiting.claim, { granted: false, reason: 'superseded' });
  }

  #takeWaiting(key: string): WaitingClaim | undefined {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return undefined;
    waiting.takeBack();
    this.#waiting.delete(key);
    this.#waitingByClientId.delete(waiting.claim.clientId);
    return waiting;
  }

  #admit(claim: Claim, epoch: number, tookOver: boolean): void {
    const placement = this.#place(claim);
    const { broker } = placement;
    const key = claimKey(claim.worker, claim.claim);
    if (claim.adopts === true) {
      this.#answer(claim, { granted: true, epoch, tookOver, ...placement });
      return;
    }
    const grant = () => {
      let isAnswered = false;
      const takeBack = this.#gates.ask({
        broker,
        clientId: claim.clientId,
        deadlineMs: this.#deadlineMs(),
        answer: (granted) => {
          isAnswered = true;
          this.#waiting.delete(key);
          this.#waitingByClientId.delete(claim.clientId);
          if (granted) this.#answer(claim, { granted: true, epoch, tookOver, ...placement });
          else this.#refuse(claim, epoch);
        },
      });
      if (!isAnswered) this.#wait(key, { claim, epoch, takeBack });
    };
    const strays = this.#parked.elsewhere(claim.clientId, broker, this.#deps.clock.monotonicMs());
    if (strays.length === 0) grant();
    else this.#wait(key, { claim, epoch, takeBack: this.#endParked(claim.clientId, strays, grant) });
  }

  #wait(key: string, waiting: WaitingClaim): void {
    this.#waiting.set(key, waiting);
    const { clientId } = waiting.claim;
    if (clientId !== '') this.#waitingByClientId.set(clientId, key);
  }

  /**
   * Calls `done` when all these legs are closed, or after `takeoverMs`. Returns what gives that up: the legs close on, and
   * whoever comes next for another broker asks for their end again.
   */
  #endParked(clientId: string, legs: readonly ParkedLeg[], done: () => void): () => void {
    const keys = new Set(legs.map(({ worker, connection }) => claimKey(worker, connection)));
    const giveUp = () => {
      clearTimeout(timer);
      for (const key of keys) this.#parkedEnding.delete(key);
    };
    const finish = () => {
      giveUp();
      done();
    };
    const timer = setTimeout(finish, this.#options.takeoverMs);
    for (const { worker, connection } of legs) {
      const key = claimKey(worker, connection);
      this.#parkedEnding.set(key, () => {
        this.#parkedEnding.delete(key);
        keys.delete(key);
        if (keys.size === 0) finish();
      });
      this.#deps.send(worker, { kind: 'end-parked', clientId, connection });
    }
    return giveUp;
  }

  #refuse(claim: Claim, epoch: number): void {
    this.#answer(claim, { granted: false, reason: 'rate' });
    if (claim.clientId !== '') this.#perform(this.#ownership.legEnded(claim.clientId, epoch));
  }

  #answer(claim: Claim, answer: ClaimAnswer): void {
    this.#deps.send(claim.worker, { kind: 'answer', claim: claim.claim, answer });
  }

  #place(claim: Claim): ClaimPlacement {
    return placeClaim(claim, {
      homes: this.#homes,
      obstacleOf: this.#deps.obstacleOf,
      isBroker: (name) => name in this.#options.rates,
      nowMs: this.#deps.clock.wallMs(),
    });
  }

  /** What a worker changed is its own to keep until it hears that it is in the file. */
  #noteChanged(worker: number, changes: readonly Numbered<unknown>[]): void {
    const last = changes.reduce((most, { number }) => Math.max(most, number), this.#changed.get(worker) ?? 0);
    if (last > 0) this.#changed.set(worker, last);
  }

  #acknowledge(): void {
    for (const [worker, upTo] of this.#changed) this.#deps.send(worker, { kind: 'homes-noted', upTo });
    this.#changed.clear();
  }

  #noteConnect(client: PacedClient, msAgo: number): void {
    this.#gates.noteConnect(client, this.#deps.clock.monotonicMs() - msAgo);
  }

  #deadlineMs(): number {
    return this.#deps.clock.monotonicMs() + this.#options.answerMs;
  }

  #armTakeover(): void {
    if (this.#takeoverTimer !== undefined) return;
    const deadlineMs = this.#ownership.nextDeadlineMs();
    if (deadlineMs === undefined) return;
    const waitMs = Math.max(1, deadlineMs - this.#deps.clock.monotonicMs());
    this.#takeoverTimer = setTimeout(() => {
      this.#takeoverTimer = undefined;
      this.#perform(this.#ownership.tick(this.#deps.clock.monotonicMs()));
      this.#armTakeover();
    }, waitMs);
  }
}

function claimKey(worker: number, claim: number): string {
  return `${worker}:${claim}`;
}
