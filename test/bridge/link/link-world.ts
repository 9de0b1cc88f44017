import type { IPublishPacket } from 'mqtt-packet';
import { Link } from '../../../src/bridge/link/link.ts';
import type { LinkItem } from '../../../src/bridge/link/link-item.ts';
import type { BurialReason, LinkEvent, LinkOptions } from '../../../src/bridge/link/link-port.ts';
import { type BrokerProfile, brokerProfiles } from '../../../src/mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../../../src/mqtt/control-packet.ts';
import { type TopicRule, unchangedTopic } from '../../../src/mqtt/topic-rule.ts';
import { ModelSource, ModelTarget, nameOf } from './model-brokers.ts';
import { ModelDeadLetters, ModelSpool } from './model-spool.ts';

export interface LinkSetting {
  readonly protocolVersion: 4 | 5;
  /** Of the target, where it is another. */
  readonly targetVersion?: 4 | 5;
  readonly lanes: number;
  readonly order: TopicRule['order'];
  /** Of one lane; infinity: no bound. */
  readonly publishesPerSecond: number;
  readonly profile: BrokerProfile;
  readonly showsRetain: boolean;
  /** Names of messages that the target closes the connection for. */
  readonly poison: readonly string[];
  /** Of the target, which says so in MQTT 5 only. */
  readonly receiveMaximum?: number | undefined;
  /** Milliseconds that the spool keeps anything. */
  readonly maxAgeMs?: number;
  /** How often the target answers that a quota is used up, by message; MQTT 5 only. */
  readonly throttles?: Readonly<Record<string, number>>;
}

export const maxBlameOfModel = 5;
export const feedAheadOfModel = 8;

export const plainSetting: LinkSetting = {
  protocolVersion: 4,
  lanes: 1,
  order: { keyLevel: 2 },
  publishesPerSecond: Number.POSITIVE_INFINITY,
  poison: [],
  profile: brokerProfiles.mqtt,
  showsRetain: false,
};

export const testRule: TopicRule = {
  name: 'telemetry',
  from: 'legacy',
  to: 'aws',
  filter: 'dt/#',
  qos: 2,
  topicChange: unchangedTopic,
  order: { keyLevel: 2 },
  retained: 'never',
  undeliverable: 'dead-letter',
};

/** A link between two model brokers, with a model disk and a clock of its own. What goes wrong is a line in `violations`. */
export class LinkWorld {
  nowMs = 1_000;
  /** Somebody sets the wall clock. */
  wallOffsetMs = 0;
  readonly setting: LinkSetting;
  readonly source: ModelSource;
  readonly targets: ModelTarget[] = [];
  readonly spool = new ModelSpool();
  readonly deadLetters = new ModelDeadLetters();
  readonly violations: string[] = [];
  readonly events: LinkEvent[] = [];
  readonly taken: ModelTarget['taken'] = [];
  readonly attemptsByName = new Map<string, number>();
  readonly #takenNames = new Set<string>();
  #seenTaken = 0;
  readonly #burials: { readonly item: LinkItem; readonly reason: BurialReason; readonly link: Link }[] = [];
  link: Link;
  crashes = 0;
  /** False: different messages may say the same. */
  areNamesUnique = true;
  /** Somebody else's broker gives what was taken to its own subscribers. */
  onTaken: (packet: IPublishPacket) => void = () => {};

  /** `options`: asked again for every life of the bridge. */
  constructor(setting: LinkSetting, rule: Partial<TopicRule> = {}, options: () => Partial<LinkOptions> = () => ({})) {
    this.setting = setting;
    this.source = new ModelSource(setting.protocolVersion);
    this.source.onAcknowledged = (name) => this.#checkSafe(name);
    const shared = {
      taken: this.taken,
      poison: new Set(setting.poison),
      attemptsByName: this.attemptsByName,
      now: () => this.nowMs,
      onTaken: (packet: IPublishPacket) => this.onTaken(packet),
      onHeld: (name: string, target: ModelTarget) => this.#checkLane(name, target),
      throttles: new Map(Object.entries(setting.throttles ?? {})),
    };
    const targetVersion = setting.targetVersion ?? setting.protocolVersion;
    for (let lane = 0; lane < 4; lane += 1) this.targets.push(new ModelTarget(targetVersion, shared));
    for (const target of this.targets) target.receiveMaximum = setting.receiveMaximum;
    this.#rule = { ...testRule, order: setting.order, ...rule };
    this.#options = options;
    this.link = this.#createLink();
  }

