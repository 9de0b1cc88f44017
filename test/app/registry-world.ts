import { LinkedRegistry } from '../../src/app/linked-registry.ts';
import type { ControlMessage, WorkerMessage } from '../../src/app/process-messages.ts';
import { SessionAuthority } from '../../src/app/session-authority.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Obstacle } from '../../src/mqtt/adaptation-kind.ts';
import type { HomeStore } from '../../src/session/home-store.ts';
import { openSqliteHomeStore } from '../../src/session/sqlite-home-store.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/** One worker's registry, and the legs that the control process or the worker itself had to end. */
export interface WorkerInWorld {
  readonly registry: LinkedRegistry;
  readonly endedLegs: { readonly connection: number; readonly epoch: number; readonly newBroker: string | undefined }[];
  readonly endedParked: number[];
  /** False: asked to end a leg, it never answers. */
  answersEndLeg: boolean;
  /** False: a parked leg that it was asked to end closes only at `closeParked`. */
  answersEndParked: boolean;
}

export interface RegistryWorldOptions {
  readonly rates?: Readonly<Record<string, number | undefined>>;
  readonly clientRates?: Readonly<Record<string, number>>;
  readonly workers?: number;
  readonly takeoverMs?: number;
  readonly answerMs?: number;
  readonly homesPath?: string;
}

/** A control process and its workers without processes: messages go by microtask, deaths and returns by method. */
export class RegistryWorld {
  readonly workers: WorkerInWorld[];
  /** What is known, by `CLIENT-ID TARGET`. */
  readonly obstacles = new Map<string, Obstacle>();
  readonly #options: Required<RegistryWorldOptions>;
  #authority: SessionAuthority | undefined;
  #homes: SuddenlyGone | undefined;

