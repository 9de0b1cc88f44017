import type { Socket } from 'node:net';
import type { CutOptions } from '../mqtt/cut-options.ts';
import { SessionMachine } from '../mqtt/session-machine.ts';
import { BrokerSide, type DialPurpose } from './broker-side.ts';
import type { LegConnection } from './leg-connection.ts';
import { LegConnections } from './leg-connections.ts';
import type { DialledLeg, LegOrigin } from './leg-dial.ts';
import { gateReason } from './read-gate.ts';
import { RelayEnding } from './relay-ending.ts';
import type { RelayHost, RelayOptions } from './relay-host.ts';
import { type LegNews, SessionEffects } from './session-effects.ts';
import type { Findings } from './session-findings.ts';
import type { SessionRecord } from './session-record.ts';

/** Bytes of a device that are read while it is held; beyond them it is not read. */
const maxBytesWhileHolding = 262_144;

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
  readonly #host: RelayHost<Relay>;
  /** Others ask it, and only this relay tells it anything. */
  readonly machine: SessionMachine;
  readonly #effects: SessionEffects;
  readonly #brokers: BrokerSide;
  readonly #ending: RelayEnding;
  /** Set when the device leg is reported gone, to the wall clock's milliseconds. */
  #goneAtMs: number | undefined;
  #isTakenOver = false;
  #isOver = false;
  /** Called after each event while somebody waits for a quiet moment; see `orderly-close.ts`. */
  onProgress: (() => void) | undefined;
  /** Set by `orderly-close.ts`: the device begins no exchange any more. */
  isHolding = false;
  #bytesWhileHolding = 0;

  constructor({ record, origin, device, upstream, machine, findings }: RelayOptions, host: RelayHost<Relay>) {
    this.record = record;
    this.origin = origin;
    this.findings = findings;
    this.device = device;
    this.#host = host;
    const { legs } = this;
    legs.active = legs.add(upstream, record.home);
    legs.active.isWhole = true;
    const handleMaySubscribe = (leg: number) => this.#handleMaySubscribe(leg);
    const effects = new SessionEffects({ device, legs, handleMaySubscribe }, host, findings);
    this.#effects = effects;
    const nowMs = this.#nowMs();
    this.machine = new SessionMachine({ ...machine, scratch: host.scratch, port: effects, nowMs });
    const parts = { legs, effects, machine: this.machine };
    this.#brokers = new BrokerSide({ ...parts, record, clock: host.clock, events: this.#brokerEvents() });
    this.#ending = new RelayEnding({
      ...parts,
      ...{ record, device, brokers: this.#brokers },
      release: () => this.release(),
      handleFault: (fault) => host.handleFault(this, fault),
      handleDelayedLoss: (active, delayMs) => host.handleDelayedLoss(this, active, delayMs),
      giveUpHeld: () => this.#giveUpHeld(),
      stopDeadlines: () => host.deadlines.remove(this),
      handleProgress: () => this.onProgress?.(),
    });
  }

  get isOpen(): boolean {
    return this.#ending.isOpen;
  }

  /** Its device is there and nobody closes it: its legs may be changed. */
  get isSteady(): boolean {
    return this.isOpen && this.onProgress === undefined && !this.machine.isEnded;
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
    return this.#ending.isReleased;
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
    device.on('end', () => this.#ending.handleDeviceEnd());
    device.on('close', () => this.#handleDeviceClose());
    const { active } = this.legs;
    if (active !== undefined) this.#brokers.listen(active);
    device.resume();
    active?.socket.resume();
    if (active !== undefined && early.fromBroker.length > 0) this.#handleBrokerData(active, early.fromBroker);
    for (const chunk of early.pipelined) this.#handleDeviceData(chunk);
    if (this.isOpen) this.#host.deadlines.schedule(this);
    if (early.sentFin) this.#ending.handleDeviceEnd();
    if (device.destroyed) this.#handleDeviceClose();
    if (active?.socket.destroyed === true) this.#handleBrokerClose(active);
  }

  /** Takes over a further connection, on which the broker said CONNACK 0. Undefined: the session needs none any more. */
  addLeg(dialled: DialledLeg, purpose: DialPurpose): LegConnection | undefined {
    const leg = this.isSteady ? this.#brokers.add(dialled, purpose) : undefined;
    if (leg === undefined) return undefined;
    this.#settle();
    if (dialled.rest.length > 0) this.#handleBrokerData(leg, dialled.rest);
    if (leg.socket.destroyed) this.#handleBrokerClose(leg);
    else this.#brokers.resume(leg);
    this.#host.deadlines.schedule(this);
    return leg;
  }

  /** Starts the move of the active role to the leg that stands by. False: none does, or another one is under way. */
  cut(options: CutOptions): boolean {
    const isBegun = this.isSteady && this.machine.cut(options, this.#nowMs());
    this.#settle();
    return isBegun;
  }

  abortCut(): void {
    this.machine.abortCut(this.#nowMs());
    this.#settle();
  }

  /** Ends a leg that stands by. */
  dismiss(leg: number): void {
    this.machine.dismiss(leg, this.#nowMs());
    this.#settle();
  }

  /** A broker that the session had left, and that was lost with messages for it, is not asked again. */
  forgetFormer(): void {
    this.machine.forgetFormer(this.#nowMs());
    this.#settle();
  }

  /** Keeps the client ID, whatever becomes of the device, until what is returned is called. */
  hold(): () => void {
    return this.legs.hold(() => this.#yieldWhenClosed());
  }

  /** The session has no broker and gets none: its device is told so, where its MQTT has words, and closed. */
  giveUp(reason: number, message: string): void {
    this.#ending.giveUp({ side: 'broker', reason, message });
  }

  nextDeadlineMs(): number {
    return this.#ending.movesPackets ? this.machine.nextDeadlineMs() : Number.POSITIVE_INFINITY;
  }

  handleDeadline(nowMs: number): void {
    // A leg that is not read is not silent: what its peer said lies in the socket.
    if (!this.isOpen || this.#effects.deviceGate.isShut) this.machine.excuseDevice(nowMs);
    for (const { gate, number } of this.legs.open) if (gate.isShut) this.machine.excuseBroker(number, nowMs);
    this.machine.handleTick(nowMs);
    this.#settle();
  }

  /**
   * Moves nothing any more and drops what comes in, for whoever closes the device and the active leg now; the session
   * counts as gone. Its other legs are ended in order.
   */
  release(isTakenOver = false): void {
    this.#ending.release();
    this.#brokers.endOthers();
    this.onProgress = undefined;
    this.#host.deadlines.remove(this);
    this.#reportDeviceGone(isTakenOver);
  }

  /** Gives the client ID up, for a newer leg whose broker ends this one by its own takeover. */
  yieldLeg(): void {
    if (this.#isOver || this.#goneAtMs === undefined) return;
    this.#isOver = true;
    this.#host.handleLegOver(this, this.#isSessionOver());
  }

  #brokerEvents(): ConstructorParameters<typeof BrokerSide>[0]['events'] {
    const { legs: watch } = this.#host;
    return {
      handleBrokerData: (leg, chunk) => this.#handleBrokerData(leg, chunk),
      handleBrokerEnd: (leg) => this.#handleBrokerEnd(leg),
      handleBrokerClose: (leg) => this.#handleBrokerClose(leg),
      handleSwitched: (leg, formerBroker) => watch.handleSwitched(this, leg, formerBroker),
      handleUpstreamOver: (leg) => watch.handleUpstreamOver(this, leg),
    };
  }

  #nowMs(): number {
    return this.#host.clock.monotonicMs();
  }

  #handleDeviceData(chunk: Buffer): void {
    if (!this.isOpen) return;
    this.#host.bytes.fromDevice += chunk.length;
    this.machine.handleDeviceData(chunk, this.#nowMs());
    if (this.isHolding) this.#boundHolding(chunk.length);
    this.#settle();
  }

  /** Acknowledgements of a device that is held still count, but what it begins is only kept. */
  #boundHolding(bytes: number): void {
    this.#bytesWhileHolding += bytes;
    if (this.#bytesWhileHolding > maxBytesWhileHolding) this.#effects.deviceGate.shut(gateReason.holding);
  }

  #handleBrokerData(leg: LegConnection, chunk: Buffer): void {
    if (this.isReleased) return;
    this.#host.bytes.fromBroker += chunk.length;
    const nowMs = this.#nowMs();
    leg.terms.watch.heardMs = nowMs;
    if (leg.isOver || this.#ending.isDeaf) return;
    this.machine.handleBrokerData(chunk, nowMs, leg.number);
    this.#settle();
    this.#ending.openDeaf(leg);
  }

  /** After every event: bytes leave, and what the event changed is acted upon. */
  #settle(): void {
    const effects = this.#effects;
    effects.flush();
    for (let news = effects.nextNews(); news !== undefined; news = effects.nextNews()) this.#handleNews(news);
    this.#ending.advance();
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
        this.#brokers.handleOver(news);
        break;
      case 'detached':
        if (!this.#ending.handleDetached() && this.isSteady) watch.handleDetached(this);
        break;
      case 'switched':
        this.#brokers.follow(news.leg);
        break;
      case 'cut-aborted':
        watch.handleCutAborted(this, news.reason);
        break;
      case 'leaving':
        this.legs.ageOthers();
        watch.handleLeaving(this);
        break;
      case 'drained':
        watch.handleDrained(this);
        break;
      case 'delivered-twice':
        watch.handleDeliveredTwice(news.count);
        break;
      case 'subscriptions-changed':
        this.legs.ageOthers();
        watch.handleSubscriptionsChanged(this);
        break;
    }
  }

  #handleMaySubscribe(leg: number): void {
    this.machine.handleMaySubscribe(leg, this.#nowMs());
    this.#settle();
  }

  #giveUpHeld(): void {
    this.machine.giveUpHeld(this.#nowMs());
    this.#settle();
  }

  #handleDeviceClose(): void {
    this.#ending.handleDeviceClose();
    this.#reportDeviceGone();
    this.#ending.clearWhenClosed();
  }

  #handleBrokerEnd(leg: LegConnection): void {
    if (this.isReleased || leg.isOver) return;
    if (!this.#ending.movesPackets) {
      if (leg === this.legs.active) this.#ending.finishBroker();
      return;
    }
    this.machine.handleBrokerLost(leg.number, this.#nowMs());
    this.#settle();
  }

  #handleBrokerClose(leg: LegConnection): void {
    this.#handleBrokerEnd(leg);
    this.legs.remove(leg);
    this.#ending.clearWhenClosed();
    this.#yieldWhenClosed();
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

  #isSessionOver(): boolean {
    return !this.#isTakenOver && this.record.sessionExpiryInterval === 0;
  }
}
