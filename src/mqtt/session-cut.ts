import type { CutOptions } from './cut-options.ts';
import {
  brokerBusy,
  busyMs,
  type CutStep,
  deviceStopped,
  drainMs,
  isNobodysFault,
  type OverlappingStep,
  settleInflightMs,
  stable,
} from './cut-step.ts';
import { retainedMs } from './delivery-judgement.ts';
import { OverlapDuplicates } from './overlap-duplicates.ts';
import { OverlapEnd, queueMs } from './overlap-end.ts';
import { otherLeg, type SessionParts } from './session-parts.ts';
import type { CutAbort } from './session-port.ts';
import { subscriptionDifference } from './subscription-difference.ts';
import type { HeldSubscription } from './subscription-table.ts';
import { isTransferable } from './unfinished-transfer.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** What the machine does for a cut, in the same call. */
export interface CutEffects {
  /** The active role goes to the leg, and what was held with it. */
  switchTo(leg: UpstreamLeg): void;
  /** DISCONNECT, and the leg is over. */
  dismiss(leg: UpstreamLeg, message: string): void;
  /** The cut has ended before its switch, and the leg that it was to leave is lost: none is active. */
  strand(message: string): void;
  /** The former leg's unfinished exchanges go to the active one: it is not waited for any longer. False: they cannot. */
  takeOver(former: UpstreamLeg): boolean;
}

/** The move of a session's active role from one leg to the other, step by step (docs/decisions/0009-live-handover.md). */
export class SessionCut {
  readonly #parts: SessionParts;
  readonly #effects: CutEffects;
  #step: CutStep = stable;
  /** The overlap that a way back began in: it goes on where the way back is given up. */
  #interrupted: OverlappingStep | undefined;
  /** The active leg that `changes` of a step was counted on: another one may take its place. */
  #wantedBy: UpstreamLeg | undefined;
  #options: CutOptions = { overlapMs: 0, settleMs: 0, leaveMs: 0 };

  constructor(parts: SessionParts, effects: CutEffects) {
    this.#parts = parts;
    this.#effects = effects;
  }

  get phase(): 'stable' | 'restoring' | 'settling' | 'holding' | 'draining' {
    const { name } = this.#step;
    return name === 'restoring' || name === 'settling' || name === 'holding' || name === 'stable' ? name : 'draining';
  }

  /** The leg that the active role is to go to. */
  get target(): UpstreamLeg | undefined {
    return this.#isBeforeSwitch ? otherLeg(this.#parts) : undefined;
  }

  /** The former leg, lost, whose broker is to be connected to again. */
  get awaited(): UpstreamLeg | undefined {
    return this.#step.name === 'awaiting' ? this.#former : undefined;
  }

