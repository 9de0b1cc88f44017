import type { PublishHead } from '../../mqtt/publish-head.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import type { BridgedMessage } from './bridged-message.ts';
import { BrokerClient, type ClientHandler, type ClientPort, type ClientTerms, type Opening } from './broker-client.ts';
import { LanePace } from './lane-pace.ts';
import { LaneQueue } from './lane-queue.ts';
import { PacketIdTable } from './packet-id-table.ts';
import type { PublishEncoder } from './publish-encoder.ts';

/** A message as a lane sends it. */
export interface LaneItem {
  readonly message: BridgedMessage;
  /** On the monotonic clock: from then on it is a dead letter, unless it is on the way. */
  readonly tooOldMs: number;
  /** Of its PUBLISH, there when the lane gets it. */
  packetBytes: number;
  /** Not what the broker does not take. */
  retain: boolean;
  /** While it is on the way, 0 at all other times. */
  packetId: number;
  sentAtMs: number;
  /** Times that it was alone on the way when the broker was lost or silent. */
  blame: number;
  /** Times that the broker sent it back because a quota was used up. */
  throttled: number;
  sendings: number;
}

export type LaneRefusal =
  | 'packet-size'
  | 'broker-closes'
  | 'not-acknowledged'
  | 'quota'
  | 'expired'
  | 'too-old'
  | `refused-0x${string}`;

export interface LanePort {
  /** The target has it. */
  handleDone(item: LaneItem, nowMs: number): void;
  /** The target will not have it, whatever is tried. */
  handleRefused(item: LaneItem, refusal: LaneRefusal, nowMs: number): void;
  /** It goes out now, for the first time or again. */
  handleSending(item: LaneItem, nowMs: number): void;
  handleRetainLost(): void;
  wallMs(): number;
}

export interface LaneLimits {
  /** Unacknowledged PUBLISH packets; the broker's own bound counts where it is lower. */
  readonly window: number;
  readonly maxPacketBytes: number;
  /** Infinity: no bound. */
  readonly publishesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Milliseconds for PUBACK, then the connection counts as stuck. */
  readonly ackTimeoutMs: number;
  /** Times that an item may be blamed. */
  readonly maxBlame: number;
  /** Milliseconds of pause when the broker says that a quota is used up; twice as long for each further time, up to 30 s. */
  readonly quotaPauseMs: number;
  readonly maxThrottled: number;
}

/**
 * One connection to the target and its first-in-first-out queue. On a new connection what was not acknowledged goes first,
 * in its order, so that of each key the first deliveries keep theirs. A connection that is lost with messages on the way
 * makes the next one careful: one message at a time until those are through, and an item that was to blame before only
 * behind an answered PINGREQ. So a message that the broker closes for is told from a broker that is down, in a bounded
 * number of attempts.
 */
export class Lane implements ClientHandler {
  readonly number: number;
  readonly #terms: ClientTerms;
  readonly #limits: LaneLimits;
  readonly #port: LanePort;
  readonly #queue = new LaneQueue<LaneItem>();
  readonly #encoder: PublishEncoder;
  readonly #inflight: PacketIdTable<LaneItem>;
  /** In the order of sending; what is acknowledged leaves when it is the first. */
  #sent = new LaneQueue<LaneItem>();
  #client: BrokerClient | undefined;
  #opening: Opening | undefined;
  #packetId = 0;
  #careful = 0;
  #isProven = false;
  #isProving = false;
  #isStuck = false;
  #pausedUntilMs = 0;
  #paceUntilMs = Number.NEGATIVE_INFINITY;
  /** Nothing is sent before whoever stands above says so. */
  #isGateOpen = false;
  /** Undefined: the target has no bound. */
  readonly #pace: LanePace | undefined;

  constructor(
    options: { number: number; terms: ClientTerms; limits: LaneLimits; encoder: PublishEncoder },
    port: LanePort,
  ) {
    this.#encoder = options.encoder;
    this.#inflight = new PacketIdTable(options.limits.window);
    this.number = options.number;
    this.#terms = options.terms;
    this.#limits = options.limits;
    this.#port = port;
    const { publishesPerSecond, bytesPerSecond } = options.limits;
    const isBounded = Number.isFinite(publishesPerSecond) || Number.isFinite(bytesPerSecond);
    this.#pace = isBounded ? new LanePace(options.limits) : undefined;
  }

