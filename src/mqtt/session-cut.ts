import { retainedMs } from './delivery-judgement.ts';
import { OverlapDuplicates } from './overlap-duplicates.ts';
import { otherLeg, type SessionParts } from './session-parts.ts';
import type { CutAbort } from './session-port.ts';
import { type HeldSubscription, isSameSubscription } from './subscription-table.ts';
import { isTransferable } from './unfinished-transfer.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** Milliseconds. */
export interface CutOptions {
  /** How long both legs deliver. */
  readonly overlapMs: number;
  /** How long the new one is waited for behind its SUBACK. */
  readonly settleMs: number;
  /**
   * Above 0 where the former broker may have a queue for the device: how long before it is unsubscribed the shell is told
   * that the queue is dry, so that it writes down where the session is.
   */
  readonly leaveMs: number;
}

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

/** How long the device is held for its old broker's answers before it goes on with them open. */
export const settleInflightMs = 1_000;
/** How long for what cannot stay open: a SUBSCRIBE under way, a large PUBLISH half sent. */
const busyMs = 5_000;
/** How long the former leg may owe something before the other one takes it over. */
const drainMs = 10_000;
/** How long a queue of the former broker may take to run dry before it is unsubscribed. */
const queueMs = 60_000;
/** A queue is dry when its broker has sent nothing for so long since the device acknowledged all: the next may be on its way. */
const dryMs = 100;

type Step =
  | { readonly name: 'stable' }
  | { readonly name: 'restoring'; readonly changes: number }
  | { readonly name: 'settling'; readonly changes: number; readonly untilMs: number }
  | { readonly name: 'holding'; readonly changes: number; readonly sinceMs: number }
  | { readonly name: 'overlapping'; readonly untilMs: number; readonly sinceMs: number; readonly busyMs: number }
  | { readonly name: 'leaving'; readonly untilMs: number }
  | { readonly name: 'unsubscribing' }
  | { readonly name: 'draining'; readonly untilMs: number; readonly sinceMs: number };

const stable: Step = { name: 'stable' };

/** The move of a session's active role from one leg to the other, step by step (docs/decisions/0009-live-handover.md). */
export class SessionCut {
  readonly #parts: SessionParts;
  readonly #effects: CutEffects;
  #step: Step = stable;
  /** The active leg that `changes` of a step was counted on: another one may take its place. */
  #wantedBy: UpstreamLeg | undefined;
  #options: CutOptions = { overlapMs: 0, settleMs: 0, leaveMs: 0 };

  constructor(parts: SessionParts, effects: CutEffects) {
    this.#parts = parts;
    this.#effects = effects;
  }

  get phase(): 'stable' | 'restoring' | 'settling' | 'holding' | 'draining' {
    const { name } = this.#step;
    return name === 'overlapping' || name === 'leaving' || name === 'unsubscribing' ? 'draining' : name;
  }

  /** The leg that the active role is to go to. */
  get target(): UpstreamLeg | undefined {
    return this.#isBeforeSwitch ? otherLeg(this.#parts) : undefined;
  }

