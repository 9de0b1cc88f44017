import { encodeAcknowledgement } from './acknowledgement-packet.ts';
import { BrokerLeg } from './broker-leg.ts';
import { packetType } from './control-packet.ts';
import type { CutOptions } from './cut-options.ts';
import { retainedMs } from './delivery-judgement.ts';
import type { DevicePublish } from './device-publish.ts';
import { encodeClientDisconnect } from './disconnect-packet.ts';
import { createFormerLeg } from './former-leg.ts';
import { reasonCode } from './reason-code.ts';
import { SessionCut } from './session-cut.ts';
import { freeSlot, otherLeg, type SessionParts } from './session-parts.ts';
import type { UpstreamTerms } from './session-terms.ts';
import type { SubscriptionOrder } from './subscription-answer.ts';
import { resumeUplink, sendOwnWaiting, transferUplink } from './unfinished-transfer.ts';
import type { UpstreamLeg } from './upstream-leg.ts';

/** Legs in a row that are lost while what was sent again on them is not answered: it is what their broker closes for. */
const maxRefusals = 2;

/** `restoring`: a leg is active again, and its broker is being asked for the device's subscriptions. */
type Attachment = 'attached' | 'detached' | 'restoring';

/** What the session says to its legs. */
export interface LegSession {
  /** What a broker would hold of a new session is all known. */
  mayBeginAnew(): boolean;
  /** Another broker's limit holds for the device's packets. */
  boundDevice(maxPacketBytes: number): void;
}

/** The legs of a session: attached, lost, replaced, cut over to, dismissed. */
export class SessionLegs {
  readonly #parts: SessionParts;
  readonly #publish: DevicePublish;
  readonly #session: LegSession;
  readonly #cut: SessionCut;
  #attachment: Attachment = 'attached';
  #refusals = 0;

