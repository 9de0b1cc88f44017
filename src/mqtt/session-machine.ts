import { BrokerPackets } from './broker-packets.ts';
import { maxPacketBytes } from './control-packet.ts';
import { DevicePackets } from './device-packets.ts';
import { encodeServerDisconnect } from './disconnect-packet.ts';
import type { FramingProblem } from './framer.ts';
import { pingreq } from './leg-keep-alive.ts';
import { PacketStream } from './packet-stream.ts';
import { reasonCode } from './reason-code.ts';
import { type SessionSubscriptions, subscriptionsToKeep } from './remembered-subscriptions.ts';
import { createSessionParts, type SessionMachineOptions } from './session-assembly.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionFault } from './session-port.ts';
import type { UnfinishedExchanges } from './session-terms.ts';
import type { HeldSubscription } from './subscription-desk.ts';

/**
 * The device-facing MQTT session from CONNACK on, with one broker attached: bytes of either leg in, bytes to either leg and
 * a few words to the shell out. Deterministic: the same calls with the same times give the same effects.
 */
export class SessionMachine {
  readonly #parts: SessionParts;
  readonly #device: DevicePackets;
  readonly #broker: BrokerPackets;
  readonly #fromDevice: PacketStream;
  readonly #fromBroker: PacketStream;
  readonly #takenUp: SessionSubscriptions | undefined;
  readonly #maxPacketBytes: number;
  #fault: SessionFault | undefined;
  #isEndTold = false;
  #readsDevice = true;
  #readsBroker = true;
  #deadlineTold = Number.POSITIVE_INFINITY;

