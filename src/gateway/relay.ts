import type { Socket } from 'node:net';
import { decodeDisconnectBody, disconnectReason, encodeServerDisconnect } from '../mqtt/disconnect-packet.ts';
import type { FramingProblem } from '../mqtt/framer.ts';
import { InflightCount } from '../mqtt/inflight-count.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { PacketCounts } from '../telemetry/metrics.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { BrokerPacketWatch, DevicePacketWatch } from './packet-watch.ts';
import type { SessionRecord } from './session-record.ts';
import { closeAfterFlush } from './socket-closing.ts';

/** What every relay of a gateway shares. */
export interface RelayHost {
  readonly packets: PacketCounts;
  readonly bytes: { fromDevice: number; fromBroker: number };
  readonly log: Logger;
  /** Called exactly once, when the device leg is gone or taken from the relay; the upstream leg may still be closing. */
  handleDeviceGone(relay: Relay): void;
  /** Called exactly once, not before `handleDeviceGone`: the broker's side is closed too, or was left to its takeover. */
  handleLegOver(relay: Relay, sessionOver: boolean): void;
}

/**
 * `open`: packets go both ways. `device-done`: the device said DISCONNECT, half-closed, broke the protocol or is gone;
 * what it sent flows out to the broker, whose last bytes still flow to it. `broker-done`: the broker closed; its last
 * bytes flow out to the device. `released`: another part of the gateway closes both sockets.
 */
type RelayState = 'open' | 'device-done' | 'broker-done' | 'released';

/** A DISCONNECT longer than this is forwarded and not read. */
const maxDisconnectBytes = 65_536;

/**
 * Moves bytes between a device and the broker that accepted it. Chunks go on as they came; the watches only look at
 * headers. When one side's socket is full, the other side is not read until it drained.
 */
export class Relay {
  readonly record: SessionRecord;
  readonly device: Socket;
  readonly upstream: Socket;
  readonly fromDevice: DevicePacketWatch;
  readonly fromBroker: BrokerPacketWatch;
  readonly inflight = new InflightCount();
  readonly #host: RelayHost;
  #state: RelayState = 'open';
  #isDeviceGone = false;
  /** Set when the device leg is reported gone: whether nothing of the session outlives it. */
  #sessionOver: boolean | undefined;
  #isOver = false;
  /** The body of the device's DISCONNECT while it comes in. */
  #disconnectBody: Buffer | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  /** Called after each chunk while somebody waits for a quiet moment; see `orderly-close.ts`. */
  onProgress: (() => void) | undefined;
  /** Set by `orderly-close.ts`: the device's further packets are left unread. */
  isHolding = false;

