import { reasonCode } from '../mqtt/reason-code.ts';
import { BrokerLosses } from './broker-losses.ts';
import { cohortOf } from './broker-question.ts';
import { isTurnedAway } from './first-contact-choice.ts';
import { type AttachmentContext, attachLeg } from './leg-attachment.ts';
import type { LegFailure } from './leg-failure.ts';
import type { Relay } from './relay.ts';
import {
  chooseRepair,
  firstPauseMs,
  isBehindRepair,
  provenMs,
  type RepairChoice,
  repairPauseMs,
} from './repair-choice.ts';
import { outlivesConnection } from './session-record.ts';

/** Where a move wants a session that has no broker at the moment. */
export interface RepairTarget {
  readonly broker: string;
  readonly move: string;
}

/** Moves the session to a leg that it has at the broker already. False: there is none. */
type CutTo = (broker: string) => boolean;

/** How a session came by the leg that it lost, where that was a repair. */
interface FormerRepair {
  readonly broker: string;
  /** When the session lost the first of the legs that did not live long. */
  readonly sinceMs: number;
  readonly attempts: number;
  readonly hasDecided: boolean;
  readonly attachedAtMs: number;
}

/** Sessions that lost their broker, until they have one again or their device is gone. */
export class SessionRepairs {
  readonly #context: AttachmentContext;
  readonly #repairs = new Map<number, SessionRepair>();
  readonly #formerByRelay = new WeakMap<Relay, FormerRepair>();
  readonly #losses = new BrokerLosses();
  #isClosed = false;

  constructor(context: AttachmentContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#repairs.size;
  }