  get #isBeforeSwitch(): boolean {
    const { name } = this.#step;
    return name === 'restoring' || name === 'settling' || name === 'holding';
  }

  /**
   * False: no leg stands by, or a cut is under way. It also goes back over the leg just left: as long as that one is
   * subscribed, and from a leg that is lost whatever it holds.
   */
  begin(options: CutOptions): boolean {
    const target = otherLeg(this.#parts);
    const { name } = this.#step;
    const isSubscribed = name === 'overlapping' || name === 'leaving';
    const isWayBack = isSubscribed || (this.#step !== stable && !this.#isBeforeSwitch && this.#parts.leg.isOver);
    if ((this.#step !== stable && !isWayBack) || target === undefined || target.isOver) return false;
    // What it is being unsubscribed from it does not hold any more, whatever its broker has answered so far.
    const held = name === 'unsubscribing' ? nothingHeld : target.desk.subscriptions();
    this.tellDuplicates();
    this.#interrupted = this.#step.name === 'overlapping' ? this.#step : undefined;
    this.#options = options;
    target.restoringUntilMs = Number.POSITIVE_INFINITY;
    target.isRelieved = !this.#parts.leg.isOver;
    // What the device asked of it in its earlier turn is answered.
    target.askedAnew.length = 0;
    this.#restore(target, held);
    return true;
  }

  /** After every event of the session. */
  advance(): void {
    for (let before: CutStep | undefined; before !== this.#step; ) {
      before = this.#step;
      this.#advanceOnce();
    }
  }

  nextDeadlineMs(): number {
    switch (this.#step.name) {
      case 'settling':
      case 'leaving':
      case 'draining':
        return this.#step.untilMs;
      case 'holding':
        return this.#step.sinceMs + (this.#heldMs < settleInflightMs ? settleInflightMs : busyMs);
      case 'overlapping':
        return this.#step.end.deadlineMs(this.#parts.nowMs);
      default:
        return Number.POSITIVE_INFINITY;
    }
  }

  /** Takes everything back, before the switch. */
  abort(reason: CutAbort): void {
    const { target } = this;
    if (target === undefined) return;
    if (this.#interrupted !== undefined && !this.#parts.leg.isOver && isNobodysFault(reason)) {
      this.#step = this.#interrupted;
      this.#parts.isHolding = false;
      this.#parts.overlap = new OverlapDuplicates();
      this.#parts.port.cutAborted(target.number, reason);
      return;
    }
    // What a leg just left has of its turn goes on on the active one, or on the one that follows that.
    if (reason.kind !== 'device-gone') this.#effects.takeOver(target);
    this.#effects.dismiss(target, reason.message);
    this.#end(target, reason);
  }

  /** The leg is lost, and the machine has forgotten it or holds it for a repair. True: the cut is what goes on with it. */
  legLost(leg: UpstreamLeg, message: string): boolean {
    const { target } = this;
    if (leg === this.#parts.leg) {
      if (target !== undefined) target.isRelieved = false;
      return target !== undefined;
    }
    const overlap = this.#isBeforeSwitch ? this.#interrupted : this.#step;
    if (this.#isBeforeSwitch) this.#end(leg, { kind: 'leg-lost', message });
    this.tellDuplicates();
    this.#step = stable;
    // What its broker has answered of a way back is not known, and so not what it would deliver.
    const hasQueue = overlap?.name === 'overlapping' && this.#options.leaveMs > 0 && leg.desk.pending === 0;
    // MQTT 3.1 has no Session Present: nobody could tell what of the device's exchanges goes on there.
    const canTell = leg.upstream.protocol !== '3.1';
    if (hasQueue && canTell && this.#parts.end === undefined) this.#step = { name: 'awaiting', overlap };
    return false;
  }

  /** The former leg's broker is connected again, in its place. */
  resumeFormer({ upstream }: UpstreamLeg): void {
    if (this.#step.name !== 'awaiting') return;
    this.#parts.overlap = new OverlapDuplicates();
    this.#step = this.#step.overlap;
    this.#step.end.resume(upstream.profile.queueQuietMs);
  }

  /** It is not awaited any more. */
  forgetFormer(): void {
    if (this.#step.name === 'awaiting') this.#step = stable;
  }

  #end(target: UpstreamLeg, reason: CutAbort): void {
    const { leg, port } = this.#parts;
    this.#step = stable;
    this.#parts.isHolding = leg.isOver;
    port.cutAborted(target.number, reason);
    if (leg.isOver && this.#parts.end === undefined) this.#effects.strand(reason.message);
  }

  #advanceOnce(): void {
    const { nowMs } = this.#parts;
    switch (this.#step.name) {
      case 'restoring':
        this.#advanceRestoring(this.#step.changes);
        break;
      case 'settling':
        if (this.#hasChanged(this.#step.changes)) this.#restoreTarget();
        else if (this.#step.untilMs <= nowMs || this.#parts.leg.isOver) this.#hold(this.#step.changes);
        break;
      case 'holding':
        this.#advanceHolding(this.#step.changes);
        break;
      case 'overlapping':
        this.#advanceOverlap(this.#step);
        break;
      case 'leaving':
        if (this.#step.untilMs <= nowMs) this.#unsubscribeFormer();
        break;
      case 'unsubscribing':
        if (this.#former?.desk.pending === 0)
          this.#step = { name: 'draining', untilMs: nowMs + drainMs, sinceMs: nowMs };
        break;
      case 'draining':
        this.#advanceDraining(this.#step);
        break;
    }
  }

  #restoreTarget(): void {
    const { target } = this;
    this.#parts.isHolding = this.#parts.leg.isOver;
    if (target !== undefined) this.#restore(target);
  }

  /** Brings what the target's broker holds in line with what the device holds. */
  #restore(target: UpstreamLeg, held = target.desk.subscriptions()): void {
    const { leg, nowMs } = this.#parts;
    // Where the active leg is lost, with what it was being asked for again.
    const { missing, surplus } = subscriptionDifference(leg.desk.known(), held);
    this.#wantedBy = leg;
    this.#step = { name: 'restoring', changes: leg.desk.changes };
    target.desk.release(surplus, nowMs);
    target.desk.restore(missing, nowMs);
  }

  #advanceRestoring(changes: number): void {
    const { target } = this;
    if (target === undefined) return;
    const { denied } = target.desk;
    if (denied !== undefined) {
      const message = `the broker does not grant ${denied.slice(0, exampleCharacters)}`;
      this.abort({ kind: 'denied-subscription', message });
      return;
    }
    if (target.desk.pending > 0) return;
    if (this.#hasChanged(changes)) this.#restoreTarget();
    else this.#step = { name: 'settling', changes, untilMs: this.#parts.nowMs + this.#options.settleMs };
  }

  #hold(changes: number): void {
    this.#parts.isHolding = true;
    this.#step = { name: 'holding', changes, sinceMs: this.#parts.nowMs };
  }

  get #heldMs(): number {
    return this.#step.name === 'holding' ? this.#parts.nowMs - this.#step.sinceMs : 0;
  }

  #advanceHolding(changes: number): void {
    const { leg } = this.#parts;
    const { target } = this;
    if (target === undefined) return;
    const isForced = leg.isOver;
    if ((!leg.output.atBoundary || leg.desk.pending > 0) && !isForced) {
      if (this.#heldMs >= busyMs) this.abort(leg.desk.pending > 0 ? brokerBusy : deviceStopped);
      return;
    }
    if (this.#hasChanged(changes)) {
      this.#restoreTarget();
      return;
    }
    if (!isForced && leg.uplink.isOwedByBroker && this.#heldMs < settleInflightMs) return;
    this.#switch(target);
  }

  #switch(target: UpstreamLeg): void {
    const { leg: former, nowMs, port } = this.#parts;
    this.#parts.isHolding = false;
    this.#parts.overlap = new OverlapDuplicates();
    const quietMs = former.upstream.profile.queueQuietMs;
    this.#step = { name: 'overlapping', end: new OverlapEnd(this.#options, { quietMs, nowMs }) };
    target.restoringUntilMs = nowMs + retainedMs;
    this.#effects.switchTo(target);
    port.switched(target.number);
    if (!former.isOver) return;
    this.tellDuplicates();
    this.#step = stable;
  }

  #advanceOverlap({ end }: OverlappingStep): void {
    const { nowMs, port } = this.#parts;
    const { leaveMs } = this.#options;
    const former = this.#former;
    if (former === undefined) return;
    // A way back that was given up may be asking it for what the device has subscribed to meanwhile.
    const isBusy = former.desk.pending > 0;
    if (!end.isReached(former, { owes: this.#owesDevice(former), isBusy }, nowMs)) return;
    port.leaving(former.number);
    if (leaveMs > 0) this.#step = { name: 'leaving', untilMs: nowMs + leaveMs };
    else this.#unsubscribeFormer();
  }

  #owesDevice(former: UpstreamLeg): boolean {
    return this.#parts.downlink.sizeOn(former.slot) > 0 || former.heldFromBroker.size > 0;
  }

  #unsubscribeFormer(): void {
    const former = this.#former;
    if (former === undefined) return;
    former.desk.release([...former.desk.subscriptions().keys()], this.#parts.nowMs);
    this.#step = { name: 'unsubscribing' };
  }

  #advanceDraining({ untilMs, sinceMs }: { readonly untilMs: number; readonly sinceMs: number }): void {
    const { nowMs, leg, port, passing } = this.#parts;
    const former = this.#former;
    if (former === undefined) return;
    const owesDevice = this.#owesDevice(former) || passing === former;
    const owed = former.uplink.deviceIds().some((deviceId) => former.uplink.isWithBroker(deviceId));
    if ((owesDevice || owed || !former.output.atBoundary) && nowMs < untilMs) return;
    const isClean = !owesDevice && !owed && former.output.atBoundary;
    // What it still owes nobody else can give.
    const isAlone = passing === former || !isTransferable(former);
    if (!isClean && isAlone && nowMs < sinceMs + queueMs) {
      this.#step = { name: 'draining', untilMs: nowMs + drainMs, sinceMs };
      return;
    }
    for (const deviceId of former.uplink.keptIds()) {
      if (former.uplink.isWithBroker(deviceId)) continue;
      former.uplink.forsake(deviceId);
      leg.uplink.keep(deviceId);
    }
    this.tellDuplicates();
    this.#step = stable;
    if (isClean) port.drained(former.number);
    else if (this.#effects.takeOver(former)) this.#effects.dismiss(former, 'it still owed something in the end');
  }

  /** What both legs delivered is counted where the overlap ends, however it does. */
  tellDuplicates(): void {
    const { overlap, port } = this.#parts;
    this.#parts.overlap = undefined;
    if (overlap !== undefined && overlap.count > 0) port.deliveredTwice(overlap.count);
  }

  get #former(): UpstreamLeg | undefined {
    return otherLeg(this.#parts);
  }

  #hasChanged(changes: number): boolean {
    const { leg } = this.#parts;
    return leg !== this.#wantedBy || leg.desk.changes !== changes;
  }
}

const nothingHeld: ReadonlyMap<string, HeldSubscription> = new Map();

const exampleCharacters = 120;
