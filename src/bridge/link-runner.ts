import type { Clock } from '../base/clock.ts';
import type { TokenBucket } from '../base/rates.ts';
import type { BrokerProfile } from '../mqtt/broker-profiles.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BrokerDialer } from './broker-dialer.ts';
import type { DeadLetterFile } from './dead-letter-file.ts';
import { type ConnectedPart, KeptLinkConnection } from './kept-link-connection.ts';
import { connectionsFor } from './link/lane-choice.ts';
import { Link } from './link/link.ts';
import type { LinkEvent, LinkOptions } from './link/link-port.ts';
import type { SourceLeg } from './link/source-leg.ts';
import type { Spool } from './spool.ts';

export interface LinkRunnerOptions {
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
  /** A source leg's subscription was answered, one way or the other. */
  onSubscribed(): void;
}

/** Bytes of unacknowledged payloads at which a source is not read, until half of them are gone. */
const pausedAboveBytes = 16 * 1_048_576;
const drainMs = 2_000;
const measureEveryMs = 5_000;
/** What PUBACK is assumed to take where lanes are planned. */
const assumedAcknowledgementMs = 20;

/** One link with its sockets, its timer and its files. */
export class LinkRunner {
  readonly link: Link;
  readonly #options: LinkRunnerOptions;
  readonly #legs: { readonly leg: SourceLeg; readonly connection: KeptLinkConnection }[] = [];
  readonly #lanes: KeptLinkConnection[] = [];
  readonly #answeredMembers = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #measureTimer: NodeJS.Timeout | undefined;
  #measured = { received: 0, bytes: 0, atMs: 0 };
  #isStopping = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: LinkRunnerOptions) {
    this.#options = options;
    const { spool, link, clock } = options;
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
    spool.listen({
      handleSynced: (position) => this.#act(() => this.link.handleSynced(position, nowMs())),
      handleFailed: () => this.#act(() => this.link.handleSpoolFailed(nowMs())),
      handleRead: (position, records) => this.#act(() => this.link.handleRead(position, records, nowMs())),
    });
  }

  get name(): string {
    return this.#options.link.rule.name;
  }

  /** The broker that it is subscribed at. */
  get source(): string {
    return this.#options.link.rule.from;
  }

  get target(): string {
    return this.#options.link.rule.to;
  }

  /** Every source leg has had an answer to its SUBSCRIBE. */
  get isSubscribed(): boolean {
    return this.#answeredMembers.size >= this.link.legs.length;
  }

  get spoolBytes(): number {
    return this.#options.spool.bytes;
  }

  start(): void {
    const { rule } = this.#options.link;
    this.link.legs.forEach((leg, member) => {
      const connection = this.#keep(leg, rule.from, `${rule.name}-from-${member}`);
      this.#legs.push({ leg, connection });
      connection.start();
    });
    this.#connectLanes();
    this.#measureTimer = setInterval(() => this.#measure(), measureEveryMs);
  }

  openGate(): void {
    this.#act(() => this.link.openGate(this.#options.clock.monotonicMs()));
  }

  /** Reads no more, finishes what is on its way within `drainMs`, then says goodbye everywhere. */
  async stop(): Promise<void> {
    clearInterval(this.#measureTimer);
    this.#isStopping = true;
    for (const { connection } of this.#legs) connection.pause(true);
    await this.#drained();
    await Promise.all([...this.#legs.map(({ connection }) => connection), ...this.#lanes].map((kept) => kept.stop()));
    clearTimeout(this.#timer);
    await this.#options.spool.close();
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

  #connectLanes(): void {
    const { rule } = this.#options.link;
    for (const lane of this.link.lanes.slice(this.#lanes.length)) {
      const connection = this.#keep(lane, rule.to, `${rule.name}-to-${lane.number}`);
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
    if (this.#whenIdle !== undefined && this.link.lanes.every((lane) => !lane.isOpen || lane.length === 0))
      this.#whenIdle();
    this.#arm();
    if (this.#isStopping) return;
    for (const { leg, connection } of this.#legs) {
      if (leg.pendingBytes > pausedAboveBytes) connection.pause(true);
      else if (leg.pendingBytes < pausedAboveBytes / 2) connection.pause(false);
    }
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
    const rule = this.name;
    switch (event.kind) {
      case 'subscribed':
      case 'subscription-refused':
        if (event.kind === 'subscription-refused') {
          log.error(
            { rule, member: event.member, code: event.code },
            'The source refuses the subscription of a bridge rule',
          );
        }
        this.#answeredMembers.add(event.member);
        this.#options.onSubscribed();
        break;
      case 'loop':
        log.error(
          { rule, topic: event.topic },
          'A message goes round: the rule is stopped until the bridge is started again',
        );
        for (const { connection } of this.#legs) void connection.stop();
        break;
      case 'spooling':
        log.warn({ rule }, 'The target does not keep up: messages go to the spool');
        break;
      case 'caught-up':
        log.info({ rule }, 'The target has caught up: the spool is empty');
        break;
      case 'spool-failed':
        log.warn({ rule }, 'The spool took nothing: messages stay with their source');
        break;
    }
  }

  /** More lanes where the traffic needs them; fewer only at the next start. */
  #measure(): void {
    const { link, maxLanes, clock } = this.#options;
    const { counts, lanes } = this.link;
    const nowMs = clock.monotonicMs();
    const seconds = (nowMs - this.#measured.atMs) / 1_000;
    const traffic = {
      messagesPerSecond: (counts.received - this.#measured.received) / seconds,
      bytesPerSecond: (counts.receivedBytes - this.#measured.bytes) / seconds,
      acknowledgementMs: assumedAcknowledgementMs,
    };
    const isFirst = this.#measured.atMs === 0;
    this.#measured = { received: counts.received, bytes: counts.receivedBytes, atMs: nowMs };
    const wanted = Math.min(maxLanes, connectionsFor(traffic, link.target.profile));
    if (isFirst || wanted <= lanes.length) return;
    this.#options.log.info({ rule: this.name, lanes: wanted }, 'More lanes for the traffic');
    this.#act(() => this.link.growLanes(wanted, nowMs));
    this.#connectLanes();
  }
}

const longestTimerMs = 3_600_000;
