import type { Clock } from '../base/clock.ts';
import type { TokenBucket } from '../base/rates.ts';
import type { BrokerProfile } from '../mqtt/broker-profiles.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import type { DeadLetterFile } from './dead-letter-file.ts';
import type { Slot } from './division/slot.ts';
import { type ConnectedPart, KeptLinkConnection } from './kept-link-connection.ts';
import { isCrowded, lanesFor } from './link/lane-choice.ts';
import { Link } from './link/link.ts';
import type { LinkEvent, LinkOptions } from './link/link-port.ts';
import type { Spool } from './spool.ts';

export interface LinkRunnerOptions {
  readonly slot: Slot;
  /** Without what the spool holds, which is asked of it. */
  readonly link: Omit<LinkOptions, 'spool'> & { readonly spool: Omit<LinkOptions['spool'], 'kept'> };
  /** Lanes that measured traffic may lead to; no more than there are: their number is fixed. */
  readonly maxLanes: number;
  readonly spool: Spool;
  readonly deadLetters: DeadLetterFile;
  readonly dialer: BrokerDialer;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  connects(broker: string): TokenBucket;
  profile(broker: string): BrokerProfile;
  /** The subscription was answered, one way or the other. */
  onSubscribed(): void;
}

/** Over the last seconds. */
export interface LinkRates {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Bytes of unacknowledged payloads at which a source is not read, until half of them are gone. */
const pausedAboveBytes = 16 * 1_048_576;
const drainMs = 2_000;
const measureEveryMs = 5_000;
/** While messages stand in line: lanes that are too few are to be seen before the line is long. */
const measureBehindMs = 1_000;
/** What PUBACK is assumed to take where lanes are planned. */
const assumedAcknowledgementMs = 20;

/** The link of one slot with its sockets, its timer and its files. */
export class LinkRunner {
  readonly slot: Slot;
  readonly link: Link;
  readonly #options: LinkRunnerOptions;
  readonly #source: KeptLinkConnection;
  readonly #lanes: KeptLinkConnection[] = [];
  #isAnswered = false;
  /** The target's own subscriptions stand. */
  #isHeard = false;
  #isPaused = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #measureTimer: NodeJS.Timeout | undefined;
  #measured = { received: 0, bytes: 0, behind: 0, arrived: 0, atMs: 0 };
  /** Its source leg comes near what the source delivers to one connection. */
  #crowding: string | undefined;
  #rates: LinkRates = { messagesPerSecond: 0, bytesPerSecond: 0 };
  #isStopping = false;
  #whenIdle: (() => void) | undefined;
  #isHalfAged = false;
  /** Of the last SUBSCRIBE. */
  #refusal: string | undefined;