  constructor(record: SessionRecord, sockets: { readonly device: Socket; readonly upstream: Socket }, host: RelayHost) {
    this.record = record;
    this.device = sockets.device;
    this.upstream = sockets.upstream;
    this.#host = host;
    this.fromDevice = new DevicePacketWatch(record.maxPacketBytes, {
      counts: host.packets.fromDevice,
      inflight: this.inflight,
      knowsAuth: record.protocol === '5',
    });
    this.fromBroker = new BrokerPacketWatch(host.packets.fromBroker, this.inflight);
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

  /** Takes both sockets over. `fromBroker` came behind CONNACK, `pipelined` behind CONNECT; both are moved first. */
  start(early: {
    readonly fromBroker: Buffer;
    readonly pipelined: readonly Buffer[];
    readonly sentFin: boolean;
  }): void {
    const { device, upstream } = this;
    device.on('data', (chunk: Buffer) => this.#handleDeviceData(chunk));
    device.on('drain', () => upstream.resume());
    device.on('end', () => this.#finishDevice());
    device.on('close', () => this.#handleDeviceClose());
    upstream.on('data', (chunk: Buffer) => this.#handleBrokerData(chunk));
    upstream.on('drain', () => this.#resumeDevice());
    upstream.on('end', () => this.#finishBroker());
    upstream.on('close', () => this.#handleBrokerClose());
    device.resume();
    upstream.resume();
    if (early.fromBroker.length > 0) this.#handleBrokerData(early.fromBroker);
    for (const chunk of early.pipelined) this.#handleDeviceData(chunk);
    if (early.sentFin) this.#finishDevice();
    if (device.destroyed) this.#handleDeviceClose();
    if (upstream.destroyed) this.#handleBrokerClose();
  }

  /** Moves nothing any more and drops what comes in, for whoever closes both sockets now; the session counts as gone. */
  release(sessionOver: boolean): void {
    this.#state = 'released';
    this.onProgress = undefined;
    clearTimeout(this.#flushTimer);
    this.#reportDeviceGone(sessionOver);
  }

  /** Gives the client ID up, for a newer leg whose broker ends this one by its own takeover. */
  yieldLeg(): void {
    if (this.#isOver || this.#sessionOver === undefined) return;
    this.#isOver = true;
    this.#host.handleLegOver(this, this.#sessionOver);
  }

  #handleDeviceData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    if (this.#disconnectBody !== undefined) {
      this.#collectDisconnect(chunk);
      return;
    }
    const wanted = this.isHolding ? chunk.subarray(0, this.fromDevice.scanToBoundary(chunk)) : chunk;
    const problem = this.isHolding ? undefined : this.fromDevice.scan(wanted);
    this.#host.bytes.fromDevice += chunk.length;
    if (problem === undefined) {
      if (!this.upstream.write(wanted)) this.device.pause();
      if (this.onProgress !== undefined) this.onProgress();
      return;
    }
    this.#handleDeviceStop(problem, wanted);
  }

  #handleDeviceStop(problem: FramingProblem, chunk: Buffer): void {
    const at = this.fromDevice.offset;
    if (problem === 'stopped' && this.fromDevice.stop === 'disconnect') {
      this.upstream.write(chunk.subarray(0, at));
      this.#disconnectBody = Buffer.alloc(0);
      this.#collectDisconnect(chunk.subarray(at));
      return;
    }
    const { clientId, listener } = this.record;
    this.#host.log.debug({ clientId, listener, problem }, 'device broke the protocol');
    const reason = problem === 'packet-too-large' ? disconnectReason.packetTooLarge : disconnectReason.protocolError;
    const farewell = encodeServerDisconnect(this.record.protocol, reason);
    // No MQTT DISCONNECT goes upstream: the will of a device that breaks the protocol is published [MQTT-3.1.2-8].
    const { device, upstream } = this;
    const mayTell = this.fromBroker.atBoundary;
    this.release(this.#isSessionOver());
    closeAfterFlush(upstream, flushLingerMs);
    closeAfterFlush(device, flushLingerMs, mayTell ? farewell : undefined);
  }

  /** What comes behind a DISCONNECT is dropped; a body is read for the session expiry that it may change. */
  #collectDisconnect(chunk: Buffer): void {
    const collected = this.#disconnectBody ?? Buffer.alloc(0);
    const total = this.fromDevice.bodyBytesLeft;
    const taken = chunk.subarray(0, total - collected.length);
    if (total > maxDisconnectBytes) {
      this.device.destroy();
      return;
    }
    const body = collected.length === 0 ? taken : Buffer.concat([collected, taken]);
    if (body.length < total) {
      this.#disconnectBody = body;
      return;
    }
    this.#disconnectBody = undefined;
    if (body.length > 0) this.upstream.write(body);
    if (this.record.protocol === '5') {
      const expiry = decodeDisconnectBody(body)?.sessionExpiryInterval;
      if (expiry !== undefined) this.record.sessionExpiryInterval = expiry;
    }
    this.#finishDevice();
  }

  #handleBrokerData(chunk: Buffer): void {
    if (this.#state === 'released') return;
    if (this.fromBroker.scan(chunk) !== undefined) {
      this.#host.log.debug({ clientId: this.record.clientId, broker: this.record.home }, 'broker broke the protocol');
      this.upstream.destroy();
      return;
    }
    this.#host.bytes.fromBroker += chunk.length;
    if (!this.#isDeviceGone && !this.device.write(chunk)) this.upstream.pause();
    if (this.onProgress !== undefined) this.onProgress();
  }

  #resumeDevice(): void {
    if (!this.isHolding || !this.fromDevice.atBoundary) this.device.resume();
  }

  /** The device sends no more: what it sent flows out, then the broker sees the end as the device made it. */
  #finishDevice(): void {
    if (this.#state !== 'open') return;
    this.#state = 'device-done';
    this.upstream.resume();
    this.upstream.end();
    this.#closeBothAfterFlush();
  }

  #finishBroker(): void {
    if (this.#state === 'released') return;
    if (this.#state === 'open') this.#closeBothAfterFlush();
    this.#state = 'broker-done';
    this.device.resume();
    // A second end() would make an error object that nobody looks at.
    if (!this.device.writableEnded) this.device.end();
    if (!this.upstream.writableEnded) this.upstream.end();
  }

  #handleDeviceClose(): void {
    this.#isDeviceGone = true;
    if (this.#state === 'released') return;
    this.#finishDevice();
    this.upstream.resume();
    if (this.#state === 'broker-done') this.upstream.destroy();
    this.#reportDeviceGone(this.#isSessionOver());
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

  #reportDeviceGone(sessionOver: boolean): void {
    if (this.#sessionOver !== undefined) return;
    this.#sessionOver = sessionOver;
    this.onProgress?.();
    this.#host.handleDeviceGone(this);
    if (this.upstream.closed) this.yieldLeg();
  }

  #isSessionOver(): boolean {
    return this.record.sessionExpiryInterval === 0;
  }
}