  constructor(options: RegistryWorldOptions = {}) {
    this.#options = {
      rates: { legacy: undefined, aws: undefined },
      clientRates: {},
      workers: 2,
      takeoverMs: 200,
      answerMs: 2_000,
      homesPath: ':memory:',
      ...options,
    };
    this.workers = Array.from({ length: this.#options.workers }, (_, worker) => this.#createWorker(worker));
    this.startControl();
  }

  startControl(): void {
    const { takeoverMs, answerMs, rates, clientRates, homesPath } = this.#options;
    const homes = new SuddenlyGone(openSqliteHomeStore(homesPath));
    this.#homes = homes;
    const authority = new SessionAuthority(
      {
        clock: systemClock,
        homes: homes.store,
        obstacleOf: (clientId, target) => this.obstacles.get(`${clientId} ${target}`),
        log: createLogger({ level: 'silent', component: 'test' }),
        send: (worker, message) => queueMicrotask(() => this.#toWorker(authority, worker, message)),
      },
      { takeoverMs, answerMs, queueLimit: 1_000, rates, clientRates },
    );
    this.#authority = authority;
    for (const worker of this.workers.keys()) this.#link(authority, worker);
  }

  /** The control process dies: nothing that was on the way arrives. */
  killControl(): void {
    this.#authority?.close();
    this.#authority = undefined;
    for (const { registry } of this.workers) registry.linkDown();
  }

  /** As `killControl`, and what it had not written is gone. */
  killControlSuddenly(): void {
    this.#homes?.vanish();
    this.killControl();
  }

  workerDies(worker: number): void {
    this.#authority?.workerGone(worker);
  }

  /** The worker dies with all that it knew, and another one takes its place. */
  replaceWorker(worker: number): void {
    this.#authority?.workerGone(worker);
    this.workers[worker]?.registry.close();
    this.workers[worker] = this.#createWorker(worker);
    if (this.#authority !== undefined) this.#link(this.#authority, worker);
  }

  /** The parked leg of the worker that was asked to end it is closed. */
  closeParked(worker: number, clientId: string, connection: number): void {
    this.#authority?.handleParkedEnded(worker, { kind: 'parked-ended', clientId, connection });
  }

  learn(...[importId, devices]: Parameters<SessionAuthority['learn']>): void {
    this.#authority?.learn(importId, devices);
  }

  homeOf(clientId: string): string | undefined {
    return this.#authority?.homeOf(clientId);
  }

  /** Of the cohort that everybody is in, with that weight. */
  misplacedHomes(weightBps: number): number | undefined {
    const terms = { name: 'everyone', source: 'legacy', target: 'aws', weightBps };
    return this.#homes?.store.countMisplaced(terms);
  }

  close(): void {
    this.#authority?.close();
    for (const { registry } of this.workers) registry.close();
  }

  #link(authority: SessionAuthority, worker: number): void {
    const registry = this.workers[worker]?.registry;
    if (registry === undefined) return;
    const [sessions, changes] = [registry.announcements(), registry.homeChanges()];
    authority.handleHello({ kind: 'hello', worker, pid: 0, sessions, ...changes });
    const send = (message: WorkerMessage) =>
      queueMicrotask(() => {
        if (this.workers[worker]?.registry === registry) this.#toControl(authority, worker, message);
      });
    registry.linkUp({ send, post: send });
  }

  #createWorker(worker: number): WorkerInWorld {
    const endedLegs: WorkerInWorld['endedLegs'] = [];
    const { rates, clientRates, workers, answerMs, homesPath } = this.#options;
    const registry = new LinkedRegistry(
      {
        clock: systemClock,
        endLeg: (connection, epoch, newBroker) => {
          endedLegs.push({ connection, epoch, newBroker });
          return Promise.resolve();
        },
        openHomes: () => openSqliteHomeStore(homesPath, { readOnly: homesPath !== ':memory:' }),
        obstacleOf: (clientId, target) => this.obstacles.get(`${clientId} ${target}`),
      },
      { rates, clientRates, worker, workers, queueLimit: 1_000, answerMs },
    );
    return { registry, endedLegs, endedParked: [], answersEndLeg: true, answersEndParked: true };
  }

  #toWorker(authority: SessionAuthority, worker: number, message: ControlMessage): void {
    const entry = this.workers[worker];
    if (entry === undefined || this.#authority !== authority) return;
    if (message.kind === 'answer' || message.kind === 'token-answer') entry.registry.handleAnswer(message);
    if (message.kind === 'homes-noted') entry.registry.homesNoted(message.upTo);
    if (message.kind === 'end-parked') {
      const { clientId, connection } = message;
      entry.endedParked.push(connection);
      if (entry.answersEndParked) queueMicrotask(() => this.closeParked(worker, clientId, connection));
    }
    if (message.kind !== 'end-leg') return;
    const { clientId, connection, epoch, newBroker } = message;
    entry.endedLegs.push({ connection, epoch, newBroker });
    if (entry.answersEndLeg) {
      queueMicrotask(() => this.#toControl(authority, worker, { kind: 'leg-ended', clientId, epoch }));
    }
  }

  #toControl(authority: SessionAuthority, worker: number, message: WorkerMessage): void {
    if (this.#authority !== authority) return;
    if (message.kind === 'claim') authority.handleClaim(worker, message);
    else if (message.kind === 'withdraw') authority.handleWithdraw(worker, message);
    else if (message.kind === 'withdraw-token') authority.handleWithdrawToken(worker, message);
    else if (message.kind === 'token') authority.handleToken(worker, message);
    else if (message.kind === 'home') authority.handleHome(worker, message);
    else if (message.kind === 'purged') authority.handlePurged(worker, message);
    else if (message.kind === 'ended') authority.handleEnded(worker, message);
    else if (message.kind === 'leg-ended') authority.handleLegEnded(message);
  }
}

/** A home store whose process can die without a last word. */
class SuddenlyGone {
  readonly store: HomeStore;
  #isGone = false;

  constructor(store: HomeStore) {
    this.store = {
      homeOf: (clientId) => store.homeOf(clientId),
      epochOf: (clientId) => store.epochOf(clientId),
      record: (clientId, broker, epoch, place) => store.record(clientId, broker, epoch, place),
      forget: (clientId) => store.forget(clientId),
      remainsOf: (clientId) => store.remainsOf(clientId),
      keep: (clientId, remains) => store.keep(clientId, remains),
      formerOf: (clientId) => store.formerOf(clientId),
      keepFormer: (clientId, brokers) => store.keepFormer(clientId, brokers),
      learn: (importId, devices) => store.learn(importId, devices),
      countMisplaced: (terms) => store.countMisplaced(terms),
      subscribed: (after, limit) => store.subscribed(after, limit),
      flush: () => {
        if (!this.#isGone) store.flush();
      },
      sync: () => {
        if (!this.#isGone) store.sync();
      },
      close: () => {
        if (!this.#isGone) store.close();
      },
    };
  }

  vanish(): void {
    this.#isGone = true;
  }
}