  begin(relay: Relay, cutTo: CutTo): void {
    if (this.#isClosed) return;
    const { connection } = relay.record;
    const start = this.#startOf(relay);
    this.forget(relay);
    const repair = new SessionRepair(relay, { cutTo, ...start }, this.#context);
    this.#repairs.set(connection, repair);
    void repair.run().then((result) => {
      if (this.#repairs.get(connection) === repair) {
        this.#repairs.delete(connection);
        if (result === 'repaired') this.#formerByRelay.set(relay, repair.toFormer());
      }
      this.#context.ports.metrics.repairs.inc({ result });
    });
  }

  /** A broker that accepts the session and closes again has not come back: what was tried and how long goes on. */
  #startOf(relay: Relay): RepairStart {
    const { clock, random = Math.random } = this.#context.ports;
    const { broker } = relay.record.home;
    const nowMs = clock.monotonicMs();
    const lost = this.#losses.note(broker, nowMs);
    // One that is not over yet has attached a leg in this event, and that is lost with it.
    const former = this.#repairs.get(relay.record.connection)?.toFormer() ?? this.#formerByRelay.get(relay);
    this.#formerByRelay.delete(relay);
    if (former?.broker === broker && nowMs - former.attachedAtMs < provenMs) return former;
    return { firstPauseMs: firstPauseMs(lost, random()) };
  }

  /** A move does not wait for the session's home: it is taken to `target` as well; undefined: to its home only. */
  redirect(relay: Relay, target: RepairTarget | undefined): void {
    this.#repairs.get(relay.record.connection)?.redirect(target);
  }

  /** There is a leg now that its next try may go to. */
  hurry(relay: Relay): void {
    this.#repairs.get(relay.record.connection)?.hurry();
  }

  /** Where the session is being taken by a move. */
  targetOf({ record }: Relay): RepairTarget | undefined {
    return this.#repairs.get(record.connection)?.target;
  }

  /** The device is gone, or the gateway closes it. */
  forget({ record }: Relay): void {
    this.#repairs.get(record.connection)?.cancel();
    this.#repairs.delete(record.connection);
  }

  close(): void {
    this.#isClosed = true;
    for (const repair of this.#repairs.values()) repair.cancel();
    this.#repairs.clear();
  }
}

/** Where a repair begins: at its first try, or where the one before it left off. */
type RepairStart = { readonly firstPauseMs: number } | FormerRepair;

type RepairResult = 'repaired' | 'moved' | 'closed' | 'refused' | 'abandoned';

class SessionRepair {
  readonly #relay: Relay;
  readonly #cutTo: CutTo;
  readonly #context: AttachmentContext;
  readonly #controller = new AbortController();
  readonly #home: string;
  /** The leg before did not live long. */
  readonly #isSuspect: boolean;
  readonly #firstPauseMs: number;
  /** Since then it has been without a broker that stays. */
  #sinceMs: number;
  #attempts: number;
  /** `onDown` was asked behind `repairMs`. */
  #hasDecided: boolean;
  #wake: (() => void) | undefined;
  target: RepairTarget | undefined;
  /** The broker that a move, or `onDown`, wants has refused the session for good. */
  #mayMove = true;
  /** Home and `target` take turns, so that whichever comes back first has the session. */
  #isTargetsTurn = false;
  #isHurried = false;
  /** CONNECTs in a row that its home closed. */
  #closes = 0;

  constructor(relay: Relay, start: RepairStart & { readonly cutTo: CutTo }, context: AttachmentContext) {
    this.#relay = relay;
    this.#home = relay.record.home.broker;
    this.#cutTo = start.cutTo;
    this.#context = context;
    this.#isSuspect = !('firstPauseMs' in start);
    this.#firstPauseMs = 'firstPauseMs' in start ? start.firstPauseMs : 0;
    this.#sinceMs = 'firstPauseMs' in start ? context.ports.clock.monotonicMs() : start.sinceMs;
    this.#attempts = 'firstPauseMs' in start ? 0 : start.attempts;
    this.#hasDecided = 'firstPauseMs' in start ? false : start.hasDecided;
  }

  /** What a repair goes on with when the leg that this one attached is lost soon. */
  toFormer(): FormerRepair {
    const attachedAtMs = this.#context.ports.clock.monotonicMs();
    const [sinceMs, attempts, hasDecided] = [this.#sinceMs, this.#attempts, this.#hasDecided];
    return { broker: this.#home, sinceMs, attempts, hasDecided, attachedAtMs };
  }

  redirect(target: RepairTarget | undefined): void {
    if (this.target?.broker === target?.broker || !this.#mayMove) return;
    this.target = target;
    this.#isTargetsTurn = target !== undefined;
    this.hurry();
  }

  hurry(): void {
    this.#isHurried = true;
    this.#wake?.();
  }

  cancel(): void {
    this.#controller.abort();
    this.#wake?.();
  }

  async run(): Promise<RepairResult> {
    for (;;) {
      await this.#pause();
      const result = this.#isWanted() ? await this.#try() : this.#overtaken();
      if (result !== undefined) return result;
    }
  }

  /** Undefined: another one follows. */
  async #try(): Promise<RepairResult | undefined> {
    this.#attempts += 1;
    const choice = this.#choose();
    if (choice.kind === 'close') return this.#closeInLine();
    const { home, queueAt } = this.#relay.record;
    const isHome = choice.broker === home.broker;
    // A second CONNECT of the client ID there would end that leg as a takeover, and publish the will.
    if (!isHome && this.#cutTo(choice.broker)) return undefined;
    // It would be purged there with the messages that its device's next connection fetches.
    if (choice.broker === queueAt) return this.#hasDecided ? this.#closeInLine() : undefined;
    const { signal } = this.#controller;
    const request = { ...choice, signal, purpose: 'repair', isSuspect: this.#isSuspect && isHome } as const;
    const attached = await attachLeg(this.#relay, request, this.#context);
    if (attached.ok) return isHome ? 'repaired' : 'moved';
    if (isHome) await this.#noteClose(attached.error);
    if (!this.#isWanted()) return this.#overtaken();
    if (attached.error.isLasting && isHome) return this.#refuse(attached.error);
    if (attached.error.isLasting) {
      this.#mayMove = false;
      this.target = undefined;
    }
    return undefined;
  }

  /** One that its home does not know is made known there, where that is the gateway's to do. */
  async #noteClose({ kind }: LegFailure): Promise<void> {
    this.#closes = kind === 'turned-away' ? this.#closes + 1 : 0;
    const { device } = this.#relay.origin;
    if (kind === 'turned-away') await this.#context.registration.register({ broker: this.#home, device });
  }

  #isWanted(): boolean {
    return !this.#controller.signal.aborted && this.#relay.isSteady && this.#relay.isDetached;
  }

  /** Its device left, or a leg that stood by was cut over to. */
  #overtaken(): RepairResult {
    return this.#relay.isSteady && !this.#relay.isDetached ? 'moved' : 'abandoned';
  }

  #choose(): RepairChoice {
    const { record, machine } = this.#relay;
    const { settings, limits, ports } = this.#context;
    const { target } = this;
    if (target !== undefined && this.#isTargetsTurn) {
      this.#isTargetsTurn = false;
      return { kind: 'attach', broker: target.broker, session: 'fresh' };
    }
    this.#isTargetsTurn = true;
    const time = { elapsedMs: this.#elapsedMs(), repairMs: limits.repairMs };
    this.#hasDecided = isBehindRepair(time);
    return chooseRepair({
      ...time,
      isTurnedAway: isTurnedAway({
        closes: this.#closes,
        acceptsOthers: this.#context.contacts.hasAcceptedSince(this.#home, this.#sinceMs),
        isBehindRepair: this.#hasDecided,
      }),
      onDown: settings.brokers?.[record.home.broker]?.onDown ?? 'hold',
      home: record.home.broker,
      cohort: cohortOf(ports.snapshot(), record.assignment),
      mayMove: this.#mayMove && (machine.subscriptions.isKnown || !outlivesConnection(record)),
    });
  }

  async #closeInLine(): Promise<RepairResult | undefined> {
    const mayClose = await this.#mayClose();
    if (!this.#isWanted()) return this.#overtaken();
    return mayClose ? this.#giveUp('its broker did not come back') : undefined;
  }

  /** Its device comes back at once: at the pace at which its broker takes CONNECTs. False: there is no place in the line. */
  #mayClose(): Promise<boolean> {
    const { clientId, home } = this.#relay.record;
    return this.#context.ports.registry.connectToken({ broker: home.broker, clientId }, this.#controller.signal);
  }

  #pauseMs(): number {
    if (this.#attempts === 0) {
      // Each session's time begins with its first try, so that those of a broker that all have lost do not end together.
      this.#sinceMs += this.#firstPauseMs;
      return this.#firstPauseMs;
    }
    const { limits, ports } = this.#context;
    const random = (ports.random ?? Math.random)();
    const [elapsedMs, hasDecided] = [this.#elapsedMs(), this.#hasDecided];
    return repairPauseMs(this.#attempts, random, { elapsedMs, repairMs: limits.repairMs, hasDecided });
  }

  #pause(): Promise<void> {
    const pauseMs = this.#pauseMs();
    const isHurried = this.#isHurried;
    this.#isHurried = false;
    if (pauseMs === 0 || isHurried || this.#controller.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #elapsedMs(): number {
    return this.#context.ports.clock.monotonicMs() - this.#sinceMs;
  }

  #giveUp(message: string): RepairResult {
    this.#relay.giveUp(reasonCode.serverShuttingDown, message);
    return 'closed';
  }

  #refuse({ message }: LegFailure): RepairResult {
    this.#relay.giveUp(reasonCode.serverShuttingDown, `its broker refuses it: ${message}`);
    return 'refused';
  }
}
