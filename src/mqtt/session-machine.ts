import type { CutOptions } from './cut-options.ts';
import { DevicePackets } from './device-packets.ts';
import { encodeServerDisconnect } from './disconnect-packet.ts';
import type { FramingProblem } from './framer.ts';
import { HeldRelease } from './held-release.ts';
import { PacketStream } from './packet-stream.ts';
import { reasonCode } from './reason-code.ts';
import type { SessionSubscriptions } from './remembered-subscriptions.ts';
import { createSessionParts, type SessionMachineOptions } from './session-assembly.ts';
import { SessionLegs } from './session-legs.ts';
import { begunByDevice, type SessionParts } from './session-parts.ts';
import type { SessionFault } from './session-port.ts';
import { SessionReading } from './session-reading.ts';
import type { UnfinishedExchanges, UpstreamTerms } from './session-terms.ts';
import { SubscriptionMemory } from './subscription-memory.ts';
import type { TargetAssessor } from './target-assessor.ts';

/**
 * The device-facing MQTT session from CONNACK on, with the legs to its brokers: bytes of either side in, bytes to either
 * side and a few words to the shell out. Deterministic: the same calls with the same times give the same effects.
 */
export class SessionMachine {
  readonly subscriptions: SubscriptionMemory;
  readonly #parts: SessionParts;
  readonly #device: DevicePackets;
  readonly #legs: SessionLegs;
  readonly #fromDevice: PacketStream;
  readonly #outlivesConnection: boolean;
  readonly #held: HeldRelease;
  readonly #reading: SessionReading;
  #fault: SessionFault | undefined;
  #isEndTold = false;
  #deadlineTold = Number.POSITIVE_INFINITY;