  get #isBeforeSwitch(): boolean {
    const { name } = this.#step;
    return name === 'restoring' || name === 'settling' || name === 'holding';
  }

  /** False: no leg stands by, or a cut is under way. From a leg that is lost it also goes back over the one just left. */
  begin(options: CutOptions): boolean {
    const target = otherLeg(this.#parts);
    const isWayBack = this.#step !== stable && !this.#isBeforeSwitch && this.#parts.leg.isOver;
    if ((this.#step !== stable && !isWayBack) || target === undefined || target.isOver) return false;
    // What it is being unsubscribed from it does not hold any more, whatever its broker has answered so far.
    const held = this.#step.name === 'unsubscribing' ? nothingHeld : target.desk.subscriptions();
    if (isWayBack) this.#endOverlap();
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
    for (let before: Step | undefined; before !== this.#step; ) {
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
        return this.#overlapDeadlineMs(this.#step);
      default:
        return Number.POSITIVE_INFINITY;
    }
  }

  /** Takes everything back, before the switch. */
  abort(reason: CutAbort): void {
    const { target } = this;
    if (target === undefined) return;
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
    if (this.#isBeforeSwitch) {
      this.#end(leg, { kind: 'leg-lost', message });
      return false;
    }
    if (this.#step !== stable) this.#endOverlap();
    this.#step = stable;
    return false;
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
    const wanted = new Map(leg.desk.known().map((each) => [each.filter, each]));
    const missing = [...wanted.values()].filter((each) => !isHeldSo(held.get(each.filter), each));
    const surplus = [...held.keys()].filter((filter) => !wanted.has(filter));
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
    const isBusy = !leg.output.atBoundary || leg.desk.pending > 0;
    if (isBusy && !isForced) {
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
    const untilMs = nowMs + this.#options.overlapMs;
    this.#step = { name: 'overlapping', untilMs, sinceMs: nowMs, busyMs: Number.NEGATIVE_INFINITY };
    target.restoringUntilMs = nowMs + retainedMs;
    this.#effects.switchTo(target);
    port.switched(target.number);
    if (!former.isOver) return;
    this.#endOverlap();
    this.#step = stable;
  }

  #advanceOverlap(step: Extract<Step, { readonly name: 'overlapping' }>): void {
    const { nowMs, port } = this.#parts;
    const { leaveMs } = this.#options;
    const former = this.#former;
    if (former === undefined) return;
    if (this.#owesDevice(former) && step.busyMs < nowMs) this.#step = { ...step, busyMs: nowMs };
    if (nowMs < step.untilMs) return;
    // A broker that has more to give keeps its window full: its queue is the device's.
    const isDry = !this.#owesDevice(former) && nowMs >= this.#dryAtMs(step.busyMs);
    if (!isDry && nowMs < step.sinceMs + queueMs) return;
    port.leaving(former.number);
    if (leaveMs > 0) this.#step = { name: 'leaving', untilMs: nowMs + leaveMs };
    else this.#unsubscribeFormer();
  }

  #overlapDeadlineMs({ untilMs, sinceMs, busyMs }: Extract<Step, { readonly name: 'overlapping' }>): number {
    const former = this.#former;
    if (this.#parts.nowMs < untilMs) return untilMs;
    const isBusy = former !== undefined && this.#owesDevice(former);
    return isBusy ? sinceMs + queueMs : Math.min(this.#dryAtMs(busyMs), sinceMs + queueMs);
  }

  #dryAtMs(busyMs: number): number {
    return this.#options.leaveMs > 0 ? busyMs + dryMs : busyMs;
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
    const duplicates = this.#endOverlap();
    this.#step = stable;
    if (isClean) port.drained(former.number, duplicates);
    else if (this.#effects.takeOver(former)) this.#effects.dismiss(former, 'it still owed something in the end');
  }

  #endOverlap(): number {
    const duplicates = this.#parts.overlap?.count ?? 0;
    this.#parts.overlap = undefined;
    return duplicates;
  }

  get #former(): UpstreamLeg | undefined {
    return otherLeg(this.#parts);
  }

  #hasChanged(changes: number): boolean {
    const { leg } = this.#parts;
    return leg !== this.#wantedBy || leg.desk.changes !== changes;
  }
}

function isHeldSo(held: HeldSubscription | undefined, wanted: HeldSubscription): boolean {
  return held !== undefined && isSameSubscription(held, wanted);
}

const nothingHeld: ReadonlyMap<string, HeldSubscription> = new Map();

const exampleCharacters = 120;

const brokerBusy: CutAbort = { kind: 'busy', message: 'the old broker does not come to a rest' };
const deviceStopped: CutAbort = { kind: 'device-stopped', message: 'the device stopped in the middle of a packet' };
