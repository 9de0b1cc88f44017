import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
import { reasonCode } from '../mqtt/reason-code.ts';
import type { SessionMachineOptions } from '../mqtt/session-assembly.ts';
import { SessionMachine } from '../mqtt/session-machine.ts';
import type { DeviceDone, SessionFault } from '../mqtt/session-port.ts';
import type { SessionScratch } from '../mqtt/session-scratch.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { gateReason } from './read-gate.ts';
import type { SessionDeadlines } from './session-deadlines.ts';
import { type EffectsHost, type EffectsOwner, SessionEffects, type SessionOutcome } from './session-effects.ts';
import type { SessionRecord } from './session-record.ts';
import { closeAfterFlush } from './socket-closing.ts';

/** What every relay of a gateway shares. */
export interface RelayHost extends EffectsHost {
  readonly bytes: { fromDevice: number; fromBroker: number };
  readonly clock: Clock;
  readonly deadlines: SessionDeadlines;
  readonly scratch: SessionScratch;
  /** The session cannot go on; told before its legs are closed. */
  handleFault(relay: Relay, fault: SessionFault): void;
  /** Called exactly once, when the device leg is gone or taken from the relay; the upstream leg may still be closing. */
  handleDeviceGone(relay: Relay): void;
  /** The device is lost and its broker is to see so `delayMs` later: the upstream leg is the host's from now on. */
  handleDelayedLoss(relay: Relay, delayMs: number): void;
  /** Called exactly once, not before `handleDeviceGone`: the broker's side is closed too, or was left to its takeover. */
  handleLegOver(relay: Relay, sessionOver: boolean): void;
}

/** A session that begins: who it is, its two sockets, and what its machine starts with. */
export interface RelayOptions {
  readonly record: SessionRecord;
  readonly device: Socket;
  readonly upstream: Socket;
  readonly machine: Omit<SessionMachineOptions, 'port' | 'nowMs' | 'scratch'>;
  readonly owner: EffectsOwner;
}

/** Bytes of a device that are read while it is held; beyond them it is not read. */
const maxBytesWhileHolding = 262_144;

/**
 * `open`: packets go both ways. `flushing`: the device sends no more, and what it sent goes out as the broker's windows
 * open. `device-done`: all of that has gone out, or was given up; the broker's last bytes still flow to the device.
 * `broker-done`: the broker closed; its last bytes flow out to the device. `released`: others close both sockets.
 */
type RelayState = 'open' | 'flushing' | 'device-done' | 'broker-done' | 'released';

/**
 * The sockets of one session around its machine: bytes in, effects out, time when its deadline comes. When one side's
 * socket is full, or the machine takes no more of a side, that side's sender is not read until it can be.
 */
export class Relay {
  readonly record: SessionRecord;
  readonly device: Socket;
  readonly upstream: Socket;
  readonly #host: RelayHost;
  /** Others ask it, and only this relay tells it anything. */
  readonly machine: SessionMachine;
  readonly #effects: SessionEffects;
  #state: RelayState = 'open';
  #isDeviceGone = false;
  /** Set when the device leg is reported gone, to the wall clock's milliseconds. */
  #goneAtMs: number | undefined;
  /** A newer leg has taken the session over. */
  #isTakenOver = false;
  #isOver = false;
  #flushTimer: NodeJS.Timeout | undefined;
  /** Called after each event while somebody waits for a quiet moment; see `orderly-close.ts`. */
  onProgress: (() => void) | undefined;
  /** Set by `orderly-close.ts`: the device begins no exchange any more. */
  isHolding = false;
  #bytesWhileHolding = 0;

