import { brokerTerms } from './broker-question.ts';
import type { FormerFetches } from './former-fetch.ts';
import { handoverDefaults } from './gateway-ports.ts';
import { type AttachmentContext, attachLeg } from './leg-attachment.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegFailure } from './leg-failure.ts';
import type { Relay } from './relay.ts';
import { noteFormer } from './session-purge.ts';
import { outlivesConnection } from './session-record.ts';

/**
 * What is done with a session's second leg.
 * `dialling`: the broker is being asked. `standing`: connected, subscribed to nothing; `isFormer`: the session came from
 * there, and it stands by for the way back. `cutting`: the active role is on its way to it, and can be taken back.
 * `draining`: the session has left it, and it finishes what it owes. `awaiting`: it was lost before that, with messages for
 * the device, and its broker is being asked again. `over`: there is none.
 */
export type HandoverStage =
  | { readonly name: 'dialling' }
  | { readonly name: 'standing'; readonly leg: number; readonly isFormer: boolean }
  | { readonly name: 'cutting'; readonly leg: number }
  | { readonly name: 'draining'; readonly leg: number }
  | { readonly name: 'awaiting' }
  | { readonly name: 'over' };

/** Who keeps the handovers of a worker. */
export interface HandoverKeeper {
  /** The second leg stands by. */
  handleStanding(handover: SessionHandover): void;
  /** There is no second leg: the broker was not reached, or said no. */
  handleUnattached(handover: SessionHandover, failure: LegFailure): void;
  /** The leg that the session had left and lost is back; else its broker gives nothing more. */
  handleFetched(handover: SessionHandover, isBack: boolean): void;
}

/** How long a prepared leg is kept behind the last question for it. */
const unwantedMs = 1_800_000;

/**
 * From the word that a persistent session is at its new broker to the UNSUBSCRIBE at the former one: that word is on disk
 * within half a second, however many sessions move.
 */
const recordMs = 1_000;
/** A broker that is loaded heavily still answers within it. */
const promptMs = 250;

/** The most that the end of a rollback window is put off. */
const longestSpreadMs = 300_000;