  constructor(options: SessionMachineOptions) {
    const { device, upstream } = options;
    this.#takenUp = options.subscriptions;
    this.#maxPacketBytes = options.maxPacketBytes;
    this.#parts = createSessionParts(options, { isOver: () => this.#isEndTold, fail: (fault) => this.#fail(fault) });
    this.#device = new DevicePackets(this.#parts, options.sessionExpiryInterval);
    this.#broker = new BrokerPackets(this.#parts);
    this.#fromDevice = new PacketStream(this.#device, {
      maxPacketBytes: options.maxPacketBytes,
      hasProperties: device.protocol === '5',
      span: this.#parts.scratch.spanFromDevice,
    });
    this.#fromBroker = new PacketStream(this.#broker, {
      maxPacketBytes,
      hasProperties: upstream.protocol === '5',
      span: this.#parts.scratch.spanFromBroker,
    });
  }

  handleDeviceData(chunk: Buffer, nowMs: number): void {
    this.#parts.nowMs = nowMs;
    this.#parts.deviceKeepAlive.received(nowMs);
    this.#judge(this.#fromDevice.push(chunk));
    this.#settle();
  }

  handleBrokerData(chunk: Buffer, nowMs: number): void {
    // Behind the device's DISCONNECT the broker still answers what came before it.
    if (this.#parts.end === 'failed') return;
    this.#parts.nowMs = nowMs;
    this.#parts.upstreamKeepAlive.received(nowMs);
    if (this.#fromBroker.push(chunk) !== undefined) this.#distrust();
    this.#settle();
  }

  /** Call it at `nextDeadlineMs`, or later. */
  handleTick(nowMs: number): void {
    const parts = this.#parts;
    parts.nowMs = nowMs;
    if (parts.end !== undefined) return;
    if (this.#fromBroker.isBlocked) this.excuseBroker(nowMs);
    parts.assessor?.handleTick(nowMs);
    const { desk, patience, uplink, upstreamKeepAlive } = parts;
    if (parts.deviceKeepAlive.deadlineMs <= nowMs) {
      const message = 'nothing came from the device for one and a half times its keep alive'; // [MQTT-3.1.2-22]
      parts.fail({ side: 'device', reason: reasonCode.keepAliveTimeout, message });
    } else if (desk.nextDeadlineMs() <= nowMs && desk.handleTick(nowMs) === 'unanswered') {
      this.#blameBroker('a SUBSCRIBE was not answered');
    } else if (patience.deadlineMs(uplink.isOwedByBroker) <= nowMs) {
      this.#blameBroker('a PUBLISH was not answered');
    } else if (upstreamKeepAlive.deadlineMs <= nowMs) this.#pingBroker();
    this.#settle();
  }

  /** When `handleTick` has something to do; infinity: never. */
  nextDeadlineMs(): number {
    const { deviceKeepAlive, upstreamKeepAlive, desk, pace, patience, uplink, nowMs, end } = this.#parts;
    if (end !== undefined) return Number.POSITIVE_INFINITY;
    const legs = Math.min(deviceKeepAlive.deadlineMs, upstreamKeepAlive.deadlineMs);
    const next = Math.min(legs, desk.nextDeadlineMs(), patience.deadlineMs(uplink.isOwedByBroker));
    const paceMs = this.#isPaced() ? pace.nextAtMs(nowMs) : nowMs;
    // Where the pace has room, a packet waits for the window, and that opens with a packet of the broker.
    this.#deadlineTold = paceMs > nowMs ? Math.min(next, paceMs) : next;
    return this.#deadlineTold;
  }

  /** The shell does not read this leg at the moment: its silence is not the peer's. */
  excuseDevice(nowMs: number): void {
    this.#parts.deviceKeepAlive.received(nowMs);
  }

  excuseBroker(nowMs: number): void {
    this.#parts.upstreamKeepAlive.excuse(nowMs);
    this.#parts.desk.excuse(nowMs);
    this.#parts.patience.excuse(nowMs);
  }

  /** From here on the device begins no exchange: what it sends of that kind stays unread. For a close in order. */
  quiesce(): void {
    this.#parts.isQuiescing = true;
  }

  /** Whether everything the device began has been answered; with `both`, also what the broker began. */
  isQuiet(both: boolean): boolean {
    if (!this.mayTellBroker || !this.mayTellDevice || this.#parts.heldFromDevice.size > 0) return false;
    return (both ? this.inflight : this.inflightFromDevice) === 0;
  }

  /** Between two packets: a DISCONNECT would be read as one. */
  get mayTellBroker(): boolean {
    return this.#parts.toBroker.atBoundary;
  }

  get mayTellDevice(): boolean {
    return this.#parts.toDevice.atBoundary;
  }

  /** Whether packets of the device wait here for the broker: its end waits for them. */
  get hasHeld(): boolean {
    return this.#parts.heldFromDevice.size > 0 || this.#fromDevice.isBlocked;
  }

  /** Exchanges that the device began and that are not finished between it and the gateway. */
  get inflightFromDevice(): number {
    const { uplink, ackOrder, desk } = this.#parts;
    return Math.max(uplink.size, ackOrder.size) + desk.pending;
  }

  /** Unacknowledged exchanges, both directions. */
  get inflight(): number {
    return this.inflightFromDevice + this.#parts.downlink.size;
  }

  get isEnded(): boolean {
    return this.#parts.end !== undefined;
  }

  subscriptions(): ReadonlyMap<string, HeldSubscription> {
    return this.#parts.desk.subscriptions();
  }

  /** What the next connection of this session has to know. */
  unfinished(): UnfinishedExchanges {
    return { received: this.#parts.uplink.keptIds() };
  }

  /** What is to be remembered of the session; undefined: what is remembered still holds. */
  subscriptionsToKeep(): SessionSubscriptions | undefined {
    const { desk, upstream } = this.#parts;
    return subscriptionsToKeep(desk, this.#takenUp, upstream.sessionPresent);
  }

  /** The shell waits no longer for the broker to take what the device sent before it left. */
  giveUpHeld(nowMs: number): void {
    this.#parts.nowMs = nowMs;
    if (this.#parts.end === undefined) this.#device.giveUpHeld();
    this.#settle();
  }

  #pingBroker(): void {
    const { upstreamKeepAlive, toBroker, nowMs } = this.#parts;
    if (!toBroker.atBoundary) {
      // It would wait for the end of a large PUBLISH, whose bytes keep the leg alive.
      upstreamKeepAlive.excuse(nowMs);
      return;
    }
    if (upstreamKeepAlive.isSilent(nowMs)) {
      this.#blameBroker('PINGREQ was not answered');
      return;
    }
    toBroker.send(pingreq);
    upstreamKeepAlive.pinged(nowMs);
  }

  /** After every event: what a window let go, what has to be sent, and what the shell has to know. */
  #settle(): void {
    const { toDevice, toBroker, port, end } = this.#parts;
    if (end === undefined) this.#release();
    // Nothing stalls where a window opens only with a PUBREL that lies behind the packets that wait for the window.
    if (this.#fromDevice.isBlocked && !this.#parts.isQuiescing) this.#device.releaseReceived();
    toDevice.flush();
    toBroker.flush();
    this.#tellReading();
    if (this.#parts.end !== undefined) this.#tellEnd();
    else if (this.#isDeadlineEarlier()) port.deadlineMoved();
  }

  /** Again until nothing moves: an acknowledgement that was read behind a held packet opens the other leg's window. */
  #release(): void {
    for (let left = this.#leftBytes(); left > 0; ) {
      this.#releaseOnce();
      const before = left;
      left = this.#parts.end === undefined ? this.#leftBytes() : 0;
      if (left === before) return;
    }
  }

  #leftBytes(): number {
    const { heldFromDevice, heldFromBroker } = this.#parts;
    const streams = this.#fromDevice.blockedBytes + this.#fromBroker.blockedBytes;
    return streams + heldFromDevice.bytes + heldFromBroker.bytes;
  }

  #releaseOnce(): void {
    const { heldFromDevice, heldFromBroker } = this.#parts;
    if (heldFromBroker.size > 0) this.#broker.releaseHeld();
    if (this.#fromBroker.isBlocked && this.#fromBroker.resume() !== undefined) this.#distrust();
    if (heldFromDevice.size > 0) this.#device.releaseHeld();
    if (this.#fromDevice.isBlocked && !this.#parts.isQuiescing) this.#judge(this.#fromDevice.resume());
  }

  #tellReading(): void {
    const { port, isQuiescing } = this.#parts;
    const readsDevice = !this.#fromDevice.isBlocked || isQuiescing;
    const readsBroker = !this.#fromBroker.isBlocked;
    if (readsDevice !== this.#readsDevice) {
      this.#readsDevice = readsDevice;
      port.readDevice(readsDevice);
    }
    if (readsBroker !== this.#readsBroker) {
      this.#readsBroker = readsBroker;
      port.readBroker(readsBroker);
    }
  }

  #tellEnd(): void {
    if (this.#isEndTold) return;
    this.#isEndTold = true;
    this.#fromDevice.stop();
    if (this.#fault !== undefined) this.#parts.port.failed(this.#fault);
    else if (this.#device.done !== undefined) this.#parts.port.deviceDone(this.#device.done);
  }

  /** Whether the device's packets may be waiting for the publish rate. */
  #isPaced(): boolean {
    const { pace, heldFromDevice } = this.#parts;
    return pace.isBound && (heldFromDevice.size > 0 || this.#fromDevice.isBlocked);
  }

  #isDeadlineEarlier(): boolean {
    const { desk, patience, uplink } = this.#parts;
    const ofBroker = Math.min(desk.nextDeadlineMs(), patience.deadlineMs(uplink.isOwedByBroker));
    const mayBeEarlier = ofBroker < this.#deadlineTold || this.#isPaced();
    return mayBeEarlier && this.#deadlineTold > this.nextDeadlineMs();
  }

  #judge(problem: FramingProblem | undefined): void {
    if (problem === undefined || this.#parts.end !== undefined) return;
    const { port, upstream, fail } = this.#parts;
    const isTooLarge = problem === 'packet-too-large';
    // The broker's own limit, not the listener's: the device can go back to where it was.
    if (isTooLarge && this.#maxPacketBytes === upstream.profile.maxPacketBytes) {
      port.obstructed('payload-size', `a packet above ${this.#maxPacketBytes} bytes`);
      port.dropped('refused');
    }
    fail({
      side: 'device',
      reason: isTooLarge ? reasonCode.packetTooLarge : reasonCode.malformedPacket,
      message: problem,
    });
  }

  #distrust(): void {
    if (this.#parts.end !== 'failed') this.#blameBroker('bytes that are not MQTT');
  }

  #blameBroker(message: string): void {
    this.#parts.fail({ side: 'broker', reason: reasonCode.serverShuttingDown, message });
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