  constructor({ record, device, upstream, machine, owner }: RelayOptions, host: RelayHost) {
    this.record = record;
    this.device = device;
    this.upstream = upstream;
    this.#host = host;
    this.#effects = new SessionEffects({ device, upstream }, host, owner);
    this.machine = new SessionMachine({
      ...machine,
      scratch: host.scratch,
      port: this.#effects,
      nowMs: host.clock.monotonicMs(),
    });
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Nothing of the session is left in the gateway, or its client ID was given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Another part of the gateway closes both sockets already. */
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
    const { device, upstream } = this;
    device.on('data', (chunk: Buffer) => this.#handleDeviceData(chunk));
    device.on('drain', () => this.#effects.deviceDrained());
    device.on('end', () => this.#handleDeviceEnd());
    device.on('close', () => this.#handleDeviceClose());
    upstream.on('data', (chunk: Buffer) => this.#handleBrokerData(chunk));
    upstream.on('drain', () => this.#effects.brokerDrained());
    upstream.on('end', () => this.#finishBroker());
    upstream.on('close', () => this.#handleBrokerClose());
    device.resume();
    upstream.resume();
    if (early.fromBroker.length > 0) this.#handleBrokerData(early.fromBroker);
    for (const chunk of early.pipelined) this.#handleDeviceData(chunk);
    if (this.#state === 'open') this.#host.deadlines.schedule(this);
    if (early.sentFin) this.#handleDeviceEnd();
    if (device.destroyed) this.#handleDeviceClose();
    if (upstream.destroyed) this.#handleBrokerClose();
  }

  nextDeadlineMs(): number {
    return this.#movesPackets() ? this.machine.nextDeadlineMs() : Number.POSITIVE_INFINITY;
  }

  handleDeadline(nowMs: number): void {
    // A leg that is not read is not silent: what its peer said lies in the socket.
    if (this.#state !== 'open' || this.#effects.deviceGate.isShut) this.machine.excuseDevice(nowMs);
    if (this.#effects.brokerGate.isShut) this.machine.excuseBroker(nowMs);
    this.machine.handleTick(nowMs);
    this.#settle();
  }

  /** Moves nothing any more and drops what comes in, for whoever closes both sockets now; the session counts as gone. */
  release(isTakenOver = false): void {
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

  #handleBrokerData(chunk: Buffer): void {
    if (this.#state === 'released') return;
    this.#host.bytes.fromBroker += chunk.length;
    if (this.#isDeaf()) return;
    this.machine.handleBrokerData(chunk, this.#host.clock.monotonicMs());
    this.#settle();
    // The device's windows open no more once it has left: its broker's end would never be read.
    if (this.#state === 'device-done' && this.#isDeaf()) this.#effects.brokerGate.openWide();
  }

  /** Nobody is left to whom the broker's bytes could be given. */
  #isDeaf(): boolean {
    if (this.#movesPackets()) return false;
    return this.#isDeviceGone || this.#effects.brokerGate.has(gateReason.machine);
  }

  #movesPackets(): boolean {
    return this.#state === 'open' || this.#state === 'flushing';
  }

  /** After every event: bytes leave, and what the event changed is acted upon. */
  #settle(): void {
    const effects = this.#effects;
    effects.flush();
    if (effects.outcome !== undefined && this.#movesPackets()) this.#end(effects.outcome);
    else if (this.#state === 'flushing' && !this.machine.hasHeld) this.#finishDevice();
    if (effects.isDeadlineEarlier) {
      effects.isDeadlineEarlier = false;
      this.#host.deadlines.schedule(this);
    }
    this.onProgress?.();
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

  /** No MQTT DISCONNECT goes upstream: the will of a device that breaks the protocol is published [MQTT-3.1.2-8]. */
  #fail(fault: SessionFault, farewell?: Buffer): void {
    const { device, upstream } = this;
    this.#host.handleFault(this, fault);
    const delayMs = fault.side === 'device' ? this.#lossDelayMs() : 0;
    this.release();
    closeAfterFlush(device, flushLingerMs, farewell);
    if (fault.side === 'broker') upstream.destroy();
    else if (delayMs > 0) this.#host.handleDelayedLoss(this, delayMs);
    else closeAfterFlush(upstream, flushLingerMs);
  }

  /** The device sends no more. What waits for the broker's window still goes out, if it opens in time. */
  #handleDeviceEnd(): void {
    if (this.#state !== 'open') return;
    if (!this.machine.hasHeld) {
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

  /** What the device sent has gone out; then the broker sees the end as the device made it. */
  #finishDevice({ isLoss } = { isLoss: true }): void {
    if (!this.#movesPackets()) return;
    const delayMs = isLoss ? this.#lossDelayMs() : 0;
    clearTimeout(this.#flushTimer);
    if (delayMs > 0) {
      this.release();
      closeAfterFlush(this.device, flushLingerMs);
      this.#host.handleDelayedLoss(this, delayMs);
      return;
    }
    this.#state = 'device-done';
    this.#host.deadlines.remove(this);
    this.upstream.end();
    if (this.#isDeaf()) this.#effects.brokerGate.openWide();
    this.#closeBothAfterFlush();
    this.#clearWhenClosed();
  }

  #finishBroker(): void {
    if (this.#state === 'released') return;
    if (this.#movesPackets()) {
      clearTimeout(this.#flushTimer);
      this.#closeBothAfterFlush();
      this.#host.deadlines.remove(this);
    }
    this.#state = 'broker-done';
    this.#effects.deviceGate.openWide();
    // A second end() would make an error object that nobody looks at.
    if (!this.device.writableEnded) this.device.end();
    if (!this.upstream.writableEnded) this.upstream.end();
  }

  #handleDeviceClose(): void {
    this.#isDeviceGone = true;
    if (this.#state === 'released') return;
    this.#effects.deviceDrained();
    this.#handleDeviceEnd();
    if (this.#isDeaf()) this.#effects.brokerGate.openWide();
    if (this.#state === 'broker-done') this.upstream.destroy();
    this.#reportDeviceGone();
    this.#clearWhenClosed();
  }

  #handleBrokerClose(): void {
    if (this.#state !== 'released') {
      this.#finishBroker();
      this.#clearWhenClosed();
    }
    this.yieldLeg();
  }

  #closeBothAfterFlush(): void {
    this.#flushTimer = setTimeout(() => {
      this.upstream.destroy();
      this.device.destroy();
    }, flushLingerMs);
  }

  #clearWhenClosed(): void {
    if (this.device.destroyed && this.upstream.destroyed) clearTimeout(this.#flushTimer);
  }

  #reportDeviceGone(isTakenOver = false): void {
    if (this.#goneAtMs !== undefined) return;
    this.#goneAtMs = this.#host.clock.wallMs();
    this.#isTakenOver = isTakenOver;
    this.onProgress?.();
    this.#host.handleDeviceGone(this);
    if (this.upstream.closed) this.yieldLeg();
  }

  /** A will delay that the broker does not know ends with the session, if that is sooner (MQTT 5 §3.1.3.2.2). */
  #lossDelayMs(): number {
    if (this.upstream.destroyed) return 0;
    return 1_000 * Math.min(this.record.lossDelaySeconds, this.record.sessionExpiryInterval);
  }

  #isSessionOver(): boolean {
    return !this.#isTakenOver && this.record.sessionExpiryInterval === 0;
  }
}