/** The second leg of one live session, from its dial to its end. */
export class SessionHandover {
  readonly relay: Relay;
  /** The move that it was last wanted by. */
  move: string;
  /** The second leg's. */
  broker: string;
  stage: HandoverStage = { name: 'dialling' };
  /** When it began to be cut, or dialled: milliseconds, monotonic. */
  sinceMs: number;
  /** When a move last asked for it: milliseconds, monotonic. */
  wantedMs: number;
  /** It is taken back because it took too long. */
  isLate = false;
  /** The leg that stands by is let go from here: its end is nobody's fault. */
  isLetGo = false;
  /** A registration token was taken for its dial. */
  isContact = false;
  readonly #context: AttachmentContext;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(relay: Relay, wish: { readonly broker: string; readonly move: string }, context: AttachmentContext) {
    this.relay = relay;
    this.broker = wish.broker;
    this.move = wish.move;
    this.#context = context;
    this.sinceMs = context.ports.clock.monotonicMs();
    this.wantedMs = this.sinceMs;
  }

  /** It is being cut from a broker that is lost: taken back, the session would have none. A move goes on from where it ends. */
  get isRescue(): boolean {
    return this.stage.name === 'cutting' && this.relay.legs.active === undefined;
  }

  async dial(keeper: HandoverKeeper): Promise<void> {
    const { broker } = this;
    const { signal } = this.#controller;
    const request = { broker, session: 'fresh', signal, purpose: 'handover' } as const;
    const attached = await attachLeg(this.relay, request, this.#context);
    if (this.stage.name !== 'dialling') {
      if (attached.ok) this.relay.dismiss(attached.value.number);
    } else if (!attached.ok) {
      this.stage = { name: 'over' };
      keeper.handleUnattached(this, attached.error);
    } else if (attached.value.isOver) {
      this.stage = { name: 'over' };
      keeper.handleUnattached(this, {
        kind: 'unreachable',
        isLasting: false,
        message: 'the broker closed the connection',
      });
    } else {
      this.stage = { name: 'standing', leg: attached.value.number, isFormer: false };
      this.#timer = setTimeout(() => this.#letGo(), unwantedMs);
      keeper.handleStanding(this);
    }
  }

  /** The leg that the session had left is lost, and its broker has messages for the device. */
  async fetch(fetches: FormerFetches, keeper: HandoverKeeper): Promise<void> {
    clearTimeout(this.#timer);
    this.stage = { name: 'awaiting' };
    let leg: LegConnection | undefined;
    do leg = await fetches.fetch(this.relay, this.broker, this.#controller.signal);
    while (leg?.isOver === true && this.#isAwaiting);
    if (!this.#isAwaiting) return;
    if (leg !== undefined) this.stage = { name: 'draining', leg: leg.number };
    keeper.handleFetched(this, leg !== undefined);
  }

  get #isAwaiting(): boolean {
    return this.stage.name === 'awaiting';
  }

  /** There is a leg to cut to, or one just left that may take the session back. */
  get stands(): boolean {
    return this.stage.name === 'standing' || this.stage.name === 'draining';
  }

  /** Moves the active role to the second leg; nothing happens while that one is being unsubscribed. */
  cut(): void {
    const { stage } = this;
    if (stage.name !== 'standing' && stage.name !== 'draining') return;
    const { settings, ports } = this.#context;
    const { overlapMs, settleMs, attemptMs } = settings.handover ?? handoverDefaults;
    const settle = settleMs ?? brokerTerms(settings, this.broker).profile.subscriptionSettleMs;
    const leaveMs = outlivesConnection(this.relay.record) ? recordMs : 0;
    this.sinceMs = ports.clock.monotonicMs();
    this.stage = { name: 'cutting', leg: stage.leg };
    const lateMs = ports.bridgeDelays?.overlapMs(this.relay.record.home.broker, this.broker) ?? 0;
    const isBegun = this.relay.cut({ overlapMs: Math.max(overlapMs, lateMs), settleMs: settle, leaveMs, promptMs });
    // It may be over with already.
    if (this.stage.name !== 'cutting') return;
    if (!isBegun) {
      this.stage = stage;
      return;
    }
    // From its first subscription on it gathers messages. One that was left has been known for such, or for its home.
    if (stage.name === 'standing') noteFormer(this.broker, this.relay, this.#context);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.relay.abortCut();
    }, attemptMs);
  }

  /** So many filters may be asked for at the broker of the leg that stands by. */
  pay(filters: number): void {
    const { stage } = this;
    if (stage.name === 'standing') this.relay.legs.of(stage.leg)?.filters.pay(filters);
  }

  /** The active role is on `broker` now; the leg that had it is the second one. */
  handleSwitched(former: LegConnection): void {
    clearTimeout(this.#timer);
    this.broker = former.terms.broker;
    this.stage = { name: 'draining', leg: former.number };
  }

  /** The cut was given up. True: it was the way back to the leg just left, and that one is there as before. */
  handleStayed(): boolean {
    const { stage, relay } = this;
    if (stage.name !== 'cutting' || !relay.legs.others.some(({ number }) => number === stage.leg)) return false;
    clearTimeout(this.#timer);
    this.stage = { name: 'draining', leg: stage.leg };
    return true;
  }

  /** The leg that the session left owes nothing any more and stands by for the way back. */
  handleDrained(): void {
    if (this.stage.name !== 'draining') return;
    const { leg } = this.stage;
    const { rollbackWindowMs } = this.#context.settings.handover ?? handoverDefaults;
    this.stage = { name: 'standing', leg, isFormer: true };
    if (rollbackWindowMs === 0) this.relay.dismiss(leg);
    else this.#timer = setTimeout(() => this.relay.dismiss(leg), rollbackWindowMs + this.#spreadMs(rollbackWindowMs));
  }

  /** A cohort that was committed in one second is not let go in one: each end may cost its broker a CONNECT. */
  #spreadMs(windowMs: number): number {
    const random = (this.#context.ports.random ?? Math.random)();
    return Math.floor(random * Math.min(windowMs / 10, longestSpreadMs));
  }

  /** Before the switch only; behind it there is nothing to take back. The relay tells the rest. */
  takeBack(): void {
    const { stage } = this;
    if (stage.name === 'cutting') this.relay.abortCut();
    else if (stage.name === 'standing') this.#dismiss(stage.leg);
    else if (stage.name === 'dialling') this.end();
  }

  #dismiss(leg: number): void {
    this.isLetGo = true;
    this.relay.dismiss(leg);
  }

  /** A leg that was prepared is not kept for a move that asks no more. */
  #letGo(): void {
    if (this.stage.name !== 'standing') return;
    const leftMs = this.wantedMs + unwantedMs - this.#context.ports.clock.monotonicMs();
    if (leftMs > 0) this.#timer = setTimeout(() => this.#letGo(), leftMs);
    else this.#dismiss(this.stage.leg);
  }

  /** Nothing is done any more; a dial is called off. */
  end(): void {
    this.stage = { name: 'over' };
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}
