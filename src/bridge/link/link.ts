import { Arrivals } from './arrivals.ts';
import { type BridgedMessage, originMarks } from './bridged-message.ts';
import { Burials } from './burials.ts';
import { Lane, type LaneItem, type LaneRefusal } from './lane.ts';
import { LaneSet } from './lane-set.ts';
import { LinkCounts } from './link-counts.ts';
import { createLinkItem, type LinkItem, type SpooledMessage, unreadable } from './link-item.ts';
import type { BurialReason, LinkOptions, LinkPort } from './link-port.ts';
import { LoopGuard } from './loop-guard.ts';
import { PublishEncoder } from './publish-encoder.ts';
import { ReadTime } from './read-time.ts';
import { type Delivery, SourceLeg } from './source-leg.ts';
import { SpoolCourse } from './spool-course.ts';
import { UnsafeItems } from './unsafe-items.ts';

/**
 * One slot of a rule at work: a source leg on one side, lanes on the other. What comes is judged, given to the lane of its
 * key, and acknowledged to its source when the target has acknowledged it. What is not safe for too long is written to the
 * spool, and from then on messages stand in line there until the lanes have caught up.
 */
export class Link {
  readonly counts = new LinkCounts();
  readonly leg: SourceLeg;
  /** Records are on their way to the disk, and their sources wait for that. */
  readonly isSyncing = () => this.#course.isSyncing;
  readonly #options: LinkOptions;
  readonly #port: LinkPort;
  readonly #encoder: PublishEncoder;
  readonly #wallTime: ReadTime;
  readonly #loopGuard: LoopGuard;
  readonly #arrivals: Arrivals;
  readonly #course: SpoolCourse;
  readonly #unsafe = new UnsafeItems();
  readonly #burials: Burials;
  readonly #laneSet: LaneSet;
  /** Every message is written down as it comes, until the lanes have caught up. */
  #isSpooling: boolean;
  /** The spool has what the target has not. */
  #isBehind: boolean;
  /** The spool did not take what it was given: the next attempt begins with the oldest. */
  #hasSpoolFailed = false;
  #isReading = false;
  #isFeeding = false;
  #isStopped = false;
  #spoolRetryMs = Number.NEGATIVE_INFINITY;

