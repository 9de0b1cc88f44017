import type { Socket } from 'node:net';
import { encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
import { reasonCode } from '../mqtt/reason-code.ts';
import { SessionMachine } from '../mqtt/session-machine.ts';
import type { DeviceDone, SessionFault } from '../mqtt/session-port.ts';
import { flushLingerMs } from './gateway-ports.ts';
import type { LegConnection } from './leg-connection.ts';
import { LegConnections } from './leg-connections.ts';
import type { DialledLeg, LegOrigin } from './leg-dial.ts';
import { gateReason } from './read-gate.ts';
import type { RelayHost, RelayOptions } from './relay-host.ts';
import { type LegNews, SessionEffects, type SessionOutcome } from './session-effects.ts';
import type { Findings } from './session-findings.ts';
import type { SessionRecord } from './session-record.ts';
import { closeAfterFlush } from './socket-closing.ts';

/** Bytes of a device that are read while it is held; beyond them it is not read. */
const maxBytesWhileHolding = 262_144;

/**
 * `open`: packets go both ways. `flushing`: the device sends no more, and what it sent goes out as the broker's windows
 * open. `device-done`: all of that has gone out, or was given up; the active leg's last bytes still flow to the device.
 * `broker-done`: that leg ended too; its last bytes flow out to the device. `released`: others close the sockets.
 */
type RelayState = 'open' | 'flushing' | 'device-done' | 'broker-done' | 'released';

/**
 * The sockets of one session around its machine: bytes in, effects out, time when its deadline comes. When one side's
 * socket is full, or the machine takes no more of a side, that side's sender is not read until it can be.
 */
export class Relay {
  readonly record: SessionRecord;
  /** What a further leg is dialled with. */
  readonly origin: LegOrigin;
  readonly findings: Findings;
  readonly device: Socket;
  readonly legs = new LegConnections();
  readonly #host: RelayHost;
  /** Others ask it, and only this relay tells it anything. */
  readonly machine: SessionMachine;
  readonly #effects: SessionEffects;
  #state: RelayState = 'open';
  #isDeviceGone = false;
  /** Set when the device leg is reported gone, to the wall clock's milliseconds. */
  #goneAtMs: number | undefined;
  #isTakenOver = false;
  #isOver = false;
  #flushTimer: NodeJS.Timeout | undefined;
  /** Called after each event while somebody waits for a quiet moment; see `orderly-close.ts`. */
  onProgress: (() => void) | undefined;
  /** Set by `orderly-close.ts`: the device begins no exchange any more. */
  isHolding = false;
  #bytesWhileHolding = 0;

  constructor({ record, origin, device, upstream, machine, findings }: RelayOptions, host: RelayHost) {
    this.record = record;
    this.origin = origin;
    this.findings = findings;
    this.device = device;
    this.#host = host;
    this.legs.active = this.legs.add(upstream, record.home);
    this.#effects = new SessionEffects({ device, legs: this.legs }, host, findings);
    const nowMs = host.clock.monotonicMs();
    this.machine = new SessionMachine({ ...machine, scratch: host.scratch, port: this.#effects, nowMs });
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Its device is there and nobody closes it: its legs may be changed. */
  get isSteady(): boolean {
    return this.#state === 'open' && this.onProgress === undefined && !this.machine.isEnded;
  }

  /** It has a device and no broker. */
  get isDetached(): boolean {
    return this.machine.phase === 'detached';
  }

  /** A newer leg has taken the session over. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  /** Nothing of the session is left in the gateway, or its client ID was given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Another part of the gateway closes the sockets already. */
  get isReleased(): boolean {
    return this.#state === 'released';
  }

  /** When the device left, by the wall clock; undefined while it is there. */
  get goneAtMs(): number | undefined {
    return this.#goneAtMs;
  }

  /** From here on the device begins no exchange: what it sends of that kind stays unread. */
  quiesce(): void {
    this.isHolding = true;
    this.machine.quiesce();
  }

  /** Takes both sockets over. `fromBroker` came behind CONNACK, `pipelined` behind CONNECT; both are moved first. */
  start(early: {
    readonly fromBroker: Buffer;
    readonly pipelined: readonly Buffer[];
    readonly sentFin: boolean;
  }): void {
    const { device } = this;
    device.on('data', (chunk: Buffer) => this.#handleDeviceData(chunk));
    device.on('drain', () => this.#effects.deviceDrained());
    device.on('end', () => this.#handleDeviceEnd());
    device.on('close', () => this.#handleDeviceClose());
    const { active } = this.legs;
    if (active !== undefined) this.#listen(active);
    device.resume();
    active?.socket.resume();
    if (active !== undefined && early.fromBroker.length > 0) this.#handleBrokerData(active, early.fromBroker);
    for (const chunk of early.pipelined) this.#handleDeviceData(chunk);
    if (this.#state === 'open') this.#host.deadlines.schedule(this);
    if (early.sentFin) this.#handleDeviceEnd();
    if (device.destroyed) this.#handleDeviceClose();
    if (active?.socket.destroyed === true) this.#handleBrokerClose(active);
  }

  /** Takes over a further connection, on which the broker said CONNACK 0. Undefined: the session needs none any more. */
  addLeg({ socket, terms, upstream, rest }: DialledLeg, isRepair: boolean): LegConnection | undefined {
    if (!this.isSteady || this.isDetached !== isRepair || (!isRepair && this.legs.others.length > 0)) return undefined;
    const leg = this.legs.add(socket, terms);
    this.#listen(leg);
    this.#effects.legAdded(leg);
    this.machine.attach(leg.number, upstream, this.#host.clock.monotonicMs());
    this.#settle();
    if (rest.length > 0) this.#handleBrokerData(leg, rest);
    if (leg.socket.destroyed) this.#handleBrokerClose(leg);
    else if (!leg.gate.isShut) socket.resume();
    this.#host.deadlines.schedule(this);
    return leg;
  }

  /** Starts the move of the active role to the leg that stands by. False: none does, or another one is under way. */
  cut(options: { readonly overlapMs: number; readonly settleMs: number }): boolean {
    const isBegun = this.isSteady && this.machine.cut(options, this.#host.clock.monotonicMs());
    this.#settle();
    return isBegun;
  }

  abortCut(): void {
    this.machine.abortCut(this.#host.clock.monotonicMs());
    this.#settle();
  }

  /** Ends a leg that stands by. */
  dismiss(leg: number): void {
    this.machine.dismiss(leg, this.#host.clock.monotonicMs());
    this.#settle();
  }

  /** Keeps the client ID, whatever becomes of the device, until what is returned is called. */
  hold(): () => void {
    return this.legs.hold(() => this.#yieldWhenClosed());
  }

  /** The session has no broker and gets none: its device is told so, where its MQTT has words, and closed. */
  giveUp(reason: number, message: string): void {
    if (!this.#movesPackets()) return;
    const farewell = this.machine.mayTellDevice ? encodeServerDisconnect(this.record.protocol, reason) : undefined;
    this.#fail({ side: 'broker', reason, message }, farewell);
  }

  nextDeadlineMs(): number {
    return this.#movesPackets() ? this.machine.nextDeadlineMs() : Number.POSITIVE_INFINITY;
  }

  handleDeadline(nowMs: number): void {
    // A leg that is not read is not silent: what its peer said lies in the socket.
    if (this.#state !== 'open' || this.#effects.deviceGate.isShut) this.machine.excuseDevice(nowMs);
    for (const { gate, number } of this.legs.open) if (gate.isShut) this.machine.excuseBroker(number, nowMs);
    this.machine.handleTick(nowMs);
    this.#settle();
  }

  /**
   * Moves nothing any more and drops what comes in, for whoever closes the device and the active leg now; the session
   * counts as gone. Its other legs are ended in order.
   */
  release(isTakenOver = false): void {
    this.#endOthers();
    this.#state = 'released';
    this.onProgress = undefined;
    clearTimeout(this.#flushTimer);
    this.#host.deadlines.remove(this);
    this.#reportDeviceGone(isTakenOver);
  }

  /** Gives the client ID up, for a newer leg whose broker ends this one by its own takeover. */
  yieldLeg(): void {
    if (this.#isOver || this.#goneAtMs === undefined) return;
    this.#isOver = true;
    this.#host.handleLegOver(this, this.#isSessionOver());
  }

  #listen(leg: LegConnection): void {
    const { socket } = leg;
    socket.on('data', (chunk: Buffer) => this.#handleBrokerData(leg, chunk));
    socket.on('drain', () => this.#effects.brokerDrained(leg));
    socket.on('end', () => this.#handleBrokerEnd(leg));
    socket.on('close', () => this.#handleBrokerClose(leg));
  }

  #handleDeviceData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#host.bytes.fromDevice += chunk.length;
    this.machine.handleDeviceData(chunk, this.#host.clock.monotonicMs());
    if (this.isHolding) this.#boundHolding(chunk.length);
    this.#settle();
  }

  /** Acknowledgements of a device that is held still count, but what it begins is only kept. */
  #boundHolding(bytes: number): void {
    this.#bytesWhileHolding += bytes;
    if (this.#bytesWhileHolding > maxBytesWhileHolding) this.#effects.deviceGate.shut(gateReason.holding);
  }

  #handleBrokerData(leg: LegConnection, chunk: Buffer): void {
    if (this.#state === 'released') return;
    this.#host.bytes.fromBroker += chunk.length;
    if (leg.isOver || this.#isDeaf()) return;
    this.machine.handleBrokerData(chunk, this.#host.clock.monotonicMs(), leg.number);
    this.#settle();
    // The device's windows open no more once it has left: its broker's end would never be read.
    if (this.#state === 'device-done' && this.#isDeaf()) leg.gate.openWide();
  }

  /** Nobody is left to whom the broker's bytes could be given. */
  #isDeaf(): boolean {
    if (this.#movesPackets()) return false;
    return this.#isDeviceGone || this.legs.active?.gate.has(gateReason.machine) !== false;
  }

  #movesPackets(): boolean {
    return this.#state === 'open' || this.#state === 'flushing';
  }

  /** After every event: bytes leave, and what the event changed is acted upon. */
  #settle(): void {
    const effects = this.#effects;
    effects.flush();
    for (let news = effects.nextNews(); news !== undefined; news = effects.nextNews()) this.#handleNews(news);
    if (effects.outcome !== undefined && this.#movesPackets()) this.#end(effects.outcome);
    else if (this.#state === 'flushing' && !this.machine.hasHeld) this.#finishDevice();
    if (effects.isDeadlineEarlier) {
      effects.isDeadlineEarlier = false;
      this.#host.deadlines.schedule(this);
    }
    this.onProgress?.();
  }

  #handleNews(news: LegNews): void {
    const { legs: watch } = this.#host;
    switch (news.kind) {
      case 'over':
        this.#endLeg(news.leg, news.how);
        break;
      case 'detached':
        if (this.#state === 'flushing') this.#finishDevice();
        else if (this.isSteady) watch.handleDetached(this);
        break;
      case 'switched': {
        const leg = this.legs.of(news.leg);
        if (leg !== undefined) this.#follow(leg);
        break;
      }
      case 'cut-aborted':
        watch.handleCutAborted(this, news.reason);
        break;
      case 'drained':
        watch.handleDrained(this, news.duplicates);
        break;
      case 'subscriptions-changed':
        watch.handleSubscriptionsChanged(this);
        break;
    }
  }

  #endLeg(number: number, how: 'disconnect' | 'lost'): void {
    const leg = this.legs.of(number);
    if (leg === undefined) return;
    // The machine has written the DISCONNECT.
    if (how === 'disconnect') leg.close(false);
    else leg.destroy();
    if (this.legs.active === leg) this.legs.active = undefined;
    this.#effects.activeChanged();
    this.#host.legs.handleUpstreamOver(this, leg);
  }

  #follow(leg: LegConnection): void {
    if (this.legs.active === leg) return;
    const { broker } = this.record.home;
    this.legs.active = leg;
    this.record.home = leg.terms;
    this.#effects.activeChanged();
    this.#host.legs.handleSwitched(this, leg, broker);
  }

  #end(outcome: SessionOutcome): void {
    switch (outcome.kind) {
      case 'done':
        this.#handleDone(outcome.done);
        break;
      case 'failed':
        this.#fail(outcome.fault);
        break;
      case 'unrecorded': {
        const reason = reasonCode.implementationSpecificError;
        const farewell = this.machine.mayTellDevice ? encodeServerDisconnect(this.record.protocol, reason) : undefined;
        this.#fail({ side: 'device', reason, message: 'its message could not be recorded' }, farewell);
        break;
      }
    }
  }

  #handleDone({ withWill, sessionExpiryInterval }: DeviceDone): void {
    if (sessionExpiryInterval !== undefined) this.record.sessionExpiryInterval = sessionExpiryInterval;
    if (withWill) this.#finishDevice();
    else this.#finishDevice({ isLoss: false });
  }

  /** No MQTT DISCONNECT goes to the active leg: the will of a device that breaks the protocol is published [MQTT-3.1.2-8]. */
  #fail(fault: SessionFault, farewell?: Buffer): void {
    const { active } = this.legs;
    this.#host.handleFault(this, fault);
    const delayMs = fault.side === 'device' ? this.#lossDelayMs() : 0;
    this.release();
    closeAfterFlush(this.device, flushLingerMs, farewell);
    if (active === undefined) return;
    if (fault.side === 'broker') active.destroy();
    else if (delayMs > 0) this.#host.handleDelayedLoss(this, active, delayMs);
    else active.close(false);
  }

  /** The device sends no more. What waits for the broker's window still goes out, if it opens in time. */
  #handleDeviceEnd(): void {
    if (this.#state !== 'open') return;
    if (!this.machine.hasHeld || this.legs.active === undefined) {
      this.#finishDevice();
      return;
    }
    this.#state = 'flushing';
    this.#flushTimer = setTimeout(() => this.#giveUpHeld(), flushLingerMs);
    this.onProgress?.();
  }

  #giveUpHeld(): void {
    this.machine.giveUpHeld(this.#host.clock.monotonicMs());
    this.#settle();
    this.#finishDevice();
  }

  /** What the device sent has gone out; then its broker sees the end as the device made it, and others a DISCONNECT. */
  #finishDevice({ isLoss } = { isLoss: true }): void {
    if (!this.#movesPackets()) return;
    const { active } = this.legs;
    const delayMs = isLoss ? this.#lossDelayMs() : 0;
    clearTimeout(this.#flushTimer);
    if (active !== undefined && delayMs > 0) {
      this.release();
      closeAfterFlush(this.device, flushLingerMs);
      this.#host.handleDelayedLoss(this, active, delayMs);
      return;
    }
    this.#endOthers();
    this.#state = 'device-done';
    this.#host.deadlines.remove(this);
    this.#closeAllAfterFlush();
    if (active === undefined) {
      this.#finishBroker();
      return;
    }
    active.socket.end();
    if (this.#isDeaf()) active.gate.openWide();
    this.#clearWhenClosed();
  }

  /** The active leg ended behind the device. */
  #finishBroker(): void {
    const { active } = this.legs;
    this.#state = 'broker-done';
    this.#effects.deviceGate.openWide();
    // A second end() would make an error object that nobody looks at.
    if (!this.device.writableEnded) this.device.end();
    if (active !== undefined && !active.socket.writableEnded) active.socket.end();
    this.#clearWhenClosed();
  }

  #handleDeviceClose(): void {
    this.#isDeviceGone = true;
    if (this.#state === 'released') return;
    this.#effects.deviceDrained();
    this.#handleDeviceEnd();
    const { active } = this.legs;
    if (this.#isDeaf()) active?.gate.openWide();
    if (this.#state === 'broker-done') active?.socket.destroy();
    this.#reportDeviceGone();
    this.#clearWhenClosed();
  }

  #handleBrokerEnd(leg: LegConnection): void {
    if (this.#state === 'released' || leg.isOver) return;
    if (!this.#movesPackets()) {
      if (leg === this.legs.active) this.#finishBroker();
      return;
    }
    this.machine.handleBrokerLost(leg.number, this.#host.clock.monotonicMs());
    this.#settle();
  }

  #handleBrokerClose(leg: LegConnection): void {
    this.#handleBrokerEnd(leg);
    this.legs.remove(leg);
    this.#clearWhenClosed();
    this.#yieldWhenClosed();
  }

  /** The device is there or its will is the active leg's to publish: every other broker gets a DISCONNECT. */
  #endOthers(): void {
    const nowMs = this.#host.clock.monotonicMs();
    for (const { number } of this.legs.others) this.machine.dismiss(number, nowMs);
    this.#effects.flush();
    for (let news = this.#effects.nextNews(); news !== undefined; news = this.#effects.nextNews()) {
      if (news.kind === 'over') this.#endLeg(news.leg, news.how);
    }
    for (const leg of this.legs.others) leg.close(false);
  }

  #closeAllAfterFlush(): void {
    this.#flushTimer = setTimeout(() => {
      for (const { socket } of this.legs.open) socket.destroy();
      this.device.destroy();
    }, flushLingerMs);
  }

  #clearWhenClosed(): void {
    if (!this.#movesPackets() && this.device.destroyed && this.legs.open.every(({ socket }) => socket.destroyed)) {
      clearTimeout(this.#flushTimer);
    }
  }

  #reportDeviceGone(isTakenOver = false): void {
    if (this.#goneAtMs !== undefined) return;
    this.#goneAtMs = this.#host.clock.wallMs();
    this.#isTakenOver = isTakenOver;
    this.onProgress?.();
    this.#host.handleDeviceGone(this);
    this.#yieldWhenClosed();
  }

  #yieldWhenClosed(): void {
    if (this.legs.areClosed) this.yieldLeg();
  }

  /** A will delay that the broker does not know ends with the session, if that is sooner (MQTT 5 §3.1.3.2.2). */
  #lossDelayMs(): number {
    if (this.legs.active?.socket.destroyed !== false) return 0;
    return 1_000 * Math.min(this.record.home.lossDelaySeconds, this.record.sessionExpiryInterval);
  }

  #isSessionOver(): boolean {
    return !this.#isTakenOver && this.record.sessionExpiryInterval === 0;
  }
}
