import type { Socket } from 'node:net';
import { packetType } from '../mqtt/control-packet.ts';
import { PacketCollector } from '../mqtt/packet-collector.ts';
import type { ConnectionRefusal } from './admission.ts';

export type FirstPacket =
  | { readonly ok: true; readonly packet: Buffer }
  | { readonly ok: false; readonly reason: ConnectionRefusal };

/** Chunks kept of a device that sends more before its CONNECT is answered; then its reader pauses. */
const maxPipelinedChunks = 64;

/**
 * Reads a device until a relay takes over: first its CONNECT, then, while a broker is found, what it pipelines
 * behind it (bounded), and whether it is still there.
 */
export class DeviceIntake {
  readonly #socket: Socket;
  readonly #pipelinedBytesLimit: number;
  #collector: PacketCollector | undefined;
  #settle: ((first: FirstPacket) => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #pipelined: Buffer[] = [];
  #pipelinedBytes = 0;
  #sentFin = false;
  /** Called once when the device goes away before a relay took over. */
  onGone: (() => void) | undefined;

  constructor(socket: Socket, limits: { readonly connectPacketBytes: number; readonly relayBufferBytes: number }) {
    this.#socket = socket;
    this.#pipelinedBytesLimit = limits.relayBufferBytes;
    this.#collector = new PacketCollector({ maxPacketBytes: limits.connectPacketBytes, types: [packetType.connect] });
  }

  /** Resolves with the exact CONNECT packet, or with why there is none within `deadlineMs`. */
  receiveConnect(deadlineMs: number): Promise<FirstPacket> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#deadline = setTimeout(() => this.#finishConnect({ ok: false, reason: 'timeout' }), deadlineMs);
      this.#socket.on('data', this.#handleData);
      this.#socket.on('end', this.#handleEnd);
      this.#socket.on('close', this.#handleClose);
      // A stage before may have paused it, and then a listener alone starts nothing.
      this.#socket.resume();
      if (this.#socket.destroyed) this.#handleClose();
    });
  }

  /** Hands the socket over: what was pipelined, and whether the device already said that no more comes. */
  release(): { readonly pipelined: readonly Buffer[]; readonly sentFin: boolean } {
    this.#socket.off('data', this.#handleData);
    this.#socket.off('end', this.#handleEnd);
    this.#socket.off('close', this.#handleClose);
    this.onGone = undefined;
    const pipelined = this.#pipelined;
    this.#pipelined = [];
    return { pipelined, sentFin: this.#sentFin };
  }

  readonly #handleData = (chunk: Buffer): void => {
    if (this.#collector === undefined) {
      this.#keep(chunk);
      return;
    }
    const collected = this.#collector.push(chunk);
    if (collected.kind === 'incomplete') return;
    if (collected.kind === 'refused') {
      this.#finishConnect({ ok: false, reason: refusalByProblem[collected.problem] });
      return;
    }
    this.#keep(collected.rest);
    this.#finishConnect({ ok: true, packet: collected.packet });
  };

  /** A device that pipelined its packets and half-closed wants them delivered; one that sent nothing more has left. */
  readonly #handleEnd = (): void => {
    this.#sentFin = true;
    if (this.#settle !== undefined) this.#finishConnect({ ok: false, reason: 'gone' });
    else if (this.#pipelinedBytes === 0) this.#leave();
  };

  readonly #handleClose = (): void => {
    if (this.#settle !== undefined) this.#finishConnect({ ok: false, reason: 'gone' });
    else this.#leave();
  };

  #leave(): void {
    const onGone = this.onGone;
    this.onGone = undefined;
    onGone?.();
  }

  #keep(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#pipelined.push(chunk);
    this.#pipelinedBytes += chunk.length;
    if (this.#pipelinedBytes >= this.#pipelinedBytesLimit || this.#pipelined.length >= maxPipelinedChunks) {
      this.#socket.pause();
    }
  }

  #finishConnect(first: FirstPacket): void {
    clearTimeout(this.#deadline);
    const settle = this.#settle;
    this.#settle = undefined;
    this.#collector = undefined;
    settle?.(first);
  }
}

const refusalByProblem = {
  'unexpected-type': 'not-connect',
  reserved: 'not-connect',
  'malformed-length': 'malformed',
  'packet-too-large': 'packet-size',
  stopped: 'malformed',
} as const satisfies Record<string, ConnectionRefusal>;
