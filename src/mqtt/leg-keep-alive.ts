import { packetType } from './control-packet.ts';
import { payloadDigest } from './payload-digest.ts';

/** Milliseconds that a broker may take for PINGRESP. */
export const pingAnswerMs = 10_000;

export const pingreq = Buffer.from([packetType.pingreq << 4, 0]);

/** The keep alive that the device asked for: the gateway enforces it [MQTT-3.1.2-22]. */
export class DeviceKeepAlive {
  readonly #patienceMs: number;
  #lastReceivedMs: number;

  /** `keepAliveSeconds` 0: none. */
  constructor(keepAliveSeconds: number, nowMs: number) {
    this.#patienceMs = keepAliveSeconds === 0 ? Number.POSITIVE_INFINITY : keepAliveSeconds * 1_500;
    this.#lastReceivedMs = nowMs;
  }

  received(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  get deadlineMs(): number {
    return this.#lastReceivedMs + this.#patienceMs;
  }
}

/** The keep alive of an upstream leg: PINGREQ when either way was silent for too long, and an answer in time. */
export class UpstreamKeepAlive {
  readonly #intervalMs: number;
  #lastSentMs: number;
  #lastReceivedMs: number;
  #pingedAtMs: number | undefined;

  /** `phase`, 0 to 1: spreads the pings of a fleet. */
  constructor(keepAliveSeconds: number, phase: number, nowMs: number) {
    const share = 0.65 + 0.2 * phase;
    this.#intervalMs = keepAliveSeconds === 0 ? Number.POSITIVE_INFINITY : keepAliveSeconds * 1_000 * share;
    this.#lastSentMs = nowMs;
    this.#lastReceivedMs = nowMs;
  }

  sent(nowMs: number): void {
    this.#lastSentMs = nowMs;
  }

  received(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  pinged(nowMs: number): void {
    this.#pingedAtMs ??= nowMs;
    this.#lastSentMs = nowMs;
  }

  /** The leg is not read: an answer may lie there. */
  excuse(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
    if (this.#pingedAtMs !== undefined) this.#pingedAtMs = nowMs;
  }

  answered(): void {
    this.#pingedAtMs = undefined;
  }

  get isAwaitingAnswer(): boolean {
    return this.#pingedAtMs !== undefined;
  }

  /** The broker has not answered a ping in time. */
  isSilent(nowMs: number): boolean {
    return this.#answerDueMs <= nowMs;
  }

  get deadlineMs(): number {
    // A leg whose answer may lie unread is pinged on: the broker goes by what it hears.
    if (this.#pingedAtMs !== undefined) return Math.min(this.#answerDueMs, this.#lastSentMs + this.#intervalMs);
    return Math.min(this.#lastSentMs, this.#lastReceivedMs) + this.#intervalMs;
  }

  get #answerDueMs(): number {
    if (this.#pingedAtMs === undefined) return Number.POSITIVE_INFINITY;
    // Behind a large PUBLISH that still comes in lies the answer.
    return Math.max(this.#pingedAtMs, this.#lastReceivedMs) + pingAnswerMs;
  }
}

/** 0 to 1, the same for the same client ID: pings of a fleet do not fall together. */
export function pingPhase(clientId: string): number {
  const bytes = Buffer.from(clientId);
  return payloadDigest(bytes, 0, bytes.length) / 2 ** 32;
}