  constructor(options: LinkRunnerOptions) {
    this.#options = options;
    this.slot = options.slot;
    const { spool, link, clock, slot } = options;
    const nowMs = () => clock.monotonicMs();
    this.link = new Link(
      { ...link, spool: { ...link.spool, kept: spool.kept } },
      {
        append: (record) => spool.append(record),
        read: (position) => spool.read(position),
        release: (position) => spool.release(position),
        bury: (item, reason) => {
          const { message, arrivedWallMs, sendings } = item;
          const letter = { rule: link.rule.name, reason, message, arrivedWallMs, attempts: sendings };
          options.deadLetters.write(letter, () => this.#act(() => this.link.handleBuried(item, nowMs())));
        },
        tell: (event) => this.#tell(event),
        wallMs: () => clock.wallMs(),
      },
    );
    this.#source = this.#keep(this.link.leg, slot.rule.from, `${slot.rule.name}-from-${slot.label}`);
    spool.listen({
      handleSynced: (position) => this.#act(() => this.link.handleSynced(position, nowMs())),
      handleFailed: () => this.#act(() => this.link.handleSpoolFailed(nowMs())),
      handleRead: (position, records) => this.#act(() => this.link.handleRead(position, records, nowMs())),
    });
  }

  /** The broker that it is subscribed at. */
  get source(): string {
    return this.slot.rule.from;
  }

  get target(): string {
    return this.slot.rule.to;
  }

  /** Its SUBSCRIBE was answered, one way or the other, or it wants none. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** The target has let one of its lanes in. */
  get isAtTarget(): boolean {
    return this.link.lanes.some((lane) => lane.isOpen);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get rates(): LinkRates {
    return this.#rates;
  }

  get spoolBytes(): number {
    return this.#options.spool.bytes;
  }

  /** Times that another client came in under the client ID of one of its connections. */
  get takeovers(): number {
    return [this.#source, ...this.#lanes].reduce((sum, { takeovers }) => sum + takeovers, 0);
  }

  /** Why it has no subscription at its source, or a lane is not connected; or what it will lack soon. */
  get problem(): string | undefined {
    return [this.#source.problem, this.#refusal, ...this.#lanes.map(({ problem }) => problem), this.#crowding].find(
      (problem) => problem !== undefined,
    );
  }

  /** Half of what the spool may hold is used, or of the time that it keeps anything: somebody should look at the target. */
  get isSpoolAlarming(): boolean {
    return this.#options.spool.isHalfFull || this.#isHalfAged;
  }

  start(): void {
    this.#source.start();
    this.#connectLanes();
    this.#measured = { ...this.#measured, atMs: this.#options.clock.monotonicMs() };
    this.#measureTimer = setInterval(() => this.#measure(), measureBehindMs);
    this.#act(() => {});
  }

  /** Those who answer what is carried can be heard. */
  openGate(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    if (!this.#isPaused) this.#act(() => this.link.openGate(this.#options.clock.monotonicMs()));
  }

  /** Paused, the target gets nothing, and the spool takes what comes. */
  pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    this.#act(() => {
      if (isPaused) this.link.closeGate();
      else if (this.#isHeard) this.link.openGate(this.#options.clock.monotonicMs());
    });
  }

  /** It finishes, and takes nothing new. */
  retire(): void {
    this.#isAnswered = true;
    this.#act(() => this.link.retire(this.#options.clock.monotonicMs()));
    this.#options.onSubscribed();
  }

  /** Reads no more, finishes what is on its way within `drainMs`, then says goodbye everywhere. */
  async stop(): Promise<void> {
    clearInterval(this.#measureTimer);
    this.#isStopping = true;
    this.#source.pause(true);
    await this.#drained();
    await Promise.all([this.#source, ...this.#lanes].map((kept) => kept.stop()));
    clearTimeout(this.#timer);
    await this.#options.spool.close();
    await this.#options.deadLetters.close();
  }

  /** What is not acknowledged then comes again at the next start. */
  async #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, drainMs);
    this.#whenIdle = resolve;
    this.#act(() => {});
    await promise;
    clearTimeout(deadline);
    this.#whenIdle = undefined;
  }

  /** What the source waits for is done, as far as it can be: left so, it sends nothing again that somebody has. */
  get #isIdle(): boolean {
    if (this.link.isSyncing()) return false;
    return this.#isPaused || this.link.lanes.every((lane) => !lane.isOpen || lane.length === 0);
  }

  #connectLanes(): void {
    const { rule, label } = this.slot;
    for (const lane of this.link.lanes.slice(this.#lanes.length)) {
      const connection = this.#keep(lane, rule.to, `${rule.name}-to-${label}-${lane.number}`);
      this.#lanes.push(connection);
      connection.start();
    }
  }

  #keep(part: ConnectedPart, broker: string, name: string): KeptLinkConnection {
    const { dialer, clock, log, backoff, connects, profile } = this.#options;
    const leastMs = 1_000 / profile(broker).connectsPerSecondPerClientId;
    return new KeptLinkConnection({
      ...{ part, broker, name, dialer, clock, log },
      backoff: { ...backoff, leastMs },
      connects: connects(broker),
      onEvent: () => this.#act(() => {}),
    });
  }

  #act(act: () => void): void {
    act();
    if (this.#whenIdle !== undefined && this.#isIdle) this.#whenIdle();
    this.#arm();
    if (this.#isStopping) return;
    // Nothing is dialled again for a session that is given up.
    if (this.link.leg.hasLeft) void this.#source.stop();
    const { pendingBytes } = this.link.leg;
    if (pendingBytes > pausedAboveBytes) this.#source.pause(true);
    else if (pendingBytes < pausedAboveBytes / 2) this.#source.pause(false);
  }

  /** A timer that is due earlier is left: it looks again. */
  #arm(): void {
    const dueMs = this.link.nextDeadlineMs;
    if (dueMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    const nowMs = this.#options.clock.monotonicMs();
    this.#timerAtMs = dueMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#act(() => this.link.handleTick(this.#options.clock.monotonicMs()));
      },
      Math.min(Math.max(0, Math.ceil(dueMs - nowMs)), longestTimerMs),
    );
  }

  #tell(event: LinkEvent): void {
    const { log } = this.#options;
    const { rule, label } = this.slot;
    const at = { rule: rule.name, slot: label };
    switch (event.kind) {
      case 'subscribed':
      case 'subscription-refused':
        this.#refusal = event.kind === 'subscribed' ? undefined : refusalOf(rule, event.code);
        if (event.kind === 'subscription-refused')
          log.error({ ...at, code: event.code }, 'The source refuses the subscription of a bridge rule');
        else if (event.code === 0 && this.#options.link.source.subscription.qos > 0)
          log.error(at, 'The source grants QoS 0 to a bridge rule: what is lost on its way from there is lost');
        this.#isAnswered = true;
        this.#options.onSubscribed();
        break;
      case 'loop':
        log.error(
          { ...at, topic: event.topic },
          'A message goes round: the rule is stopped until `crossfade bridge resume`',
        );
        void this.#source.stop();
        break;
      case 'spooling':
        log.warn(at, 'The target does not keep up: messages go to the spool');
        break;
      case 'caught-up':
        log.info(at, 'The target has caught up: the spool is empty');
        break;
      case 'spool-failed':
        log.warn(at, 'The spool took nothing: messages stay with their source');
        break;
    }
  }

  #lookAtAge(nowMs: number): void {
    const { maxAgeMs } = this.#options.link.spool;
    const leftMs = this.link.oldestDueMs - nowMs;
    const isHalfAged = leftMs < maxAgeMs / 2;
    const { rule, label } = this.slot;
    if (isHalfAged && !this.#isHalfAged) {
      const at = { rule: rule.name, slot: label, leftSeconds: Math.round(leftMs / 1_000) };
      this.#options.log.warn(at, 'Messages have waited for half the time after which they become dead letters');
    }
    this.#isHalfAged = isHalfAged;
  }

  /** More lanes where the traffic needs them, or what stands in line; fewer only at the next start. */
  #measure(): void {
    const { link, maxLanes, clock } = this.#options;
    const { counts, lanes, spooledCount: behind } = this.link;
    const nowMs = clock.monotonicMs();
    this.#lookAtAge(nowMs);
    const former = this.#measured;
    const seconds = (nowMs - former.atMs) / 1_000;
    const isDue = this.link.isSpooling || nowMs - former.atMs > measureEveryMs - measureBehindMs / 2;
    if (!isDue) return;
    this.#rates = {
      messagesPerSecond: (counts.received - former.received) / seconds,
      bytesPerSecond: (counts.receivedBytes - former.bytes) / seconds,
    };
    const arrived = this.link.leg.receivedCount;
    this.#lookAtSource((arrived - former.arrived) / seconds);
    this.#measured = { received: counts.received, bytes: counts.receivedBytes, behind, arrived, atMs: nowMs };
    // A line that an outage or a pause makes says nothing of the lanes before it is over.
    if (this.#isPaused || !lanes.every((lane) => lane.isOpen)) return;
    const line = { behind, behindBefore: former.behind };
    const demand = { ...this.#rates, ...line, acknowledgementMs: assumedAcknowledgementMs };
    const wanted = Math.min(maxLanes, lanesFor(demand, lanes.length, link.target.profile));
    if (wanted <= lanes.length) return;
    this.#options.log.info({ rule: this.slot.rule.name, lanes: wanted }, 'More lanes for the traffic');
    this.#act(() => this.link.growLanes(wanted, nowMs));
    this.#connectLanes();
  }

  /** What a source holds back or discards beyond its bound, no lane can carry. */
  #lookAtSource(messagesPerSecond: number): void {
    const { rule, label } = this.slot;
    const profile = this.#options.profile(rule.from);
    const wasCrowded = this.#crowding !== undefined;
    this.#crowding = isCrowded(messagesPerSecond, profile)
      ? `Broker ${rule.from} delivers at most ${profile.publishesPerSecond} messages a second to a connection, and ${Math.round(messagesPerSecond)} come: ` +
        'divide the filter among several rules, or give the rule a share with more members'
      : undefined;
    if (this.#crowding !== undefined && !wasCrowded)
      this.#options.log.warn({ rule: rule.name, slot: label }, this.#crowding);
  }
}

function refusalOf({ from, filter }: Slot['rule'], code: number): string {
  return `Broker ${from} refuses the subscription of ${filter} with 0x${code.toString(16)}: look at what it lets the bridge subscribe to`;
}

const longestTimerMs = 3_600_000;