  constructor(options: SessionMachineOptions) {
    const { device, sessionExpiryInterval } = options;
    this.#outlivesConnection = sessionExpiryInterval > 0;
    this.#parts = createSessionParts(options, {
      fail: (fault) => this.#fail(fault),
      leaveLeg: (leg, message) => this.#legs.leave(leg, message),
      loseLeg: (leg, message) => this.#legs.lose(leg, message),
    });
    this.subscriptions = new SubscriptionMemory(this.#parts, options.subscriptions);
    this.#device = new DevicePackets(this.#parts, sessionExpiryInterval);
    this.#legs = new SessionLegs(this.#parts, this.#device.publish, {
      mayBeginAnew: () => !this.#outlivesConnection || this.subscriptions.isKnown,
      boundDevice: (maxPacketBytes) => this.#fromDevice.bound(maxPacketBytes),
    });
    this.#fromDevice = new PacketStream(this.#device, {
      maxPacketBytes: options.upstream.maxPacketBytes,
      hasProperties: device.protocol === '5',
      span: this.#parts.scratch.spanFromDevice,
    });
    this.#reading = new SessionReading(this.#parts);
    this.#held = new HeldRelease(this.#parts, this.#device, this.#fromDevice, {
      judge: (problem) => this.#judge(problem),
      distrust: (leg) => this.#legs.leave(leg, notMqtt),
    });
  }

  handleDeviceData(chunk: Buffer, nowMs: number): void {
    this.#parts.nowMs = nowMs;
    this.#parts.deviceKeepAlive.received(nowMs);
    this.#judge(this.#fromDevice.push(chunk));
    this.#settle();
  }

  /** `number`: the leg that it came on. */
  handleBrokerData(chunk: Buffer, nowMs: number, number: number): void {
    // Behind the device's DISCONNECT the broker still answers what came before it.
    if (this.#parts.end === 'failed') return;
    const leg = this.#legs.find(number);
    if (leg === undefined) return;
    this.#parts.nowMs = nowMs;
    leg.keepAlive.received(nowMs);
    if (leg.stream.push(chunk) !== undefined) this.#legs.leave(leg, notMqtt);
    this.#settle();
  }

  /** The leg's connection is closed, or its broker sends no more. */
  handleBrokerLost(number: number, nowMs: number): void {
    const leg = this.#legs.find(number);
    if (leg === undefined || this.#parts.end !== undefined) return;
    this.#parts.nowMs = nowMs;
    this.#legs.lose(leg, 'its connection closed');
    this.#settle();
  }

  /** A further connection has its CONNACK. Where none is active it becomes so, else it stands by; at most one does. */
  attach(number: number, upstream: UpstreamTerms, nowMs: number): void {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end !== undefined) return;
    this.#legs.attach(number, upstream);
    this.#settle();
  }

  /**
   * A further connection to the broker of the leg that `awaitedLeg` tells has its CONNACK, and was asked to take its session
   * up. False: it is not needed any more.
   */
  attachFormer(number: number, upstream: UpstreamTerms, nowMs: number): boolean {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end !== undefined || !this.#legs.attachFormer(number, upstream)) return false;
    this.#settle();
    return true;
  }

  /** No such connection will come. */
  forgetFormer(nowMs: number): void {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end === undefined) this.#legs.forgetFormer();
    this.#settle();
  }

  /** Begins to move the active role to the leg that stands by. False: none does, or another cut is under way. */
  cut(options: CutOptions, nowMs: number): boolean {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end !== undefined || this.#parts.isQuiescing || !this.#legs.cut(options)) return false;
    this.#settle();
    return true;
  }

  /** Takes a cut back; behind its switch it does nothing. */
  abortCut(nowMs: number): void {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end !== undefined) return;
    this.#legs.abortCut();
    this.#settle();
  }

  /** The leg's broker may be asked for what waited for that. */
  handleMaySubscribe(number: number, nowMs: number): void {
    this.#parts.nowMs = nowMs;
    this.#legs.find(number)?.desk.resume(nowMs);
    this.#settle();
  }

  /** Ends a leg that is not active, in order. `endsSession`: in MQTT 5 its broker forgets the session with it. */
  dismiss(number: number, nowMs: number, options: { readonly endsSession?: boolean } = {}): void {
    this.#parts.nowMs = nowMs;
    this.#legs.dismiss(number, { message: 'it is not needed any more', ...options });
    this.#settle();
  }

  /** Call it at `nextDeadlineMs`, or later. */
  handleTick(nowMs: number): void {
    const parts = this.#parts;
    parts.nowMs = nowMs;
    if (parts.end !== undefined) return;
    parts.assessor?.handleTick(nowMs);
    if (parts.deviceKeepAlive.deadlineMs <= nowMs) {
      const message = 'nothing came from the device for one and a half times its keep alive'; // [MQTT-3.1.2-22]
      parts.fail({ side: 'device', reason: reasonCode.keepAliveTimeout, message });
    } else if (this.#reading.deadlineMs <= nowMs) {
      const message = 'more came from the device than is held for it while it has no broker';
      parts.fail({ side: 'broker', reason: reasonCode.quotaExceeded, message });
    } else this.#legs.tick();
    this.#settle();
  }

  /** When `handleTick` has something to do; infinity: never. */
  nextDeadlineMs(): number {
    const { deviceKeepAlive, leg, legs, nowMs, end } = this.#parts;
    if (end !== undefined) return Number.POSITIVE_INFINITY;
    const first = legs[0]?.nextDeadlineMs() ?? Number.POSITIVE_INFINITY;
    const second = legs[1]?.nextDeadlineMs() ?? Number.POSITIVE_INFINITY;
    const device = Math.min(deviceKeepAlive.deadlineMs, this.#reading.deadlineMs);
    const next = Math.min(device, first, second, this.#legs.nextDeadlineMs());
    const paceMs = this.#isPaced() ? leg.pace.nextAtMs(nowMs) : nowMs;
    // Where the pace has room, a packet waits for the window, and that opens with a packet of the broker.
    this.#deadlineTold = paceMs > nowMs ? Math.min(next, paceMs) : next;
    return this.#deadlineTold;
  }

  /** The shell does not read this leg at the moment: its silence is not the peer's. */
  excuseDevice(nowMs: number): void {
    this.#parts.deviceKeepAlive.received(nowMs);
  }

  excuseBroker(number: number, nowMs: number): void {
    this.#legs.find(number)?.excuse(nowMs);
  }

  /** From here on the device begins no exchange: what it sends of that kind stays unread. For a close in order. */
  quiesce(): void {
    this.#parts.isQuiescing = true;
  }

  /** Whether everything the device began has been answered; with `both`, also what the brokers began. */
  isQuiet(both: boolean): boolean {
    if (!this.mayTellBroker || !this.mayTellDevice || this.#parts.heldFromDevice.size > 0) return false;
    return (both ? this.inflight : this.inflightFromDevice) === 0;
  }

  /** Between two packets: a DISCONNECT would be read as one. */
  get mayTellBroker(): boolean {
    return this.#parts.leg.output.atBoundary;
  }

  /** The same of one leg; false: it is over. */
  mayTell(number: number): boolean {
    return this.#legs.find(number)?.output.atBoundary ?? false;
  }

  get mayTellDevice(): boolean {
    return this.#parts.toDevice.atBoundary;
  }

  /** The number of the active leg; undefined: the session is detached. */
  get activeLeg(): number | undefined {
    return this.#legs.active?.number;
  }

  /** The number of the leg that stands by and could be cut over to. */
  get standingLeg(): number | undefined {
    return this.#legs.standing?.number;
  }

  /** The number of a leg that the session had left, and that was lost before its broker had given what it had. */
  get awaitedLeg(): number | undefined {
    return this.#legs.awaited?.number;
  }

  get phase(): SessionLegs['phase'] {
    return this.#legs.phase;
  }

  /** Whether packets of the device wait here for the broker: its end waits for them. */
  get hasHeld(): boolean {
    return this.#parts.heldFromDevice.size > 0 || this.#fromDevice.isBlocked;
  }

  /** Exchanges that the device began and that are not finished between it and the gateway. */
  get inflightFromDevice(): number {
    return begunByDevice(this.#parts);
  }

  /** Unacknowledged exchanges, both directions. */
  get inflight(): number {
    return this.inflightFromDevice + this.#parts.downlink.size;
  }

  get isEnded(): boolean {
    return this.#parts.end !== undefined;
  }

  /** Unless it is being cut: what its new broker is asked for is settled then. False: nothing is known that was not. */
  learn(subscriptions: SessionSubscriptions): boolean {
    const { phase } = this;
    return (phase === 'stable' || phase === 'detached') && this.subscriptions.learn(subscriptions);
  }

  /** Who judges what the device does, for as long as it is on its source; undefined: nobody any more. */
  setAssessor(assessor: TargetAssessor | undefined): void {
    this.#parts.assessor = assessor;
  }

  /** The topics that its device uses are told again: its cohort is another one. */
  renewTopics(): void {
    this.#parts.topics?.renew(this.#parts.nowMs);
  }

  /** What the next connection of this session has to know. */
  unfinished(): UnfinishedExchanges {
    return { received: this.#parts.legs.flatMap((leg) => leg?.uplink.keptIds() ?? []) };
  }

  /** The shell waits no longer for the broker to take what the device sent before it left. */
  giveUpHeld(nowMs: number): void {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end === undefined) this.#device.giveUpHeld();
    this.#settle();
  }

  /** After every event: what a window let go, what has to be sent, and what the shell has to know. */
  #settle(): void {
    const parts = this.#parts;
    if (parts.end === undefined) this.#legs.advance();
    if (parts.end === undefined) this.#held.release();
    if (this.#held.awaitsRelease) this.#device.releaseReceived();
    // What was let go may have been the last that a cut waited for.
    if (parts.end === undefined && this.#legs.phase !== 'stable') this.#legs.advance();
    this.#flush();
    parts.topics?.noteHeld(parts.leg.desk, parts.nowMs);
    this.#reading.tell(this.#fromDevice.isBlocked);
    if (this.#outlivesConnection && this.subscriptions.takeChange()) parts.port.subscriptionsChanged();
    if (parts.end !== undefined) this.#tellEnd();
    else if (this.#isDeadlineEarlier()) parts.port.deadlineMoved();
  }

  #flush(): void {
    const { toDevice, legs, leg } = this.#parts;
    toDevice.flush();
    leg.output.flush();
    for (const each of legs) if (each !== undefined && each !== leg) each.output.flush();
  }

  #tellEnd(): void {
    if (this.#isEndTold) return;
    this.#isEndTold = true;
    this.#fromDevice.stop();
    this.#legs.end();
    // Nothing follows DISCONNECT [MQTT-3.14.4-2].
    this.#parts.leg.output.flush();
    this.#parts.leg.isSilent = true;
    if (this.#fault !== undefined) this.#parts.port.failed(this.#fault);
    else if (this.#device.done !== undefined) this.#parts.port.deviceDone(this.#device.done);
  }

  /** Whether the device's packets may be waiting for the publish rate. */
  #isPaced(): boolean {
    const { leg, heldFromDevice } = this.#parts;
    return leg.pace.isBound && (heldFromDevice.size > 0 || this.#fromDevice.isBlocked);
  }

  #isDeadlineEarlier(): boolean {
    const { leg, legs } = this.#parts;
    const isTwo = legs[0] !== undefined && legs[1] !== undefined;
    const mayBeEarlier = isTwo || leg.isOver || leg.brokerDeadlineMs() < this.#deadlineTold || this.#isPaced();
    return mayBeEarlier && this.#deadlineTold > this.nextDeadlineMs();
  }

  #judge(problem: FramingProblem | undefined): void {
    if (problem === undefined || this.#parts.end !== undefined) return;
    const { port, leg, fail } = this.#parts;
    const { maxPacketBytes, profile } = leg.upstream;
    const isTooLarge = problem === 'packet-too-large';
    // The broker's own limit, not the listener's: the device can go back to where it was.
    if (isTooLarge && maxPacketBytes === profile.maxPacketBytes) {
      port.obstructed('payload-size', `a packet above ${maxPacketBytes} bytes`);
      port.dropped('refused');
    }
    fail({
      side: 'device',
      reason: isTooLarge ? reasonCode.packetTooLarge : reasonCode.malformedPacket,
      message: problem,
    });
  }

  #fail(fault: SessionFault): void {
    const parts = this.#parts;
    if (parts.end !== undefined) return;
    parts.end = 'failed';
    this.#fault = fault;
    const farewell = encodeServerDisconnect(parts.device.protocol, fault.reason);
    if (farewell !== undefined && parts.toDevice.atBoundary) parts.toDevice.send(farewell);
  }
}

const notMqtt = 'bytes that are not MQTT';
