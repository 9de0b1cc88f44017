import type { Socket } from 'node:net';
import { encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
import { reasonCode } from '../mqtt/reason-code.ts';
import type { SessionMachine } from '../mqtt/session-machine.ts';
import type { SessionFault } from '../mqtt/session-port.ts';
import type { BrokerSide } from './broker-side.ts';
import { flushLingerMs } from './gateway-ports.ts';
import type { LegConnection } from './leg-connection.ts';
import type { LegConnections } from './leg-connections.ts';
import { gateReason } from './read-gate.ts';
import type { SessionEffects, SessionOutcome } from './session-effects.ts';
import type { SessionRecord } from './session-record.ts';
import { closeAfterFlush } from './socket-closing.ts';

/**
 * `open`: packets go both ways. `flushing`: the device sends no more, and what it sent goes out as the broker's windows
 * open. `device-done`: all of that has gone out, or was given up; the active leg's last bytes still flow to the device.
 * `broker-done`: that leg ended too; its last bytes flow out to the device. `released`: others close the sockets.
 */
type RelayState = 'open' | 'flushing' | 'device-done' | 'broker-done' | 'released';

/** What the end of a relay needs of it. */
export interface RelayEndingOptions {
  readonly device: Socket;
  readonly legs: LegConnections;
  readonly brokers: BrokerSide;
  readonly machine: SessionMachine;
  readonly effects: SessionEffects;
  readonly record: SessionRecord;
  /** Nothing is moved any more: the device and the active leg are closed next. */
  readonly release: () => void;
  /** Told before the legs are closed. */
  readonly handleFault: (fault: SessionFault) => void;
  /** The device is closed; the active leg is to be kept as long. */
  readonly handleDelayedLoss: (active: LegConnection, delayMs: number) => void;
  /** The device's packets wait for the broker no longer. */
  readonly giveUpHeld: () => void;
  /** Nothing is due any more. */
  readonly stopDeadlines: () => void;
  readonly handleProgress: () => void;
}

/** How a relay comes to its end behind its device: what was sent still arrives, and no broker sees more than it should. */
export class RelayEnding {
  readonly #options: RelayEndingOptions;
  #state: RelayState = 'open';
  #isDeviceGone = false;
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(options: RelayEndingOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isReleased(): boolean {
    return this.#state === 'released';
  }

  get movesPackets(): boolean {
    return this.#state === 'open' || this.#state === 'flushing';
  }

  /** Nobody is left to whom the broker's bytes could be given. */
  get isDeaf(): boolean {
    if (this.movesPackets) return false;
    return this.#isDeviceGone || this.#options.legs.active?.gate.has(gateReason.machine) !== false;
  }

  release(): void {
    this.#state = 'released';
    clearTimeout(this.#flushTimer);
  }

  /** After every event. */
  advance(): void {
    const { machine, effects } = this.#options;
    if (effects.outcome !== undefined && this.movesPackets) this.#end(effects.outcome);
    else if (this.#state === 'flushing' && !machine.hasHeld) this.finishDevice();
  }

  /** The session cannot go on, which its device is told where its MQTT has words. */
  giveUp(fault: SessionFault): void {
    const { machine, record } = this.#options;
    if (!this.movesPackets) return;
    this.#fail(fault, machine.mayTellDevice ? encodeServerDisconnect(record.protocol, fault.reason) : undefined);
  }

  /** The device's windows open no more once it has left: its broker's end would never be read. */
  openDeaf(leg: LegConnection): void {
    if (this.#state === 'device-done' && this.isDeaf) leg.gate.openWide();
  }

  /** No leg is active. False: the device is there, and waits for another one. */
  handleDetached(): boolean {
    if (this.#state === 'flushing') this.finishDevice();
    return this.#state !== 'open';
  }

  /** The device sends no more. What waits for the broker's window still goes out, if it opens in time. */
  handleDeviceEnd(): void {
    const { machine, legs, giveUpHeld, handleProgress } = this.#options;
    if (this.#state !== 'open') return;
    if (!machine.hasHeld || legs.active === undefined) {
      this.finishDevice();
      return;
    }
    this.#state = 'flushing';
    this.#flushTimer = setTimeout(() => {
      giveUpHeld();
      this.finishDevice();
    }, flushLingerMs);
    handleProgress();
  }

  /** What the device sent has gone out; then its broker sees the end as the device made it, and others a DISCONNECT. */
  finishDevice({ isLoss } = { isLoss: true }): void {
    const { device, legs, brokers, release, handleDelayedLoss, stopDeadlines } = this.#options;
    if (!this.movesPackets) return;
    const { active } = legs;
    const delayMs = isLoss ? this.#lossDelayMs() : 0;
    clearTimeout(this.#flushTimer);
    if (active !== undefined && delayMs > 0) {
      release();
      closeAfterFlush(device, flushLingerMs);
      handleDelayedLoss(active, delayMs);
      return;
    }
    this.#state = 'device-done';
    brokers.endOthers();
    stopDeadlines();
    this.#closeAllAfterFlush();
    if (active === undefined) {
      this.finishBroker();
      return;
    }
    active.socket.end();
    if (this.isDeaf) active.gate.openWide();
    this.clearWhenClosed();
  }

  /** The active leg ended behind the device. */
  finishBroker(): void {
    const { device, legs, effects } = this.#options;
    const { active } = legs;
    this.#state = 'broker-done';
    effects.deviceGate.openWide();
    // A second end() would make an error object that nobody looks at.
    if (!device.writableEnded) device.end();
    if (active !== undefined && !active.socket.writableEnded) active.socket.end();
    this.clearWhenClosed();
  }

  handleDeviceClose(): void {
    this.#isDeviceGone = true;
    if (this.#state === 'released') return;
    const { legs, effects } = this.#options;
    effects.deviceDrained();
    this.handleDeviceEnd();
    if (this.isDeaf) legs.active?.gate.openWide();
    if (this.#state === 'broker-done') legs.active?.socket.destroy();
  }

  clearWhenClosed(): void {
    const { device, brokers } = this.#options;
    if (!this.movesPackets && device.destroyed && brokers.areDestroyed) clearTimeout(this.#flushTimer);
  }

  #end(outcome: SessionOutcome): void {
    switch (outcome.kind) {
      case 'done': {
        const { withWill, sessionExpiryInterval } = outcome.done;
        const { record } = this.#options;
        if (sessionExpiryInterval !== undefined) record.sessionExpiryInterval = sessionExpiryInterval;
        this.finishDevice({ isLoss: withWill });
        break;
      }
      case 'failed':
        this.#fail(outcome.fault);
        break;
      case 'unrecorded': {
        const reason = reasonCode.implementationSpecificError;
        this.giveUp({ side: 'device', reason, message: 'its message could not be recorded' });
        break;
      }
    }
  }

  /**
   * The will of a device that breaks the protocol is published [MQTT-3.1.2-8]: no DISCONNECT goes to the active leg. Where
   * the brokers' side fails, one does, because the device has done nothing.
   */
  #fail(fault: SessionFault, farewell?: Buffer): void {
    const { device, legs, machine, release, handleFault, handleDelayedLoss } = this.#options;
    const { active } = legs;
    handleFault(fault);
    const delayMs = fault.side === 'device' ? this.#lossDelayMs() : 0;
    release();
    closeAfterFlush(device, flushLingerMs, farewell);
    if (active === undefined) return;
    if (fault.side === 'broker') active.close(machine.mayTellBroker);
    else if (delayMs > 0) handleDelayedLoss(active, delayMs);
    else active.close(false);
  }

  /** A will delay that the broker does not know ends with the session, if that is sooner (MQTT 5 §3.1.3.2.2). */
  #lossDelayMs(): number {
    const { legs, record } = this.#options;
    const { active } = legs;
    if (active?.socket.destroyed !== false) return 0;
    return 1_000 * Math.min(active.terms.lossDelaySeconds, record.sessionExpiryInterval);
  }

  #closeAllAfterFlush(): void {
    const { device, brokers } = this.#options;
    this.#flushTimer = setTimeout(() => {
      brokers.destroyAll();
      device.destroy();
    }, flushLingerMs);
  }
}
