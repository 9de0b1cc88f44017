import type { Socket } from 'node:net';
import { packetType } from '../mqtt/control-packet.ts';
import { encodeClientDisconnect } from '../mqtt/disconnect-packet.ts';
import { flushLingerMs } from './gateway-ports.ts';
import { closeAfterFlush, closedWithin, ignoreError } from './socket-closing.ts';

/** An upstream leg whose device is lost, and how the broker is kept from noticing. */
export interface LostLeg {
  readonly socket: Socket;
  /** It stands between two packets, so that others can follow. */
  readonly mayBeTold: boolean;
  /** Seconds that the broker waits for a packet; 0: for ever. */
  readonly keepAliveSeconds: number;
  readonly delayMs: number;
}

interface WaitingLeg {
  readonly leg: LostLeg;
  readonly loss: NodeJS.Timeout;
  readonly ping: NodeJS.Timeout | undefined;
}

/** The longest that a timer can be set for. */
const maxTimerMs = 2_147_483_647;

const pingreq = Buffer.from([packetType.pingreq << 4, 0]);

/**
 * Upstream legs of lost devices whose will delay their broker does not know, by connection number. A leg stays open and
 * silent but for pings until the delay is over; then it is closed abruptly, and the broker publishes the will. Its client
 * ID is free in the meantime: whoever wants it ends the leg, with DISCONNECT, because a device that came back has no will
 * to be published.
 */
export class LostLegs {
  readonly #legs = new Map<number, WaitingLeg>();
  readonly #max: number;

  /** `max`: legs that wait at once. When there are more, the oldest one's will comes early. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#legs.size;
  }

  keep(connection: number, leg: LostLeg): void {
    const { socket, delayMs } = leg;
    if (socket.destroyed) return;
    const [oldest] = this.#legs.values();
    if (oldest !== undefined && this.#legs.size >= this.#max) oldest.leg.socket.destroy();
    const loss = setTimeout(() => socket.destroy(), Math.min(delayMs, maxTimerMs));
    this.#legs.set(connection, { leg, loss, ping: startPings(leg) });
    socket.on('error', ignoreError);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => this.#forget(connection));
    socket.resume();
  }

  /** Resolves when the leg is closed, by its broker or after `closeMs` by force; undefined: there is none. */
  end(connection: number, closeMs: number): Promise<void> | undefined {
    const waiting = this.#legs.get(connection);
    if (waiting === undefined) return undefined;
    const { socket, mayBeTold } = waiting.leg;
    this.#forget(connection);
    closeAfterFlush(socket, flushLingerMs, mayBeTold ? encodeClientDisconnect() : undefined);
    return closedWithin(socket, closeMs);
  }

  #forget(connection: number): void {
    const waiting = this.#legs.get(connection);
    if (waiting === undefined) return;
    this.#legs.delete(connection);
    clearTimeout(waiting.loss);
    clearInterval(waiting.ping);
  }
}

function startPings({ socket, mayBeTold, keepAliveSeconds, delayMs }: LostLeg): NodeJS.Timeout | undefined {
  const everyMs = keepAliveSeconds * 750;
  if (!mayBeTold || everyMs === 0 || delayMs < everyMs) return undefined;
  return setInterval(() => {
    if (socket.writable) socket.write(pingreq);
  }, everyMs);
}
