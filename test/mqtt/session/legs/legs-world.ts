import { SessionMachine } from '../../../../src/mqtt/session-machine.ts';
import type { CutAbort, SessionFault } from '../../../../src/mqtt/session-port.ts';
import type { UpstreamTerms } from '../../../../src/mqtt/session-terms.ts';
import { Violation } from '../flow-ledger.ts';
import { disconnectBytes, type ModelPacket, ModelReader, pingreq } from '../model-packets.ts';
import { idOfWord, ModelPeer, typeOfWord, wordOf } from '../model-peer.ts';
import { DeviceSubscriptions, retainedTopicPool, topicPool } from './device-subscriptions.ts';
import { DownlinkLedger } from './downlink-ledger.ts';
import { LegBroker } from './leg-broker.ts';
import type { Publication } from './leg-copy.ts';
import { LegPort, type PortWrapper } from './leg-port.ts';
import type { LegSetting } from './leg-setting.ts';
import { UplinkLedger } from './uplink-ledger.ts';

/** A connection as the shell has it. */
export interface WorldLeg {
  readonly number: number;
  readonly broker: LegBroker;
  readonly reader: ModelReader;
  isRead: boolean;
  /** DISCONNECT was written on it. */
  isLeft: boolean;
  isOver: boolean;
  /** The broker or the network did something that the leg may be given up for. */
  isFaulty: boolean;
}

/** On its way from one broker to the other. */
interface Carried {
  readonly atMs: number;
  readonly broker: LegBroker;
  readonly publication: Publication;
}

export interface Loss {
  readonly readsFirst: boolean;
  /** What else the broker has lost. */
  readonly forgets: 'session' | 'subscriptions' | undefined;
}

/**
 * A device, the machine, two brokers and the shell between them under one virtual clock. What the machine says is judged
 * when it is said; a broken invariant throws `Violation`.
 */
export class LegsWorld {
  readonly setting: LegSetting;
  readonly uplink = new UplinkLedger();
  readonly downlink: DownlinkLedger;
  readonly device: ModelPeer;
  readonly subscriptions: DeviceSubscriptions;
  readonly brokers: readonly [LegBroker, LegBroker];
  readonly legs = new Map<number, WorldLeg>();
  readonly machine: SessionMachine;
  nowMs = 1_000;
  /** What was said besides bytes, for tests to read. */
  readonly said: string[] = [];
  isDetached = false;
  hasLost = false;
  isGone = false;
  /** The reason of a DISCONNECT to the device. */
  farewell: number | undefined;
  /** The device's reader; false: the machine wants no more. */
  readsDevice = true;
  effects = 0;
  readonly deviceReader: ModelReader;
  /** What a broker that stands still is brought waits outside it. */
  readonly #mirror: Carried[] = [];
  #pingsWaiting = 0;
  #lastLeg = 1;
  #active = 1;
  #isRepairing = false;
  #hasLeft = false;
  #losses = 0;
  readonly #toPurge = new Set<LegBroker>();
  /** When the machine said that a former leg has given what it had. */
  readonly #leftMs = new Map<number, number>();