  readonly #rule: TopicRule;
  readonly #options: () => Partial<LinkOptions>;

  /** The bridge's process is gone, and another one begins with what the disk has. */
  crash(keptShare: number): void {
    this.crashes += 1;
    this.source.lose(this.link.leg, this.nowMs);
    this.link.lanes.forEach((lane, index) => {
      this.targets[index]?.lose(lane, this.nowMs);
    });
    this.#burials.length = 0;
    this.spool.crash(keptShare);
    this.link = this.#createLink();
  }

  connectSource(): void {
    const { leg } = this.link;
    if (!leg.hasLeft && this.source.connection === undefined) this.source.accept(leg, this.nowMs);
  }

  connectTarget(index: number): void {
    const lane = this.link.lanes[index];
    const target = this.targets[index];
    if (lane !== undefined && target?.connection === undefined) target?.accept(lane, this.nowMs);
  }

  /** The broker's side of a connection that one of them closed. */
  reap(): void {
    const { leg } = this.link;
    if (this.source.connection?.isOpen === false) this.source.lose(leg, this.nowMs);
    this.link.lanes.forEach((lane, index) => {
      const target = this.targets[index];
      if (target?.connection?.isOpen === false) target.lose(lane, this.nowMs);
    });
  }

  deliverFromSource(count: number): void {
    const { leg } = this.link;
    if (!this.source.isFrozen) this.source.deliver(leg, count, this.nowMs);
  }

  deliverFromTarget(index: number, count: number): void {
    const lane = this.link.lanes[index];
    const target = this.targets[index];
    if (lane !== undefined && target?.isFrozen === false) target.deliver(lane, count, this.nowMs);
  }

  /** Of what was appended so far the first `share` is on disk; or a full disk took none of it. */
  sync(share = 1): void {
    const { spool } = this;
    if (spool.syncedLength === spool.records.length) return;
    if (spool.isFull) {
      spool.records.length = spool.syncedLength;
      this.link.handleSpoolFailed(this.nowMs);
      return;
    }
    spool.syncedLength += Math.ceil((spool.records.length - spool.syncedLength) * share);
    this.link.handleSynced(spool.syncedLength, this.nowMs);
  }

  /** The disk answers what was asked for, at most `count` records. */
  answerRead(count: number): void {
    const { spool } = this;
    const position = spool.pendingRead;
    if (position === undefined) return;
    spool.pendingRead = undefined;
    this.link.handleRead(
      position,
      spool.records.slice(position, Math.min(position + count, spool.syncedLength)),
      this.nowMs,
    );
  }

  get waitingBurials(): number {
    return this.#burials.length;
  }

  bury(): void {
    for (const { item, reason, link } of this.#burials.splice(0)) {
      this.deadLetters.reasonByName.set(item.message.payload.toString(), reason);
      if (link === this.link) link.handleBuried(item, this.nowMs);
    }
  }

  persistCursor(): void {
    this.spool.cursor = Math.max(this.spool.cursor, Math.min(this.spool.releasedTo, this.spool.syncedLength));
  }

  /** As its runner does, it is only called where it said that something is due. */
  tick(ms: number): void {
    this.nowMs += ms;
    if (this.link.nextDeadlineMs <= this.nowMs) this.link.handleTick(this.nowMs);
  }

  /** Everything works again, for as long as it takes. */
  settle(steps = 400): void {
    for (let step = 0; step < steps; step += 1) {
      this.settleStep();
      this.tick(100);
    }
  }

  settleStep(): void {
    this.source.thaw();
    for (const target of this.targets) target.thaw();
    this.spool.isFull = false;
    this.reap();
    this.connectSource();
    for (let lane = 0; lane < 4; lane += 1) this.connectTarget(lane);
    this.link.openGate(this.nowMs);
    this.deliverFromSource(50);
    for (let lane = 0; lane < 4; lane += 1) this.deliverFromTarget(lane, 50);
    this.answerRead(50);
    this.sync();
    this.bury();
    this.persistCursor();
  }