  constructor(parts: SessionParts, publish: DevicePublish, session: LegSession) {
    this.#session = session;
    this.#parts = parts;
    this.#publish = publish;
    this.#cut = new SessionCut(parts, {
      switchTo: (leg) => this.#switchTo(leg),
      dismiss: (leg, message) => this.#dismiss(leg, message),
      strand: (message) => this.#strand(message),
      takeOver: (former) => this.#takeOver(former) || this.#failUnrepeatable(),
    });
  }

  get phase(): SessionCut['phase'] | 'detached' {
    return this.#attachment === 'detached' ? 'detached' : this.#cut.phase;
  }

  /** The former leg that was lost before its broker had given what it had. */
  get awaited(): UpstreamLeg | undefined {
    return this.#cut.awaited;
  }

  get active(): UpstreamLeg | undefined {
    return this.#parts.leg.isOver ? undefined : this.#parts.leg;
  }

  /** The leg that stands by, if no cut goes to it or leaves it. */
  get standing(): UpstreamLeg | undefined {
    return this.#cut.phase === 'stable' ? otherLeg(this.#parts) : undefined;
  }

  find(number: number): UpstreamLeg | undefined {
    return this.#parts.legs.find((leg) => leg?.number === number && !leg.isOver);
  }

  attach(number: number, upstream: UpstreamTerms): void {
    if (this.#attachment === 'detached') {
      this.#replace(number, upstream);
      return;
    }
    this.forgetFormer();
    const slot = freeSlot(this.#parts);
    if (slot === undefined) throw new Error(`leg ${number} is a third one`);
    this.#parts.legs[slot] = new BrokerLeg(this.#parts, { number, slot, upstream });
  }

  /**
   * The former leg's broker again, asked to take its session up: what it has left for the device is fetched, and nothing is
   * asked for. False: nobody waits for that any more.
   */
  attachFormer(number: number, upstream: UpstreamTerms): boolean {
    const parts = this.#parts;
    const lost = this.awaited;
    if (lost === undefined) return false;
    const leg = createFormerLeg(parts, lost, { number, upstream });
    parts.legs[leg.slot] = leg;
    if (upstream.sessionPresent) parts.downlink.resume(leg.slot);
    else this.#finishDownlink(lost);
    this.#cut.resumeFormer(leg);
    return true;
  }

  /** The former leg's broker is not asked again. */
  forgetFormer(): void {
    const lost = this.awaited;
    if (lost === undefined) return;
    this.#cut.forgetFormer();
    this.#finishDownlink(lost);
    this.#parts.legs[lost.slot] = undefined;
  }

  /** Also of a session that is detached: it ends on the leg that stands by. */
  cut(options: CutOptions): boolean {
    return this.#attachment !== 'restoring' && this.#cut.begin(options);
  }

  abortCut(): void {
    this.#cut.abort({ kind: 'operator', message: 'taken back' });
  }

  dismiss(number: number, { message, endsSession = false }: { message: string; endsSession?: boolean }): void {
    const leg = this.find(number);
    if (leg === undefined || leg === this.#parts.leg) return;
    if (leg === this.#cut.target) this.#cut.abort({ kind: 'operator', message });
    else this.#dismiss(leg, message, endsSession);
  }

  /** The session ends: whatever leg is not the device's own is told so. */
  end(): void {
    this.#cut.tellDuplicates();
    const other = otherLeg(this.#parts);
    if (other === undefined) return;
    if (other === this.#cut.target) this.#cut.abort({ kind: 'device-gone', message: 'the session has ended' });
    else this.#dismiss(other, 'the session has ended');
  }

  tick(): void {
    for (const leg of this.#parts.legs) {
      const blame = leg?.isOver === false ? leg.handleTick(this.#parts.nowMs) : undefined;
      if (leg !== undefined && blame !== undefined) this.leave(leg, blame);
    }
  }

  /** Its broker is silent, or says what is not MQTT: it is left in order, because the device is there. */
  leave(leg: UpstreamLeg, message: string): void {
    if (leg.isOver || this.#parts.end !== undefined) return;
    if (leg === this.#cut.target) {
      this.#cut.abort({ kind: 'unanswered', message });
      return;
    }
    const mayBeTold = leg.output.atBoundary;
    if (mayBeTold) leg.output.send(encodeClientDisconnect(leg.upstream.protocol));
    this.lose(leg, message, mayBeTold ? 'disconnect' : 'lost');
  }

  /** The leg's connection is gone, or goes. */
  lose(leg: UpstreamLeg, message: string, how: 'disconnect' | 'lost' = 'lost'): void {
    const { port, passing, fail } = this.#parts;
    if (leg.isOver || this.#parts.end !== undefined) return;
    const isActive = leg === this.#parts.leg;
    const isHalfSent = passing === leg || (isActive && !leg.output.atBoundary);
    // What was read before this in the same bytes was answered.
    leg.output.flush();
    leg.isOver = true;
    leg.stream.stop();
    port.legOver(leg.number, how, message);
    const isForced = this.#cut.legLost(leg, message);
    if (isHalfSent) {
      fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message: `${message}, inside a packet` });
    } else if (isActive) this.#detach(message, isForced);
    else if (!this.#takeOver(leg)) this.#failUnrepeatable();
  }

  /** After every event of the session. */
  advance(): void {
    if (this.#attachment === 'restoring') this.#advanceRestoring();
    if (this.#mayAdvanceCut()) this.#cut.advance();
    if (this.#parts.leg.ownWaiting.length > 0) sendOwnWaiting(this.#parts, this.#parts.leg, this.#publish);
  }

  nextDeadlineMs(): number {
    return this.#mayAdvanceCut() ? this.#cut.nextDeadlineMs() : Number.POSITIVE_INFINITY;
  }

  /** Detached, a cut goes on to its switch; behind it the former leg stays as it is until another one is active. */
  #mayAdvanceCut(): boolean {
    return this.#attachment === 'attached' || (this.#attachment === 'detached' && this.#cut.target !== undefined);
  }

  #detach(message: string, isForced: boolean): void {
    const parts = this.#parts;
    parts.isHolding = true;
    // A cut is under way: it ends on the leg that is left, and nothing is restored on this one any more.
    if (isForced) {
      if (this.#attachment === 'restoring') this.#attachment = 'attached';
      return;
    }
    const { repeated, repeatedOrders, desk } = parts.leg;
    // What was sent for the first time says nothing: connections are lost for other reasons, days apart.
    const isRefusal =
      repeated.size > 0 || desk.isRestoring || desk.unanswered().some((order) => repeatedOrders.has(order));
    this.#refusals = isRefusal ? this.#refusals + 1 : 0;
    if (this.#refusals >= maxRefusals) {
      // The device hears so, as it would without a gateway: else its one packet would cost a CONNECT for ever.
      const cause = `${message}, each time behind what the device had sent before`;
      parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message: cause });
      return;
    }
    this.#attachment = 'detached';
    parts.port.detached(message);
  }

  /** A cut from a lost leg has failed. Where the shell knows of the loss, it has gone on with it. */
  #strand(message: string): void {
    if (this.#attachment === 'detached') return;
    this.#attachment = 'detached';
    this.#parts.port.detached(message);
  }

  #replace(number: number, upstream: UpstreamTerms): void {
    const parts = this.#parts;
    const lost = parts.leg;
    const { desk, slot } = lost;
    const isResumed = upstream.sessionPresent;
    if (!isResumed && !this.#session.mayBeginAnew()) {
      // The device subscribes again when it connects anew; kept, it would get nothing and never know.
      const message = 'its broker has forgotten the session, and the gateway never saw its subscriptions';
      parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message });
      return;
    }
    // A session that was lost while it was subscribed again lacks what its broker had not answered, and one that its broker
    // may have taken from an older record lacks what it was granted since: asked for once more, it costs a SUBSCRIBE.
    const isSubscribed = isResumed && !desk.isRestoring && upstream.profile.resumesWhole;
    const orders = desk.unanswered();
    desk.abandon();
    const known = desk.known();
    const leg = new BrokerLeg(parts, {
      ...{ number, slot, upstream },
      ...(isResumed && { resumes: lost, held: isSubscribed ? known : [] }),
    });
    leg.desk.hasSubscribed = desk.hasSubscribed;
    leg.desk.place.table.leave(desk.place.table.left);
    parts.legs[slot] = leg;
    this.#follow(leg);
    this.#attachment = isSubscribed ? 'attached' : 'restoring';
    parts.isHolding = !isSubscribed;
    if (!isSubscribed) {
      leg.restoringUntilMs = Number.POSITIVE_INFINITY;
      leg.desk.restore(known, parts.nowMs);
    } else if (lost.restoringUntilMs > Number.NEGATIVE_INFINITY) {
      // The retained messages that the gateway's own SUBSCRIBE brought may have waited in the session.
      leg.restoringUntilMs = parts.nowMs + retainedMs;
      leg.askedAnew.push(...lost.askedAnew);
    }
    this.#adopt(leg, orders);
    if (isResumed) parts.downlink.resume(slot);
    else this.#finishDownlink(lost);
    const isWhole = isResumed
      ? resumeUplink(parts, leg, this.#publish)
      : transferUplink(parts, lost, leg, this.#publish);
    if (!isWhole) this.#failUnrepeatable();
    else parts.port.switched(number);
  }

  #advanceRestoring(): void {
    const { leg, nowMs, fail } = this.#parts;
    const { denied } = leg.desk;
    if (denied !== undefined) {
      const message = 'the broker does not grant a subscription any more';
      fail({ side: 'broker', reason: reasonCode.notAuthorized, message });
      return;
    }
    if (leg.desk.isRestoring) return;
    leg.restoringUntilMs = nowMs + retainedMs;
    this.#attachment = 'attached';
    this.#parts.isHolding = false;
  }

  #switchTo(target: UpstreamLeg): void {
    const parts = this.#parts;
    const former = parts.leg;
    target.desk.hasSubscribed = former.desk.hasSubscribed;
    this.#follow(target);
    this.#attachment = 'attached';
    if (!former.isOver) return;
    this.#adopt(target, former.desk.unanswered());
    if (!this.#takeOver(former)) this.#failUnrepeatable();
  }

  #adopt(leg: UpstreamLeg, orders: readonly SubscriptionOrder[]): void {
    for (const order of orders) leg.repeatedOrders.add(order);
    leg.desk.adopt(orders, this.#parts.nowMs);
  }

  #follow(leg: UpstreamLeg): void {
    this.#parts.leg = leg;
    this.#session.boundDevice(leg.upstream.maxPacketBytes);
  }

  /** A leg that is not active goes, and what is unfinished there is finished on the active one, or with the device alone. */
  #takeOver(leg: UpstreamLeg): boolean {
    const parts = this.#parts;
    // What it delivered is its broker's to say again.
    const isAwaited = leg === this.awaited;
    if (!isAwaited) this.#finishDownlink(leg);
    const unreleased = isAwaited ? leg.uplink.unreleased() : [];
    const isWhole = transferUplink(parts, leg, parts.leg, this.#publish);
    // Under these it would take another message for the one that it has.
    for (const upstreamId of unreleased) leg.identifiers.remember(upstreamId, 0);
    if (leg.isOver && !isAwaited) parts.legs[leg.slot] = undefined;
    return isWhole;
  }

  #finishDownlink(leg: UpstreamLeg): void {
    const { downlink, device, toDevice, port } = this.#parts;
    for (const packetId of downlink.orphan(leg.slot)) {
      toDevice.send(encodeAcknowledgement(device.protocol, { type: packetType.pubrel, packetId }));
    }
    for (; leg.heldFromBroker.size > 0; leg.heldFromBroker.shift()) port.dropped('leg-lost');
  }

  #dismiss(leg: UpstreamLeg, message: string, endsSession = false): void {
    if (leg.isOver) return;
    if (this.#parts.passing === leg) {
      const inside = `${message}, inside a packet`;
      this.#parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message: inside });
    }
    const { legs, port, end } = this.#parts;
    const mayBeTold = leg.output.atBoundary;
    if (mayBeTold)
      leg.output.send(encodeClientDisconnect(leg.upstream.protocol, endsSession ? { sessionExpiryInterval: 0 } : {}));
    leg.output.flush();
    leg.isOver = true;
    leg.stream.stop();
    legs[leg.slot] = undefined;
    if (end === undefined) this.#finishDownlink(leg);
    port.legOver(leg.number, mayBeTold ? 'disconnect' : 'lost', message);
  }

  #failUnrepeatable(): false {
    const message = 'a broker is lost, and what the device sent cannot be sent again';
    this.#parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message });
    return false;
  }
}
