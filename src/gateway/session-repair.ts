import { reasonCode } from '../mqtt/reason-code.ts';
import { cohortOf } from './broker-question.ts';
import { type AttachmentContext, attachLeg } from './leg-attachment.ts';
import type { LegFailure } from './leg-failure.ts';
import type { Relay } from './relay.ts';
import { chooseRepair, type RepairChoice, repairPauseMs } from './repair-choice.ts';
import { outlivesConnection } from './session-record.ts';

/** Where a move wants a session that has no broker at the moment. */
export interface RepairTarget {
  readonly broker: string;
  readonly move: string;
}

/** Moves the session to a leg that it has at the broker already. False: there is none. */
type CutTo = (broker: string) => boolean;

/** Sessions that lost their broker, until they have one again or their device is gone. */
export class SessionRepairs {
  readonly #context: AttachmentContext;
  readonly #repairs = new Map<number, SessionRepair>();
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
    this.forget(relay);
    const repair = new SessionRepair(relay, cutTo, this.#context);
    this.#repairs.set(connection, repair);
    void repair.run().then((result) => {
      if (this.#repairs.get(connection) === repair) this.#repairs.delete(connection);
      this.#context.ports.metrics.repairs.inc({ result });
    });
  }

  /** A move does not wait for the session's home: it is taken to `target` as well; undefined: to its home only. */
  redirect(relay: Relay, target: RepairTarget | undefined): void {
    this.#repairs.get(relay.record.connection)?.redirect(target);
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

type RepairResult = 'repaired' | 'moved' | 'closed' | 'refused' | 'abandoned';

class SessionRepair {
  readonly #relay: Relay;
  readonly #cutTo: CutTo;
  readonly #context: AttachmentContext;
  readonly #controller = new AbortController();
  readonly #sinceMs: number;
  #wake: (() => void) | undefined;
  target: RepairTarget | undefined;
  /** The broker that a move, or `onDown`, wants has refused the session for good. */
  #mayMove = true;
  /** Home and `target` take turns, so that whichever comes back first has the session. */
  #isTargetsTurn = false;
  #isHurried = false;

  constructor(relay: Relay, cutTo: CutTo, context: AttachmentContext) {
    this.#relay = relay;
    this.#cutTo = cutTo;
    this.#context = context;
    this.#sinceMs = context.ports.clock.monotonicMs();
  }

  redirect(target: RepairTarget | undefined): void {
    if (this.target?.broker === target?.broker || !this.#mayMove) return;
    this.target = target;
    this.#isTargetsTurn = target !== undefined;
    this.#isHurried = true;
    this.#wake?.();
  }

  cancel(): void {
    this.#controller.abort();
    this.#wake?.();
  }

  async run(): Promise<RepairResult> {
    for (let attempt = 0; ; attempt += 1) {
      await this.#pause(attempt);
      if (!this.#isWanted()) return this.#overtaken();
      const choice = this.#choose();
      if (choice.kind === 'close') return this.#giveUp('its broker did not come back');
      const home = this.#relay.record.home.broker;
      // A second CONNECT of the client ID there would end that leg as a takeover, and publish the will.
      if (choice.broker !== home && this.#cutTo(choice.broker)) continue;
      const { signal } = this.#controller;
      const attached = await attachLeg(this.#relay, { ...choice, signal, isRepair: true }, this.#context);
      if (attached.ok) return choice.broker === home ? 'repaired' : 'moved';
      if (!this.#isWanted()) return this.#overtaken();
      if (attached.error.isLasting && choice.broker === home) return this.#refuse(attached.error);
      if (attached.error.isLasting) {
        this.#mayMove = false;
        this.target = undefined;
      }
    }
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
    return chooseRepair({
      elapsedMs: this.#elapsedMs(),
      repairMs: limits.repairMs,
      onDown: settings.brokers?.[record.home.broker]?.onDown ?? 'hold',
      home: record.home.broker,
      cohort: cohortOf(ports.snapshot(), record.assignment),
      mayMove: this.#mayMove && (machine.subscriptionsKnown || !outlivesConnection(record)),
    });
  }

  #pause(attempt: number): Promise<void> {
    const { limits, ports } = this.#context;
    const random = (ports.random ?? Math.random)();
    const pauseMs = repairPauseMs(attempt, random, { elapsedMs: this.#elapsedMs(), repairMs: limits.repairMs });
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