  /** Of each key: in which order its messages came first. */
  firstDeliveries(): ReadonlyMap<string, readonly number[]> {
    const seen = new Set<string>();
    const byKey = new Map<string, number[]>();
    for (const { name } of this.taken) {
      if (seen.has(name)) continue;
      seen.add(name);
      const [key = '', number = ''] = name.split(':');
      const numbers = byKey.get(key) ?? [];
      numbers.push(Number(number));
      byKey.set(key, numbers);
    }
    return byKey;
  }

  get takenNames(): ReadonlySet<string> {
    for (; this.#seenTaken < this.taken.length; this.#seenTaken += 1) {
      this.#takenNames.add((this.taken[this.#seenTaken] as { name: string }).name);
    }
    return this.#takenNames;
  }

  /** B1: what a source may forget is at the target, or on a disk. */
  #checkSafe(name: string): void {
    if (this.takenNames.has(name) || this.deadLetters.reasonByName.has(name) || this.spool.has(name)) return;
    this.violations.push(`B1: ${name} was acknowledged and is nowhere`);
  }

  /**
   * B5: neither a message nor, where there is an order, its key is on the way on two lanes. What comes from the source once
   * more, because it did not hear that it was safe, is without an order a message of its own.
   */
  #checkLane(name: string, target: ModelTarget): void {
    const isOrdered = this.setting.order !== 'parallel';
    if (!isOrdered && (this.source.losses > 0 || !this.areNamesUnique)) return;
    const part = (held: string) => (isOrdered ? held.split(':')[0] : held);
    for (const [index, other] of this.targets.entries()) {
      if (other === target || other.connection?.isOpen !== true) continue;
      for (const held of other.held.values())
        if (part(held) === part(name)) this.violations.push(`B5: ${name} is sent while ${held} is on lane ${index}`);
    }
  }

  #createLink(): Link {
    const { protocolVersion, targetVersion = protocolVersion, lanes, publishesPerSecond } = this.setting;
    const protocol = protocolOf(protocolVersion);
    const terms = {
      ...{ protocol, sessionExpirySeconds: 3_600, keepAliveSeconds: 60, receiveMaximum: 100 },
      wholePublishBytes: 1_048_576,
    };
    const { spool } = this;
    const link: Link = new Link(
      {
        rule: this.#rule,
        lanes,
        source: {
          terms: { ...terms, clientId: 'bridge-source', cleanStart: false },
          subscription: { filter: 'dt/#', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 2 },
          showsRetain: this.setting.showsRetain,
        },
        target: {
          terms: (lane) => ({
            ...{ ...terms, protocol: protocolOf(targetVersion), clientId: `bridge-lane-${lane}`, cleanStart: true },
          }),
          protocol: protocolOf(targetVersion),
          profile: this.setting.profile,
          limits: {
            window: 5,
            maxPacketBytes: 1_048_576,
            publishesPerSecond,
            bytesPerSecond: Number.POSITIVE_INFINITY,
            ackTimeoutMs: 5_000,
            maxBlame: maxBlameOfModel,
            quotaPauseMs: 1_000,
            maxThrottled: 5,
          },
        },
        echoes: {},
        breaker: { repeats: 0, windowMs: 10_000 },
        spool: {
          kept: { cursor: spool.cursor, nextPosition: spool.syncedLength },
          ...{ afterMs: 500, maxAgeMs: this.setting.maxAgeMs ?? 86_400_000, retryMs: 1_000, maxLineBytes: 2_048 },
        },
        feedAhead: feedAheadOfModel,
        unacknowledgedAhead: 8,
        ...this.#options(),
      },
      {
        append: (record) => this.spool.append(record),
        read: (position) => {
          this.spool.pendingRead = position;
        },
        release: (position) => {
          this.spool.releasedTo = position;
        },
        bury: (item, reason) => this.#burials.push({ item, reason, link }),
        tell: (event) => this.events.push(event),
        wallMs: () => 1_700_000_000_000 + this.nowMs + this.wallOffsetMs,
      },
    );
    return link;
  }
}

export function protocolOf(protocolVersion: 4 | 5): ProtocolVersion {
  return protocolVersion === 5 ? '5' : '3.1.1';
}

export { nameOf };