  constructor(setting: LegSetting, wrap: PortWrapper = (port) => port) {
    const { device } = setting;
    this.setting = setting;
    const isDevice5 = device.protocol === '5';
    this.downlink = new DownlinkLedger({ isTagged: setting.isTagged, isDevice5, window: device.receiveMaximum });
    this.device = new ModelPeer({
      protocol: device.protocol,
      reorders: false,
      refuses: false,
      countsDown: setting.countsDown,
      messageOf: (packet) => this.downlink.messageOf(packet),
    });
    this.subscriptions = new DeviceSubscriptions(this.device);
    this.downlink.unanswered = () => this.subscriptions.unanswered;
    this.deviceReader = new ModelReader(device.protocol);
    const around = {
      nowMs: () => this.nowMs,
      copyOf: this.downlink.copyOf.bind(this.downlink),
      uplinkMessageOf: this.uplink.messageOf.bind(this.uplink),
    };
    const [first, second] = setting.brokers;
    this.brokers = [new LegBroker(0, first, around), new LegBroker(1, second, around)];
    const upstream = this.#connect(1, this.brokers[0], true);
    this.machine = new SessionMachine({
      device,
      upstream,
      sessionExpiryInterval: setting.isPersistent ? 3_600 : 0,
      counts: { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) },
      port: wrap(new LegPort(this), this),
      nowMs: this.nowMs,
    });
  }

  #connect(number: number, broker: LegBroker, isClean: boolean): UpstreamTerms {
    const sessionPresent = broker.connect(number, { isClean, isPersistent: this.setting.isPersistent });
    const reader = new ModelReader(broker.setting.protocol);
    this.legs.set(number, { number, broker, reader, isRead: true, isLeft: false, isOver: false, isFaulty: false });
    this.uplink.attach(number, broker.index, broker.setting);
    return { ...broker.setting.upstream, sessionPresent };
  }

  /** The leg of a broker, if it is connected. */
  legOf(broker: LegBroker): WorldLeg | undefined {
    return broker.leg === undefined ? undefined : this.legs.get(broker.leg);
  }

  // What the shell does.

  /** Dials a broker that the session is not at. */
  attach(index: number): void {
    const broker = this.brokers[index] as LegBroker;
    if (broker.leg !== undefined || this.isGone) return;
    if (this.awaited === broker) {
      this.#fetch(broker);
      return;
    }
    const { isDetached, machine } = this;
    if (!isDetached && machine.standingLeg !== undefined) return;
    if (!isDetached && (machine.phase !== 'stable' || this.#openLegs().length !== 1)) return;
    this.#lastLeg += 1;
    const number = this.#lastLeg;
    // A former home's session stays until it is purged; a leg that is to stand by begins a clean one.
    const isSame = isDetached && broker === this.legs.get(this.#active)?.broker;
    if (isDetached && !isSame) this.#forsakeHome();
    const upstream = this.#connect(number, broker, !(isSame && this.setting.isPersistent));
    if (isDetached) {
      this.isDetached = false;
      this.#active = number;
      if (upstream.sessionPresent && !broker.setting.isAws) this.uplink.resumptions += 1;
    }
    this.#isRepairing = isDetached;
    machine.attach(number, upstream, this.nowMs);
    this.#isRepairing = false;
    if (this.isGone) return;
    if (machine.activeLeg === undefined) throw new Violation('L3: no leg is active though one was attached');
    if (isDetached && machine.activeLeg !== number)
      throw new Violation(`L3: leg ${machine.activeLeg} is active, not ${number}`);
  }

  /** The broker of a former leg that was lost with a queue. */
  get awaited(): LegBroker | undefined {
    const { awaitedLeg } = this.machine;
    return awaitedLeg === undefined ? undefined : this.#leg(awaitedLeg).broker;
  }

  #fetch(broker: LegBroker): void {
    this.#lastLeg += 1;
    const upstream = this.#connect(this.#lastLeg, broker, false);
    if (!this.machine.attachFormer(this.#lastLeg, upstream, this.nowMs))
      throw new Violation('P3: nobody waits for the queue any more');
    this.said.push('fetched');
  }

  /** Purges what is left at brokers that the session is not at any more. */
  purgeLeft(): void {
    const { awaited } = this;
    for (const broker of this.#toPurge) {
      if (broker === awaited) continue;
      this.#toPurge.delete(broker);
      if (broker.leg === undefined) broker.forsake();
    }
  }

  /** What the lost leg's broker still has for the device is given up. */
  #forsakeHome(): void {
    const home = this.legs.get(this.#active);
    if (home?.isOver === true && home.broker.leg === undefined) home.broker.forsake();
  }

  #openLegs(): WorldLeg[] {
    return [...this.legs.values()].filter(({ isOver }) => !isOver);
  }

  cut(): void {
    const { overlapMs, settleMs, leaveMs, promptMs } = this.setting;
    const { standingLeg, phase } = this.machine;
    // Also back to the leg that it has just left.
    const isBehind = phase === 'detached' || phase === 'draining';
    const mayCut = isBehind ? this.#openLegs().length > 0 : standingLeg !== undefined && phase === 'stable';
    const hasBegun = this.machine.cut({ overlapMs, settleMs, leaveMs, promptMs }, this.nowMs);
    if (hasBegun && !mayCut) throw new Violation('S2: a cut begins though nothing stands by');
    if (hasBegun) this.said.push('cut');
  }

  abortCut(): void {
    this.machine.abortCut(this.nowMs);
  }

  dismiss(): void {
    this.machine.forgetFormer(this.nowMs);
    const { standingLeg } = this.machine;
    if (standingLeg !== undefined && this.machine.phase === 'stable') this.machine.dismiss(standingLeg, this.nowMs);
  }

  // What brokers and the network do.

  /** The broker closes its connection. */
  lose(index: number, { readsFirst, forgets }: Loss): void {
    const broker = this.brokers[index] as LegBroker;
    const leg = this.legOf(broker);
    broker.isSilent = false;
    if (leg !== undefined && !this.isGone) {
      leg.isFaulty = true;
      this.hasLost = true;
      broker.close(readsFirst);
    }
    if (forgets === 'session') broker.forsake();
    if (forgets === 'subscriptions') broker.forgetSubscriptions();
    if (leg === undefined || this.isGone) return;
    this.uplink.end(leg.number, { isLost: true, wasActive: leg.number === this.#active });
    if (leg.isOver) return;
    this.machine.handleBrokerLost(leg.number, this.nowMs);
    if (!leg.isOver) throw new Violation(`S4: leg ${leg.number} is lost and not over`);
  }

  silence(index: number): void {
    const broker = this.brokers[index] as LegBroker;
    const leg = this.legOf(broker);
    if (leg === undefined) return;
    broker.isSilent = true;
    leg.isFaulty = true;
  }

  publishAt(index: number, choice: number): void {
    const isRetained = (choice >> 9) % 4 === 0;
    const pool = isRetained ? retainedTopicPool : topicPool;
    const topic = pool[(choice >> 12) % pool.length] as string;
    const isOwed = this.subscriptions.isOwed(topic, this.nowMs);
    const publication = this.downlink.createPublication({ topic, qos: choice % 3, retain: isRetained, isOwed });
    (this.brokers[index] as LegBroker).publish(publication);
    const { mirrorMs } = this.setting;
    if (mirrorMs === undefined) return;
    this.#mirror.push({ atMs: this.nowMs + mirrorMs, broker: this.brokers[1 - index] as LegBroker, publication });
    this.#runMirror();
  }

  #runMirror(): void {
    const isDue = (carried: Carried) => carried.atMs <= this.nowMs && !carried.broker.isSilent;
    for (let at = this.#mirror.findIndex(isDue); at >= 0; at = this.#mirror.findIndex(isDue)) {
      const [next] = this.#mirror.splice(at, 1);
      next?.broker.publish(next.publication);
    }
  }

  feedBroker(index: number, limit: number): void {
    const broker = this.brokers[index] as LegBroker;
    const leg = this.legOf(broker);
    const peer = broker.session?.peer;
    if (
      leg === undefined ||
      peer === undefined ||
      !leg.isRead ||
      leg.isOver ||
      broker.isSilent ||
      peer.wire.bytes === 0
    )
      return;
    const chunk = peer.wire.take(limit, (word) => this.uplink.noteAnswer(leg.number, word));
    this.downlink.speaker = index;
    this.machine.handleBrokerData(chunk, this.nowMs, leg.number);
    this.downlink.speaker = undefined;
    this.uplink.noteRead(leg.isRead);
  }

  brokerAcknowledges(index: number, count: number, chance: number): void {
    const { session, isSilent } = this.brokers[index] as LegBroker;
    if (!isSilent) session?.peer.acknowledge(count, chance);
  }

  // What the device does.

  /** Above 4 MiB, in packets that are large and such that are not. */
  burst(choice: number): void {
    if (!this.setting.isBulky || !this.isDetached) return;
    for (let left = 100; left > 0; left -= 1) this.publish(choice + left, left % 3 === 0 ? 70_000 : 30_000);
    this.ping();
  }

  publish(choice: number, bytes = (choice >> 13) % 20): void {
    const { device } = this.setting;
    const qos = choice % 3;
    if (qos > 0 && device.protocol === '5' && this.device.exchanges.size >= device.told.receiveMaximum) return;
    const topic = `u/${(choice >> 12) % 2}`;
    const message = this.uplink.createMessage({
      qos,
      retain: (choice >> 9) % 8 === 0,
      topic,
      bytes,
    });
    this.uplink.noteSent(this.device.publish(message), message);
  }

  /** The device says a PUBLISH again that has had no answer, as 3.1 and many 3.1.1 devices do on a timer. */
  repeat(choice: number): void {
    if (this.setting.device.protocol === '5' || this.device.exchanges.size === 0) return;
    this.feedDevice(this.device.wire.bytes);
    const ids = [...this.device.exchanges.keys()];
    const id = ids[choice % ids.length] as number;
    const exchange = this.device.exchanges.get(id);
    if (!this.readsDevice || exchange === undefined || exchange.isReleased || !this.uplink.awaitsAnswer(id)) return;
    this.device.repeat(id);
    this.feedDevice(this.device.wire.bytes);
  }

  subscribe(choice: number): void {
    const { asked, givenUp } = this.subscriptions.request(choice);
    for (const filter of asked) this.downlink.noteAsked(filter, this.isDetached ? undefined : this.#active);
    for (const filter of givenUp) this.downlink.noteGivenUp(filter);
  }

  ping(): void {
    this.device.wire.send(pingreq, wordOf(12, 0));
  }

  feedDevice(limit: number): void {
    if (!this.readsDevice || this.device.wire.bytes === 0 || this.isGone) return;
    const chunk = this.device.wire.take(limit, (word) => this.#noteDeviceWord(word));
    this.machine.handleDeviceData(chunk, this.nowMs);
    if (this.readsDevice && this.#pingsWaiting > 0) throw new Violation('S11: PINGREQ was not answered at once');
  }

  #noteDeviceWord(word: number): void {
    const type = typeOfWord(word);
    if (type === 12) this.#pingsWaiting += 1;
    else if (type === 6) this.uplink.noteReleased(idOfWord(word));
    else if (type === 4 || type === 5 || type === 7) this.downlink.noteAnswer(type, idOfWord(word));
  }

  deviceReads(count: number): void {
    for (const packet of this.device.inbox.splice(0, count)) {
      this.device.read(packet);
      this.subscriptions.readAtDevice(packet);
    }
  }

  /** The device says DISCONNECT, and nothing more. */
  leave(): void {
    if (this.isGone) return;
    this.#hasLeft = true;
    this.device.owed.length = 0;
    this.device.inbox.length = 0;
    this.device.wire.send(disconnectBytes(this.setting.device.protocol), wordOf(14, 0));
  }

  // What the machine says.

  judgeToDevice(packet: ModelPacket): void {
    this.effects += 1;
    const { type } = packet;
    if (type === 14) this.farewell = packet.reason;
    if (type === 3) this.downlink.judgePublish(packet);
    else if (type === 4 || type === 5 || type === 7) this.uplink.judgeAnswer(packet);
    else if (type === 9 || type === 11) this.subscriptions.judgeAnswer(packet, this.nowMs);
    else if (type === 13) this.#pingsWaiting -= 1;
    if (this.#pingsWaiting < 0) throw new Violation('S11: PINGRESP without PINGREQ');
    this.device.inbox.push(packet);
  }

  judgeToBroker(number: number, packet: ModelPacket): void {
    this.effects += 1;
    const leg = this.#leg(number);
    const { session } = leg.broker;
    if (leg.isOver || leg.isLeft)
      throw new Violation(`S4: leg ${number} gets a packet of type ${packet.type} behind its end`);
    const { type, id } = packet;
    if (type === 10 && this.machine.phase === 'draining' && number !== this.machine.activeLeg)
      this.#judgeLeft(number, packet);
    if (type === 3) this.uplink.judgePublish(number, packet);
    else if (type === 8 || type === 10) this.uplink.judgeRequest(number, id);
    else if (type === 6) this.uplink.judgeRelease(number, id);
    else if (type === 14) leg.isLeft = true;
    else if (type !== 12) this.downlink.judgeAnswer(session?.peer.exchanges.get(id), packet);
    session?.peer.inbox.push(packet);
  }

  #judgeLeft(number: number, { filters }: ModelPacket): void {
    // What the device has given up meanwhile is no loss.
    if (!filters.some(([filter]) => this.subscriptions.held.has(filter))) return;
    const leftMs = this.#leftMs.get(number);
    if (leftMs === undefined || this.nowMs < leftMs + this.setting.leaveMs)
      throw new Violation(`P3: leg ${number} is unsubscribed before it could be written down where the session is`);
  }

  handleLegOver(number: number, how: 'disconnect' | 'lost'): void {
    this.effects += 1;
    const leg = this.#leg(number);
    if (leg.isOver) throw new Violation(`S4: leg ${number} is over twice`);
    if (how === 'disconnect' && !leg.isLeft) throw new Violation(`S4: leg ${number} is closed without DISCONNECT`);
    const wasActive = number === this.#active;
    const isExcused = leg.isFaulty || (this.setting.hasFaults && leg.broker.owes);
    if (wasActive && !isExcused) throw new Violation(`S3: leg ${number} is given up without a fault`);
    // Inside a packet nothing can be said.
    if (how === 'lost' && leg.broker.leg === number && leg.reader.keptBytes === 0)
      throw new Violation(`S3: leg ${number} is open and gets no DISCONNECT`);
    leg.isOver = true;
    if (how === 'lost' || wasActive || (this.setting.hasFaults && leg.broker.owes)) this.#noteLost();
    this.uplink.end(number, { isLost: how === 'lost' || wasActive, wasActive });
    const { wills } = leg.broker;
    if (leg.broker.leg === number) leg.broker.handleClosed();
    if (how === 'disconnect' && leg.broker.wills > wills) throw new Violation('S3: a will was published');
    if (number !== this.#active && leg.broker.leg === undefined) this.#toPurge.add(leg.broker);
  }

  #noteLost(): void {
    // They are asked again, and bring their retained values again.
    for (const filter of this.subscriptions.unanswered) this.downlink.noteAsked(filter, undefined);
    this.hasLost = true;
    this.#losses += 1;
  }

  handleDetached(): void {
    if (!this.#leg(this.#active).isOver) throw new Violation('S2: detached while the active leg lives');
    this.isDetached = true;
  }

  handleSwitched(number: number): void {
    const { broker } = this.#leg(number);
    if (!this.#isRepairing) this.#judgeHeld(broker, 'at the switch');
    this.#forsakeHome();
    this.#active = number;
    this.isDetached = false;
    for (const filter of this.subscriptions.unanswered) this.downlink.noteAsked(filter, number);
    this.said.push('switched');
  }

  /** The active leg's broker holds what the device holds. */
  judgeSubscriptions(): void {
    this.#judgeHeld(this.#leg(this.#active).broker, 'at rest');
  }

  #judgeHeld(broker: LegBroker, when: string): void {
    for (const [filter, qos] of this.subscriptions.held) {
      if (this.setting.device.protocol === '3.1' && filter === 'd/denied') continue;
      const subscription = broker.session?.subscriptions.get(filter);
      const wanted = Math.min(qos, broker.setting.upstream.capabilities.maximumQos);
      if (subscription === undefined || subscription.qos < wanted)
        throw new Violation(`S6: ${filter} is missing ${when}`);
    }
  }

  handleAborted(number: number, { kind }: CutAbort): void {
    // The way back to the leg just left: its overlap goes on.
    const isStayed = this.machine.phase === 'draining';
    if (this.#leg(number).isOver === isStayed) throw new Violation(`S4: leg ${number} behind a cut that ended`);
    this.said.push(`aborted ${kind}`);
  }

  /** What is told so late cannot be on disk when the old broker is unsubscribed. */
  handleLeaving(number: number): void {
    if (number === this.#active) throw new Violation(`P3: leg ${number} is active and left`);
    this.#leftMs.set(number, this.nowMs);
  }

  handleDeliveredTwice(count: number): void {
    this.said.push(`${count} twice`);
  }

  handleDrained(number: number): void {
    const { broker } = this.#leg(number);
    const left = broker.session?.subscriptions.size ?? 0;
    if (left > 0) throw new Violation(`D1: ${left} subscriptions are left at the former broker`);
    this.said.push('drained');
  }

  handleDone(): void {
    if (!this.#hasLeft) throw new Violation('S1: the device said no DISCONNECT');
    this.isGone = true;
    for (const leg of this.#openLegs()) {
      if (leg.number !== this.#active) throw new Violation(`S3: leg ${leg.number} is left open`);
      if (!leg.isLeft) throw new Violation(`S3: the device left, and leg ${leg.number} had no DISCONNECT`);
      const { wills } = leg.broker;
      leg.broker.handleClosed();
      if (leg.broker.wills > wills) throw new Violation('S3: a will was published though the device said DISCONNECT');
    }
  }

  /** QoS 0 of the device, or of a broker whose window its PUBREL behind it would open. */
  handleOverflow(): void {
    if (this.downlink.speaker === undefined) {
      if (this.machine.activeLeg !== undefined) throw new Violation('U3: QoS 0 is dropped though a broker is there');
      this.uplink.mayLoseAtQos0 += 1;
    }
  }

  handleFailed({ side, message }: SessionFault): void {
    this.isGone = true;
    // A large PUBLISH, or more than copies are kept of.
    if (this.setting.isBulky && /cannot be sent again|inside a packet/.test(message)) return;
    // What is sent again on each leg may be what its broker closes for.
    if (message.includes('each time behind') && this.#losses >= 2) return;
    if (message.includes('does not grant') && this.brokers.some(({ setting }) => setting.denied !== undefined)) return;
    throw new Violation(`S1: the session failed: ${side}, ${message}`);
  }

  #leg(number: number): WorldLeg {
    const leg = this.legs.get(number);
    if (leg === undefined) throw new Violation(`S2: nobody attached leg ${number}`);
    return leg;
  }

  /** When something is due without anybody doing anything. */
  nextDueMs(): number {
    const carried = this.#mirror.find(({ broker }) => !broker.isSilent);
    return Math.min(this.machine.nextDeadlineMs(), carried?.atMs ?? Number.POSITIVE_INFINITY);
  }

  get mirrored(): number {
    return this.#mirror.length;
  }

  /** Time passes; the machine is woken where it asked to be. */
  pass(milliseconds: number): void {
    const until = this.nowMs + milliseconds;
    for (let wakes = 0; this.nextDueMs() <= until; wakes += 1) {
      this.nowMs = Math.max(this.nowMs, this.nextDueMs());
      this.#runMirror();
      const before = this.effects;
      if (this.machine.nextDeadlineMs() <= this.nowMs) this.machine.handleTick(this.nowMs);
      if (before === this.effects && this.machine.nextDeadlineMs() <= this.nowMs) {
        throw new Violation('liveness: the machine asks to be woken for nothing');
      }
      if (wakes > 5_000) throw new Violation('liveness: the machine asks to be woken without end');
    }
    this.nowMs = until;
  }
}
