import type { CutAbort } from '../mqtt/session-port.ts';
import { FormerFetches } from './former-fetch.ts';
import { HandoverContacts } from './handover-contacts.ts';
import { HandoverCuts } from './handover-cuts.ts';
import { isStillWanted, wantedBroker } from './handover-eligibility.ts';
import { HandoverJudgements } from './handover-judgements.ts';
import { inOrder } from './handover-order.ts';
import {
  type CountedSessions,
  type HandoverReckoning,
  notePrice,
  noteStaying,
  startReckoning,
} from './handover-reckoning.ts';
import { HandoverSetbacks, preparedLost } from './handover-setbacks.ts';
import { HandoverTally } from './handover-tally.ts';
import { HandoverTroubles } from './handover-troubles.ts';
import type { AttachmentContext } from './leg-attachment.ts';
import type { LegConnection } from './leg-connection.ts';
import { connectsFor, dialObstacle } from './leg-dial.ts';
import type { LegFailure } from './leg-failure.ts';
import type { HandoverQuestion, HandoverReply, SecondLegs } from './live-session.ts';
import { type PendingLeg, pendingBefore } from './pending-leg.ts';
import { explainSession } from './pending-reason.ts';
import type { Relay } from './relay.ts';
import { countSecondLegs } from './second-legs.ts';
import { type HandoverKeeper, SessionHandover } from './session-handover.ts';
import { purgeBehind, purgeLeft } from './session-purge.ts';
import type { SessionRepairs } from './session-repair.ts';
import type { SessionTable } from './session-table.ts';

export interface HandoverDeskOptions {
  readonly context: AttachmentContext;
  readonly sessions: SessionTable;
  readonly pendingLegs: ReadonlyMap<number, PendingLeg>;
  readonly repairs: SessionRepairs;
}

/** Dials of this worker at once. */
const maxDialling = 500;

/** The live handovers of one worker: what the moves ask of it, and what its sessions tell. */
export class HandoverDesk implements HandoverKeeper {
  readonly judgements: HandoverJudgements;
  readonly #context: AttachmentContext;
  readonly #sessions: SessionTable;
  readonly #pendingLegs: HandoverDeskOptions['pendingLegs'];
  readonly #repairs: SessionRepairs;
  readonly #handovers = new Map<number, SessionHandover>();
  readonly #fetches: FormerFetches;
  readonly #setbacks = new HandoverSetbacks();
  readonly #tally = new HandoverTally();
  readonly #troubles: HandoverTroubles;
  readonly #contacts: HandoverContacts;
  readonly #toCut: HandoverCuts;
  /** Whether the move that asked last cuts as soon as a leg stands by. */
  #cutting: { readonly move: string; readonly isCutting: boolean } | undefined;
  #dialling = 0;

  constructor({ context, sessions, pendingLegs, repairs }: HandoverDeskOptions) {
    this.#context = context;
    this.#sessions = sessions;
    this.#pendingLegs = pendingLegs;
    this.#repairs = repairs;
    this.#toCut = new HandoverCuts(context);
    this.judgements = new HandoverJudgements(context);
    this.#fetches = new FormerFetches(context);
    this.#troubles = new HandoverTroubles(context, this.#setbacks, this.#tally);
    this.#contacts = new HandoverContacts(context, (...turn) => this.#beginContact(...turn));
  }