  constructor(options: LinkOptions, port: LinkPort) {
    this.#options = options;
    this.#port = port;
    this.#wallTime = new ReadTime(() => port.wallMs());
    this.#encoder = new PublishEncoder(options.target.protocol, originMarks(options.rule.from));
    this.#burials = new Burials(options.rule.undeliverable === 'drop', this.counts, port);
    this.#loopGuard = new LoopGuard(options.echoes, options.breaker);
    this.#arrivals = new Arrivals(options, this.#loopGuard, this.counts);
    const { kept, maxLineBytes } = options.spool;
    this.#course = new SpoolCourse(kept, maxLineBytes, {
      append: (item) => {
        this.counts.spooled += 1;
        port.append({ message: item.message, arrivedWallMs: item.arrivedWallMs });
      },
      release: (position) => port.release(position),
    });
    this.#isBehind = this.#isSpooling = !this.#course.isEmpty;
    this.#laneSet = new LaneSet(options.rule.order, options.lanes, (number) => this.#createLane(number));
    this.leg = this.#createLeg();
  }

  /** A rule that noticed a loop carries nothing any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isSpooling(): boolean {
    return this.#isSpooling;
  }

  /** Records of the spool that the target has not acknowledged. */
  get spooledCount(): number {
    return this.#course.recordCount;
  }

  get lanes(): readonly Lane[] {
    return this.#laneSet.lanes;
  }

  /** It was told to go, its source owes it nothing more, and everything that came is done. */
  get hasLeft(): boolean {
    return this.leg.hasLeft && this.#course.isEmpty && this.spooledCount === 0 && this.#laneSet.isIdle;
  }

  /** It takes no more messages from its source than those that are on their way already. */
  retire(nowMs: number): void {
    this.leg.retire(nowMs);
  }

  #createLeg(): SourceLeg {
    const { source } = this.#options;
    return new SourceLeg(
      { terms: source.terms, subscription: source.subscription },
      {
        handleMessage: (message, delivery, isWhole, nowMs) => this.#receive(message, { delivery, isWhole, nowMs }),
        handleResend: () => this.counts.suppressDuplicate(),
        handleSubscribed: (code, nowMs) => {
          this.#port.tell({ kind: code < 0x80 ? 'subscribed' : 'subscription-refused', code }, nowMs);
        },
        handleOpened: (sessionPresent) => this.#arrivals.handleOpened(sessionPresent),
        handleSessionLost: () => this.counts.loseSession(),
        wallMs: () => this.#port.wallMs(),
      },
    );
  }

  /** Further lanes get messages as soon as the others are idle. */
  growLanes(lanes: number, nowMs: number): void {
    this.#laneSet.grow(lanes, nowMs);
    this.#feed(nowMs);
  }

  /** The target's own subscriptions stand: what is carried there is not answered before anybody listens. */
  openGate(nowMs: number): void {
    this.#laneSet.openGates(nowMs);
    this.#feed(nowMs);
  }

  /** Nothing more goes to the target; what comes waits, and then stands in the spool. */
  closeGate(): void {
    this.#laneSet.closeGates();
  }

  get nextDeadlineMs(): number {
    let dueMs = Math.min(this.#spoolDueAtMs(), this.#ageDueAtMs(), this.leg.nextDeadlineMs);
    for (const lane of this.lanes) dueMs = Math.min(dueMs, lane.nextDeadlineMs);
    return dueMs;
  }

  handleTick(nowMs: number): void {
    this.leg.handleTick(nowMs);
    for (const lane of this.lanes) lane.handleTick(nowMs);
    if (this.#spoolDueAtMs() <= nowMs) this.#spoolUnsafe(nowMs);
    this.#feed(nowMs);
  }

  /** Every message before this position of the spool survives whatever happens. */
  handleSynced(position: number, nowMs: number): void {
    for (const item of this.#course.handleSynced(position)) {
      if (!item.isDone) item.delivery?.leg.settle(item.delivery, nowMs);
    }
    this.#feed(nowMs);
  }

  /** The spool has no room, or no disk: what it had not synced it does not have. Its sources keep it meanwhile. */
  handleSpoolFailed(nowMs: number): void {
    this.#course.handleFailed();
    this.#hasSpoolFailed = true;
    this.#spoolRetryMs = nowMs + this.#options.spool.retryMs;
    this.#port.tell({ kind: 'spool-failed' }, nowMs);
  }

  /** The answer to `read`, at least one record; undefined: one that can be read no more, whatever is tried. */
  handleRead(position: number, records: readonly (SpooledMessage | undefined)[], nowMs: number): void {
    this.#isReading = false;
    const items = records.map((record, index) => {
      if (record === undefined) this.counts.drop('spool-unreadable');
      const item = this.#itemOf(record ?? unreadable, undefined, nowMs);
      return { ...item, position: position + index, isDone: record === undefined };
    });
    this.#course.handleRead(items);
    this.#feed(nowMs);
  }

  /** The dead letter survives whatever happens. */
  handleBuried(item: LinkItem, nowMs: number): void {
    this.#burials.handleBuried();
    this.#finish(item, nowMs);
    this.#feed(nowMs);
  }

  #receive(
    message: BridgedMessage,
    { delivery, isWhole, nowMs }: { delivery: Delivery | undefined; isWhole: boolean; nowMs: number },
  ): void {
    if (this.#isStopped) return;
    const judged = this.#arrivals.judge(message, isWhole, nowMs);
    const arrivedWallMs = this.#wallTime.at(nowMs);
    switch (judged.kind) {
      case 'skip':
        delivery?.leg.settle(delivery, nowMs);
        break;
      case 'undeliverable':
        this.#bury(this.#itemOf({ message, arrivedWallMs }, delivery, nowMs), judged.reason, nowMs);
        break;
      case 'loop':
        this.#stop(message.topic, nowMs);
        break;
      case 'carry':
        this.#carry(this.#itemOf({ message: judged.message, arrivedWallMs }, delivery, nowMs), nowMs);
        break;
    }
  }

  #carry(item: LinkItem, nowMs: number): void {
    if (item.delivery === undefined) this.#carryUnacknowledged(item, nowMs);
    else {
      this.#unsafe.push(item);
      this.#course.stand(item);
      if (this.#isSpooling && !this.#hasSpoolFailed) this.#course.write([item]);
      this.#feed(nowMs);
    }
  }

  /** QoS 0: it goes now, behind nothing that waits for an outage to end, or not at all. */
  #carryUnacknowledged(item: LinkItem, nowMs: number): void {
    const lane = this.#laneSet.laneOf(item.message.topic);
    const mayGo =
      this.#course.isEmpty &&
      !this.#laneSet.isGrowing &&
      lane.hasRoom &&
      lane.length < this.#options.unacknowledgedAhead;
    if (mayGo) this.#toLane(item, lane, nowMs);
    else this.counts.drop('qos-0-no-room');
  }

  #toLane(item: LinkItem, lane: Lane, nowMs: number): void {
    try {
      item.packetBytes = this.#encoder.sizeOf(item.message);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#bury(item, 'packet-size', nowMs);
      return;
    }
    lane.push(item, nowMs);
  }

  /** Gives the lanes what stands in line, as far as they have room. */
  #feed(nowMs: number): void {
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    this.#laneSet.takeGrown();
    while (this.#feedNext(nowMs));
    this.#isFeeding = false;
    if (this.#course.isEmpty) this.#isSpooling = false;
    if (!this.#isBehind || this.#isSpooling || this.#course.recordCount > 0) return;
    this.#isBehind = false;
    this.#port.tell({ kind: 'caught-up' }, nowMs);
  }

  #feedNext(nowMs: number): boolean {
    const item = this.#course.first;
    if (item === undefined) {
      const position = this.#course.unreadPosition;
      if (position !== undefined && !this.#isReading) this.#port.read(position);
      this.#isReading ||= position !== undefined;
      return false;
    }
    if (item.isDone || item.tooOldMs <= nowMs) {
      if (!item.isDone && this.#burials.isFull) return false;
      this.#course.take(item);
      if (item.isDone) this.#course.handleDone(item.position);
      else this.#bury(item, 'too-old', nowMs);
      return true;
    }
    if (this.#laneSet.isGrowing) return false;
    const lane = this.#laneSet.laneOf(item.message.topic);
    if (lane.length >= this.#options.feedAhead) return false;
    this.#course.take(item);
    this.#toLane(item, lane, nowMs);
    return true;
  }

  /** When what is not safe yet is written to the spool. */
  #spoolDueAtMs(): number {
    return Math.max(this.#unsafe.oldestArrivedMs + this.#options.spool.afterMs, this.#spoolRetryMs);
  }

  /** When the first in line is too old to wait any longer; one that is not read yet is read to see that. */
  #ageDueAtMs(): number {
    const { first, unreadPosition } = this.#course;
    if (first === undefined && unreadPosition !== undefined && !this.#isReading) return Number.NEGATIVE_INFINITY;
    return first === undefined || this.#burials.isFull ? Number.POSITIVE_INFINITY : first.tooOldMs;
  }

  /** When the oldest that waits anywhere becomes too old; infinity: nothing waits. */
  get oldestDueMs(): number {
    return Math.min(this.#course.first?.tooOldMs ?? Number.POSITIVE_INFINITY, this.#laneSet.oldestDueMs);
  }

  #spoolUnsafe(nowMs: number): void {
    if (!this.#isBehind) this.#port.tell({ kind: 'spooling' }, nowMs);
    this.#isBehind = true;
    this.#isSpooling = true;
    this.#hasSpoolFailed = false;
    this.#spoolRetryMs = Number.NEGATIVE_INFINITY;
    this.#course.write(this.#unsafe.waiting);
  }

  #bury(item: LinkItem, reason: BurialReason, nowMs: number): void {
    if (!this.#burials.bury(item, reason)) this.#finish(item, nowMs);
  }

  #finish(item: LinkItem, nowMs: number): void {
    if (item.isDone) return;
    item.isDone = true;
    item.delivery?.leg.settle(item.delivery, nowMs);
    if (item.position >= 0) this.#course.handleDone(item.position);
  }

  /** The message stays with its source: whoever resumes the rule gets it again. */
  #stop(topic: string, nowMs: number): void {
    this.#isStopped = true;
    this.counts.loopsBroken += 1;
    this.#port.tell({ kind: 'loop', topic }, nowMs);
  }

  #itemOf(record: SpooledMessage, delivery: Delivery | undefined, nowMs: number): LinkItem {
    const ageMs = this.#wallTime.at(nowMs) - record.arrivedWallMs;
    return createLinkItem(record, { delivery, nowMs, tooOldMs: nowMs + this.#options.spool.maxAgeMs - ageMs });
  }

  #createLane(number: number): Lane {
    const { target } = this.#options;
    const asLinkItem = (item: LaneItem) => item as LinkItem;
    return new Lane(
      { number, terms: target.terms(number), limits: target.limits, encoder: this.#encoder },
      {
        handleDone: (item, nowMs) => {
          this.counts.carry(item.message.payload.length, asLinkItem(item).arrivedMs, nowMs);
          this.#finish(asLinkItem(item), nowMs);
          this.#feed(nowMs);
        },
        handleRefused: (item, refusal, nowMs) => this.#handleRefused(asLinkItem(item), refusal, nowMs),
        handleSending: (item, nowMs) => {
          if (item.sendings === 1) this.#loopGuard.handleFirstSending(asLinkItem(item).message, nowMs);
          else this.counts.resent += 1;
        },
        handleRetainLost: () => this.counts.drop('retain-flag'),
        wallMs: () => this.#port.wallMs(),
      },
    );
  }

  #handleRefused(item: LinkItem, refusal: LaneRefusal, nowMs: number): void {
    if (item.sendings > 0) this.#loopGuard.handleRefused(item.message, nowMs);
    if (refusal === 'expired') {
      this.counts.drop('expired');
      this.#finish(item, nowMs);
    } else this.#bury(item, refusal, nowMs);
    this.#feed(nowMs);
  }
}