  get client(): BrokerClient | undefined {
    return this.#client;
  }

  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** Whether it takes a message that nobody waits for: open, and nothing waits in its socket. */
  get hasRoom(): boolean {
    return this.#opening !== undefined && this.#client?.isFull === false;
  }

  /** Waiting and on the way. */
  get length(): number {
    return this.#queue.length + this.#inflight.size;
  }

  connect(port: ClientPort, nowMs: number): BrokerClient {
    this.#client = new BrokerClient(this.#terms, this, { port, nowMs });
    return this.#client;
  }

  handleOpen(opening: Opening, nowMs: number): void {
    this.#opening = opening;
    this.#isProven = false;
    this.#isProving = false;
    this.#isStuck = false;
    this.#pump(nowMs);
  }

  openGate(nowMs: number): void {
    this.#isGateOpen = true;
    this.#pump(nowMs);
  }

  /** What is on its way comes to its end; nothing more is sent. */
  closeGate(): void {
    this.#isGateOpen = false;
  }

  push(item: LaneItem, nowMs: number): void {
    this.#queue.push(item);
    this.#pump(nowMs);
  }

  /** The connection is gone; `isOurs`: closed from this side, in order. */
  handleLost(nowMs: number, isOurs = false): void {
    this.#client?.abandon();
    this.#client = undefined;
    const wasOpen = this.#opening !== undefined;
    this.#opening = undefined;
    const items = [...this.#sent].filter(({ packetId }) => packetId !== 0);
    for (const item of items) item.packetId = 0;
    this.#inflight.clear();
    this.#sent = new LaneQueue();
    this.#queue.unshift(items);
    if (!wasOpen || isOurs || items.length === 0) return;
    this.#careful = Math.max(this.#careful, items.length);
    const [only] = items;
    if (items.length === 1 && only !== undefined) this.#blame(only, nowMs);
  }

  get nextDeadlineMs(): number {
    return Math.min(
      this.#client?.nextDeadlineMs ?? Number.POSITIVE_INFINITY,
      this.#ackDueAtMs(),
      this.#queue.first?.tooOldMs ?? Number.POSITIVE_INFINITY,
      this.#canSend() && this.#queue.length > 0
        ? Math.max(this.#pausedUntilMs, this.#paceUntilMs)
        : Number.POSITIVE_INFINITY,
    );
  }

  handleTick(nowMs: number): void {
    if (this.#ackDueAtMs() <= nowMs) {
      this.#isStuck = true;
      this.#client?.close(`no PUBACK within ${this.#limits.ackTimeoutMs} ms`);
      return;
    }
    this.#client?.handleTick(nowMs);
    this.#sweep(nowMs);
    this.#pump(nowMs);
  }

  /** When the oldest that waits, or is on the way, becomes too old. */
  get oldestDueMs(): number {
    const waiting = this.#queue.first?.tooOldMs ?? Number.POSITIVE_INFINITY;
    return Math.min(waiting, this.#sent.first?.tooOldMs ?? Number.POSITIVE_INFINITY);
  }

  /** What waited for too long, whether the target is there or not. */
  #sweep(nowMs: number): void {
    for (;;) {
      const item = this.#queue.first;
      if (item === undefined || item.tooOldMs > nowMs) return;
      this.#queue.shift();
      this.#port.handleRefused(item, 'too-old', nowMs);
    }
  }

  handlePublish(_head: PublishHead, _isWhole: boolean): void {}

  handleSuback(): void {}

  handleUnsuback(): void {}

  handlePingresp(nowMs: number): void {
    this.#isProving = false;
    this.#isProven = true;
    this.#pump(nowMs);
  }

  handleAcknowledgement(type: 4 | 5 | 6 | 7, packetId: number, reason: number, nowMs: number): void {
    const item = type === 4 ? this.#inflight.get(packetId) : undefined;
    if (item === undefined) return;
    this.#inflight.delete(packetId);
    item.packetId = 0;
    while (this.#sent.first?.packetId === 0) this.#sent.shift();
    this.#pace?.handleAcknowledged(nowMs);
    if (this.#careful > 0) this.#careful -= 1;
    if (reason === reasonCode.quotaExceeded) this.#requeue(item, nowMs);
    else if (reason >= reasonCode.unspecifiedError)
      this.#port.handleRefused(item, `refused-0x${reason.toString(16)}`, nowMs);
    else this.#port.handleDone(item, nowMs);
    this.#pump(nowMs);
  }

  #canSend(): boolean {
    return (
      this.#opening !== undefined && this.#isGateOpen && this.#inflight.size < this.#windowNow() && !this.#isProving
    );
  }

  #windowNow(): number {
    if (this.#careful > 0) return 1;
    return Math.min(this.#limits.window, this.#opening?.receiveMaximum ?? 0);
  }

  #ackDueAtMs(): number {
    const { first } = this.#sent;
    return first === undefined ? Number.POSITIVE_INFINITY : first.sentAtMs + this.#limits.ackTimeoutMs;
  }

  #pump(nowMs: number): void {
    while (this.#canSend() && this.#pausedUntilMs <= nowMs) {
      const item = this.#queue.first;
      if (item === undefined) return;
      if (this.#mustProve(item)) {
        this.#isProving = true;
        this.#client?.ping(nowMs);
        return;
      }
      if (!this.#mayPublish(item, nowMs)) return;
      this.#queue.shift();
      this.#send(item, nowMs);
    }
  }

  #mustProve(item: LaneItem): boolean {
    return item.blame > 0 && !this.#isProven;
  }

  /** Both buckets or none: bytes are only taken where a message may go. */
  #mayPublish(item: LaneItem, nowMs: number): boolean {
    if (this.#pace === undefined) return true;
    const size = item.packetBytes;
    const dueMs = this.#pace.dueMs(size, this.#inflight.size, nowMs);
    this.#paceUntilMs = dueMs;
    if (dueMs > nowMs) return false;
    this.#pace.take(size, nowMs);
    return true;
  }

  #send(item: LaneItem, nowMs: number): void {
    const opening = this.#opening as Opening;
    const { message, packetBytes } = item;
    const isTooLarge = packetBytes > Math.min(opening.maximumPacketSize, this.#limits.maxPacketBytes);
    const isMortal = message.expiresAtMs !== Number.POSITIVE_INFINITY;
    const wallMs = isMortal ? this.#port.wallMs() : 0;
    const isExpired = isMortal && message.expiresAtMs <= wallMs;
    if (isTooLarge || isExpired) {
      this.#port.handleRefused(item, isExpired ? 'expired' : 'packet-size', nowMs);
      return;
    }
    if (item.retain && !opening.retainAvailable) {
      item.retain = false;
      this.#port.handleRetainLost();
    }
    item.sendings += 1;
    this.#port.handleSending(item, nowMs);
    const packetId = message.qos === 0 ? 0 : this.#nextPacketId();
    if (packetId !== 0) {
      item.packetId = packetId;
      item.sentAtMs = nowMs;
      this.#inflight.set(packetId, item);
      this.#sent.push(item);
    }
    const bytes = this.#encoder.encode(message, { packetBytes, packetId, retain: item.retain, wallMs });
    this.#client?.send(bytes, nowMs, packetBytes);
    if (packetId !== 0) return;
    this.#pace?.handleAcknowledged(nowMs);
    this.#port.handleDone(item, nowMs);
  }

  /** A free one: there are never as many on the way as there are identifiers. */
  #nextPacketId(): number {
    do this.#packetId = this.#packetId === 0xffff ? 1 : this.#packetId + 1;
    while (this.#inflight.get(this.#packetId) !== undefined);
    return this.#packetId;
  }

  /** The order of its key is lost where later ones went through: only a rate below the broker's keeps it. */
  #requeue(item: LaneItem, nowMs: number): void {
    item.throttled += 1;
    if (item.throttled >= this.#limits.maxThrottled) {
      this.#port.handleRefused(item, 'quota', nowMs);
      return;
    }
    // It may still stand behind older ones there, and would be in twice.
    const sent = [...this.#sent].filter((other) => other !== item);
    this.#sent = new LaneQueue();
    this.#sent.unshift(sent);
    this.#queue.unshift([item]);
    const pauseMs = Math.min(longestQuotaPauseMs, this.#limits.quotaPauseMs * 2 ** (item.throttled - 1));
    this.#pausedUntilMs = nowMs + pauseMs;
  }

  /** `item` is the first in the queue. */
  #blame(item: LaneItem, nowMs: number): void {
    item.blame += 1;
    if (item.blame < this.#limits.maxBlame) return;
    this.#queue.shift();
    this.#port.handleRefused(item, this.#isStuck ? 'not-acknowledged' : 'broker-closes', nowMs);
  }
}

const longestQuotaPauseMs = 30_000;