  handOver(question: HandoverQuestion): HandoverReply {
    const { move, cohorts, prepare, isPaused = false, holdsSwitches = false } = question;
    if (!isPaused) this.#cutting = { move, isCutting: prepare === undefined && !holdsSwitches };
    else if (this.#cutting?.move === move) this.#cutting = undefined;
    const { clock, snapshot } = this.#context.ports;
    const beganMs = clock.monotonicMs();
    const reckoning = startReckoning(question, snapshot());
    const { counted } = reckoning;
    for (const relay of this.#sessions.relays()) {
      if (!cohorts.includes(relay.record.assignment.cohort ?? '')) continue;
      counted.sessions += 1;
      if (relay.isSteady) this.#look(relay, reckoning);
    }
    if (!isPaused) this.#beginSome(reckoning);
    const { revision } = reckoning.snapshot;
    const unanswered = prepare === undefined ? pendingBefore(this.#pendingLegs.values(), revision) : 0;
    const { pending: waiting, ...figures } = counted;
    const remaining = counted.remaining + unanswered;
    const workMs = clock.monotonicMs() - beganMs;
    return { ...figures, ...this.#tally.take(move), remaining, waiting, workMs };
  }

  /** Takes back what has not switched. What has stays, and its former leg stands by. */
  abortHandovers(move: string): void {
    for (const handover of [...this.#handovers.values()]) {
      const { stage } = handover;
      const isFormer = stage.name === 'draining' || (stage.name === 'standing' && stage.isFormer);
      if (handover.move === move && !isFormer && !handover.isRescue) this.#takeBack(handover);
    }
    this.#contacts.dropMove(move);
    if (this.#cutting?.move === move) this.#cutting = undefined;
  }

  /** Why the session is not where the plan wants it; undefined: it is there. */
  reasonOf(relay: Relay): string | undefined {
    const snapshot = this.#context.ports.snapshot();
    const [judgements, setbacks] = [this.judgements, this.#setbacks];
    const handover = this.#handovers.get(relay.record.connection);
    const awaitsFilters = handover !== undefined && this.#toCut.has(handover);
    const contact = this.#contacts.waitOf(relay, relay.record.assignment.broker, handover)?.reason;
    return explainSession(relay, handover, { judgements, setbacks, snapshot, contact, awaitsFilters });
  }

  secondLegs(): readonly SecondLegs[] {
    return countSecondLegs(this.#handovers.values(), (handover) => this.#toCut.has(handover));
  }

  handleStanding(handover: SessionHandover): void {
    this.#dialling -= 1;
    this.#contacts.payBack(handover);
    if (this.#cutting?.move === handover.move && this.#cutting.isCutting) this.#toCut.add(handover);
  }

  handleUnattached(handover: SessionHandover, { kind, isLasting, message }: LegFailure): void {
    this.#dialling -= 1;
    this.#forget(handover);
    if (kind === 'turned-away') this.#tally.noteTurnedAway(handover.move);
    else if (kind === 'rate') this.#troubles.requeue(handover, message);
    else if (kind !== 'aborted') this.#troubles.note(handover, { kind, isLasting, message });
  }

  handleFetched(handover: SessionHandover, isBack: boolean): void {
    const { relay, broker } = handover;
    if (isBack) this.#repairs.hurry(relay);
    else {
      this.#forget(handover);
      relay.forgetFormer();
      purgeLeft(broker, relay, this.#context);
    }
  }

  handleSwitched(relay: Relay, leg: LegConnection): void {
    const handover = this.#handovers.get(relay.record.connection);
    const { metrics } = this.#context.ports;
    if (handover?.stage.name !== 'cutting' || handover.stage.leg !== leg.number) {
      const target = this.#repairs.targetOf(relay);
      if (target?.broker === leg.terms.broker) this.#tally.noteMoved(target.move);
      return;
    }
    this.#tally.noteMoved(handover.move);
    this.#setbacks.forget(relay.record.connection);
    metrics.handovers.inc({ result: 'switched' });
    metrics.handoverSeconds.observe(this.#secondsOf(handover));
    const [former] = relay.legs.others;
    if (former === undefined) this.#forget(handover);
    else handover.handleSwitched(former);
  }

  handleDrained(relay: Relay): void {
    this.#handovers.get(relay.record.connection)?.handleDrained();
  }

  /** A leg that the session is not on any more leaves nothing behind at its broker. */
  handleUpstreamOver(relay: Relay, leg: LegConnection): void {
    const handover = this.#handovers.get(relay.record.connection);
    const { stage } = handover ?? {};
    if (relay.machine.awaitedLeg === leg.number && handover !== undefined && relay.isSteady) {
      // One that is lost as soon as it is there is asked for again by who asked for it.
      if (stage?.name !== 'awaiting') void handover.fetch(this.#fetches, this);
      return;
    }
    if (
      handover !== undefined &&
      (stage?.name === 'standing' || stage?.name === 'draining') &&
      stage.leg === leg.number
    ) {
      this.#forget(handover);
      // Each costs its broker a CONNECT: one that closes them is not asked again at once.
      const isPrepared = stage.name === 'standing' && !stage.isFormer;
      if (isPrepared && !handover.isLetGo && relay.isSteady) this.#troubles.note(handover, preparedLost);
    }
    const { home, queueAt } = relay.record;
    const isLeft = leg.terms.broker !== home.broker && leg.terms.broker !== queueAt;
    if (isLeft && !relay.isTakenOver) purgeBehind(leg, relay, this.#context);
  }

  handleCutAborted(relay: Relay, { kind, message }: CutAbort): void {
    const handover = this.#handovers.get(relay.record.connection);
    if (handover?.stage.name !== 'cutting') return;
    if (!handover.handleStayed()) this.#forget(handover);
    if (handover.isLate) this.#troubles.note(handover, { kind: 'late', isLasting: false, message: 'it took too long' });
    else if (kind === 'operator' || kind === 'device-gone' || kind === 'device-stopped') {
      this.#context.ports.metrics.handovers.inc({ result: 'aborted' });
      if (kind === 'device-stopped') this.judgements.noteStopped(relay);
    } else this.#troubles.note(handover, { kind, isLasting: false, message });
  }

  /** For a session without a broker: to the leg that it has at this one, as soon as that can be. False: it has none. */
  cutTo(relay: Relay, broker: string): boolean {
    const handover = this.#handovers.get(relay.record.connection);
    if (handover?.broker !== broker || handover.stage.name === 'dialling') return false;
    handover.cut();
    // Where nothing has to be subscribed it is over, and done, in the same call.
    return handover.stage.name !== 'over' || !relay.isDetached;
  }

  /** Its broker is gone: a repair goes on from here, and a leg that is still dialled would be in its way. */
  handleDetached(relay: Relay): void {
    const handover = this.#handovers.get(relay.record.connection);
    if (handover?.stage.name === 'dialling') this.#takeBack(handover);
    this.#contacts.drop(relay);
    this.#fetches.yield(relay);
  }

  handleDeviceGone(relay: Relay): void {
    const { record } = relay;
    const handover = this.#handovers.get(record.connection);
    this.#setbacks.forget(record.connection);
    this.#contacts.drop(relay);
    if (handover?.stage.name === 'dialling') this.#dialling -= 1;
    if (handover !== undefined) this.#forget(handover);
  }

  close(): void {
    for (const handover of this.#handovers.values()) handover.end();
    this.#handovers.clear();
    this.#toCut.clear();
    this.#contacts.clear();
  }

  #look(relay: Relay, reckoning: HandoverReckoning): void {
    const { question, snapshot, counted } = reckoning;
    const broker = wantedBroker(relay, question, snapshot);
    const handover = this.#handovers.get(relay.record.connection);
    const isHome = relay.record.home.broker === broker;
    if (!this.#contacts.isMeant(relay, broker, { handover, question })) return;
    // A paused move, or one that only asks, changes nothing.
    const isPaused = question.isPaused === true;
    if (!isPaused && isHome && relay.isDetached) this.#repairs.redirect(relay, undefined);
    if (!isPaused && handover !== undefined && !isStillWanted(handover, broker, isHome)) this.#takeBack(handover);
    if (isHome) return;
    const sleeps = question.prepare === undefined ? this.judgements.sleeps(relay) : undefined;
    const stays = this.judgements.stays(relay, broker, snapshot) ?? sleeps;
    const reason = stays?.reason ?? this.#setbacks.stayReason(relay.record.connection, question);
    if (reason !== undefined) {
      if (!isPaused && handover !== undefined) this.#takeBack(handover);
      noteStaying(counted, { clientId: relay.record.clientId, reason }, stays?.pending);
      return;
    }
    if (this.#contacts.isAwaited(relay, broker, { handover, reckoning })) return;
    counted.remaining += 1;
    counted.destinations[broker] = (counted.destinations[broker] ?? 0) + 1;
    const current = this.#handovers.get(relay.record.connection);
    if (isPaused) {
      const connects = current === undefined ? connectsFor(relay, this.#context.settings, broker) : 0;
      notePrice(counted, broker, { filters: this.#toCut.filtersOf(relay, broker), connects });
    }
    if (current === undefined) reckoning.waiting.push({ relay, broker });
    else {
      if (!isPaused) this.#advance(current, broker, question);
      else if (current.move === question.move) this.#toCut.delete(current);
      this.#count(current, broker, counted);
    }
  }

  /** The question wants what is under way: from here on it goes on for that move. */
  #advance(handover: SessionHandover, broker: string, question: HandoverQuestion): void {
    const { move, prepare, movesLate, holdsSwitches } = question;
    handover.move = move;
    handover.wantedMs = this.#context.ports.clock.monotonicMs();
    const isLate = movesLate === true && handover.relay.record.assignment.broker === broker;
    if (holdsSwitches === true || (prepare !== undefined && !isLate)) this.#toCut.delete(handover);
    // Also where the broker that it would be cut from is lost: the repair that is under way then has nothing left to do.
    else if (handover.stands && handover.broker === broker) this.#toCut.add(handover);
  }

  #count(handover: SessionHandover, broker: string, counted: CountedSessions): void {
    const isPrepared = handover.stands && !this.#toCut.has(handover);
    if (isPrepared && handover.broker === broker) counted.prepared += 1;
    else counted.underWay += 1;
  }

  #beginSome(reckoning: HandoverReckoning): void {
    const { question, waiting } = reckoning;
    const nowMs = this.#context.ports.clock.monotonicMs();
    const isReady = ({ relay, broker }: HandoverReckoning['waiting'][number]) => {
      const isDown = () => this.#troubles.isDown(broker);
      return !this.#setbacks.rests(relay.record.connection, question, { nowMs, isDown });
    };
    for (const { relay, broker } of inOrder(waiting.filter(isReady), question)) {
      if (reckoning.counted.begun >= question.begin || this.#dialling >= maxDialling) return;
      this.#begin(relay, broker, reckoning);
    }
    this.#contacts.wish(reckoning.due.filter(isReady), reckoning);
  }

  /** The broker may be tried with one more device that it is not known to know. */
  #beginContact(relay: Relay, broker: string, question: HandoverQuestion): void {
    const { connection } = relay.record;
    if (!this.#handovers.has(connection) && this.#dialling < maxDialling) {
      this.#begin(relay, broker, startReckoning(question, this.#context.ports.snapshot()));
    }
    if (this.#contacts.noteBegun(this.#handovers.get(connection), broker)) this.#tally.noteContacted(question.move);
  }

  #begin(relay: Relay, broker: string, reckoning: HandoverReckoning): void {
    const { move, prepare } = reckoning.question;
    this.judgements.forget(relay);
    if (this.judgements.stays(relay, broker, reckoning.snapshot) !== undefined) return;
    const handover = new SessionHandover(relay, { broker, move }, this.#context);
    const obstacle = dialObstacle(relay, this.#context.settings, broker);
    if (obstacle !== undefined) {
      this.#troubles.note(handover, obstacle);
      return;
    }
    if (relay.isDetached) {
      if (prepare !== undefined) return;
      reckoning.counted.underWay += 1;
      this.#repairs.redirect(relay, { broker, move });
      return;
    }
    reckoning.counted.begun += 1;
    reckoning.counted.begunConnects += connectsFor(relay, this.#context.settings, broker);
    reckoning.counted.underWay += 1;
    this.#dialling += 1;
    this.#handovers.set(relay.record.connection, handover);
    void handover.dial(this);
  }

  #takeBack(handover: SessionHandover): void {
    if (handover.stage.name === 'dialling') this.#dialling -= 1;
    this.#toCut.delete(handover);
    handover.takeBack();
    if (handover.stage.name === 'over') this.#forget(handover);
  }

  #forget(handover: SessionHandover): void {
    const { connection } = handover.relay.record;
    if (this.#handovers.get(connection) === handover) this.#handovers.delete(connection);
    this.#toCut.delete(handover);
    this.#contacts.payBack(handover);
    handover.end();
  }

  #secondsOf({ sinceMs }: SessionHandover): number {
    return (this.#context.ports.clock.monotonicMs() - sinceMs) / 1_000;
  }
}
