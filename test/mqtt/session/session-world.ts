import { firstLeg } from '../../../src/mqtt/session-assembly.ts';
import { SessionMachine } from '../../../src/mqtt/session-machine.ts';
import type { DropReason, SessionFault, SessionPort } from '../../../src/mqtt/session-port.ts';
import type { UnfinishedExchanges } from '../../../src/mqtt/session-terms.ts';
import { FlowLedger, Violation } from './flow-ledger.ts';
import { type ModelPacket, ModelReader, pingreq, pingresp, publishBytes } from './model-packets.ts';
import { idOfWord, type Message, ModelPeer, noBytes, topicAlias, typeOfWord, wordOf } from './model-peer.ts';
import { ModelSubscriptions } from './model-subscriptions.ts';
import type { Setting } from './session-setting.ts';

/** What stands between the machine and the world; mutations change it on its way. */
export type PortWrapper = (port: SessionPort, world: SessionWorld) => SessionPort;

const publishTopics = ['t/0', 't/1', 'u'];
const deepTopic = 'a/b/c';
const userProperty = Buffer.from([0x26, 0, 1, 0x6b, 0, 1, 0x76]);

/**
 * A device, the machine and a broker under one virtual clock. Every packet that the machine sends is judged when it is
 * sent; a broken invariant throws `Violation`.
 */
export class SessionWorld {
  readonly setting: Setting;
  readonly up: FlowLedger;
  readonly down: FlowLedger;
  readonly device: ModelPeer;
  readonly broker: ModelPeer;
  readonly subscriptions: ModelSubscriptions;
  machine: SessionMachine;
  nowMs = 1_000;
  readonly #wrap: PortWrapper;
  #readsDevice = true;
  #readsBroker = true;
  #pingsWaiting = 0;
  #effects = 0;
  /** When PUBLISH packets passed, either way, on this connection. */
  #passedAtMs: number[] = [];
  #deliveries = 0;
  #lastEventMs = 0;
  #deviceReader: ModelReader;
  #brokerReader: ModelReader;

  constructor(setting: Setting, wrap: PortWrapper = (port) => port) {
    const { device, upstream } = setting;
    this.setting = setting;
    this.#wrap = wrap;
    const endsQos2 = upstream.capabilities.maximumQos < 2;
    this.up = new FlowLedger({
      isUplink: true,
      sender: device.protocol,
      receiver: upstream.protocol,
      receiverWindow: upstream.capabilities.receiveMaximum,
      receiverPacketBytes: upstream.capabilities.maximumPacketSize,
      endsQos2,
    });
    this.down = new FlowLedger({
      isUplink: false,
      sender: upstream.protocol,
      receiver: device.protocol,
      receiverWindow: device.receiveMaximum,
      receiverPacketBytes: device.maximumPacketSize,
      endsQos2: false,
    });
    this.device = new ModelPeer({
      protocol: device.protocol,
      reorders: false,
      refuses: setting.deviceRefuses,
      countsDown: setting.countsDown,
      messageOf: (packet) => this.down.messageOf(packet),
    });
    this.broker = new ModelPeer({
      protocol: upstream.protocol,
      reorders: setting.isAws,
      // Otherwise the refusal ends a device that has no word for it.
      refuses:
        setting.brokerRefuses && (setting.device.protocol === '5' || setting.upstream.undeliverable === 'acknowledge'),
      countsDown: false,
      messageOf: (packet) => this.up.messageOf(packet),
    });
    this.subscriptions = new ModelSubscriptions(this.device, this.broker, setting);
    this.#deviceReader = new ModelReader(device.protocol);
    this.#brokerReader = new ModelReader(upstream.protocol);
    this.machine = this.#createMachine(undefined);
  }

  #createMachine(unfinished: UnfinishedExchanges | undefined): SessionMachine {
    const { device, upstream } = this.setting;
    return new SessionMachine({
      device,
      upstream,
      sessionExpiryInterval: 3_600,
      counts: { fromDevice: new Float64Array(16), fromBroker: new Float64Array(16) },
      port: this.#wrap(this.#port(), this),
      ...(unfinished === undefined ? {} : { unfinished }),
      nowMs: this.nowMs,
    });
  }

  #port(): SessionPort {
    return {
      toDevice: (bytes) => this.#deviceReader.push(bytes, this.#judgeToDevice),
      toBroker: (_leg, bytes) => this.#brokerReader.push(bytes, this.#judgeToBroker),
      readDevice: (wanted) => {
        this.#readsDevice = wanted;
      },
      readBroker: (_leg, wanted) => {
        this.#readsBroker = wanted;
      },
      deviceDone: () => {
        throw new Violation('the device said no DISCONNECT');
      },
      legOver: (_leg, _how, message) => {
        throw new Violation(`the leg is over: ${message}`);
      },
      detached: () => undefined,
      switched: () => undefined,
      cutAborted: () => undefined,
      leaving: () => undefined,
      drained: () => undefined,
      deliveredTwice: () => undefined,
      subscriptionsChanged: () => undefined,
      failed: (fault: SessionFault) => {
        throw new Violation(`the session failed: ${fault.side}, ${fault.reason}, ${fault.message}`);
      },
      deadlineMoved: () => undefined,
      adapted: () => undefined,
      maySubscribe: () => true,
      obstructed: () => undefined,
      dropped: (reason: DropReason) => this.#judgeDrop(reason),
      recordDropped: () => true,
    };
  }

  readonly #judgeToDevice = (packet: ModelPacket): void => {
    this.#effects += 1;
    const { type } = packet;
    if (type === 3) this.#judgeDelivery(packet);
    else if (type === 4 || type === 5 || type === 7) this.up.judgeAnswer(packet);
    else if (type === 9 || type === 11) this.subscriptions.judgeAnswer(packet);
    else if (type === 13) this.#pingsWaiting -= 1;
    if (this.#pingsWaiting < 0) throw new Violation('S11: PINGRESP without PINGREQ');
    this.device.inbox.push(packet);
  };

  readonly #judgeToBroker = (packet: ModelPacket): void => {
    this.#effects += 1;
    const { type } = packet;
    if (type === 3) this.#judgePace(packet);
    else if (type === 4 || type === 5 || type === 7) this.down.judgeAnswer(packet);
    else if (type === 8 || type === 10) this.up.noteSubscribing(packet.id);
    this.broker.inbox.push(packet);
  };

  #judgeDelivery(packet: ModelPacket): void {
    this.down.judgePublish(packet);
    this.#deliveries += 1;
  }

  /** What the broker sends nobody slows down, but from the next event on it counts. */
  #noteDeliveries(): void {
    for (; this.#deliveries > 0; this.#deliveries -= 1) this.#passedAtMs.push(this.#lastEventMs);
    this.#lastEventMs = this.nowMs;
  }

  #judgePace(packet: ModelPacket): void {
    this.up.judgePublish(packet);
    const rate = this.setting.upstream.profile.publishesPerSecond;
    const passed = this.#passedAtMs;
    if (passed.length >= rate && (passed[passed.length - rate] as number) > this.nowMs - 1_000) {
      throw new Violation('U8: more than the publish rate');
    }
    passed.push(this.nowMs);
  }

  #judgeDrop(reason: DropReason): void {
    if (reason === 'held-overflow') this.down.mayLose += 1;
    if (reason === 'expired') throw new Violation(`U3: dropped, ${reason}`);
  }

  /** The device says a new message. False: it may not now, or the broker could never take it. */
  publish(choice: number): boolean {
    const { device, upstream, isAws } = this.setting;
    const { undeliverable } = upstream;
    const is5 = device.protocol === '5';
    const qos = choice % 3;
    if (qos > 0 && is5 && this.device.exchanges.size >= device.told.receiveMaximum) return false;
    const isDeep = isAws && (choice >> 3) % 16 === 0;
    if (isDeep && undeliverable === 'refuse' && !(is5 && qos > 0)) return false;
    const usesAlias = is5 && !isDeep && (choice >> 7) % 4 === 0;
    const fields = {
      qos,
      retain: (choice >> 9) % 8 === 0,
      topic: isDeep ? deepTopic : (publishTopics[usesAlias ? 2 : (choice >> 12) % 2] as string),
      payload: this.#payload(this.up, 4 + ((choice >> 13) % 40)),
      properties: is5 && !usesAlias && (choice >> 5) % 4 === 0 ? userProperty : noBytes,
    };
    const packetBytes = publishBytes(device.protocol, { id: 1, ...fields }).length + (usesAlias ? 3 : 0);
    if (is5 && packetBytes > device.told.maximumPacketSize) return false;
    const upstreamBytes = publishBytes(upstream.protocol, { id: 1, ...fields }).length;
    const isExempt = isDeep || upstreamBytes > upstream.capabilities.maximumPacketSize;
    if (isExempt && undeliverable === 'refuse' && !(is5 && qos > 0)) return false;
    const message = this.#message(this.up, { ...fields, isExempt });
    const id = usesAlias ? this.#publishAliased(message) : this.device.publish(message);
    this.up.noteSent(id, message);
    return true;
  }

  #hasAlias = false;

  /** The first sets alias 1, the others use it. */
  #publishAliased(message: Message): number {
    const id = message.qos > 0 ? this.device.takeId() : 0;
    if (id !== 0) this.device.exchanges.set(id, { message, isReleased: false });
    const { qos, retain, payload } = message;
    const topic = this.#hasAlias ? '' : message.topic;
    this.#hasAlias = true;
    const properties = topicAlias;
    this.device.wire.send(publishBytes('5', { qos, retain, id, topic, payload, properties }), wordOf(3, id));
    return id;
  }

  /** The broker says a new message. */
  deliver(choice: number): boolean {
    const { device, upstream, brokerWindow } = this.setting;
    const qos = choice % (upstream.capabilities.maximumQos + 1);
    if (qos > 0 && this.broker.exchanges.size >= brokerWindow) return false;
    const fields = {
      qos,
      retain: (choice >> 9) % 8 === 0,
      topic: publishTopics[(choice >> 12) % 2] as string,
      payload: this.#payload(this.down, 4 + ((choice >> 13) % 40)),
      properties: upstream.protocol === '5' && (choice >> 5) % 4 === 0 ? userProperty : noBytes,
    };
    const kept = device.protocol === '5' ? fields.properties : noBytes;
    const packetBytes = publishBytes(device.protocol, { id: 1, ...fields, properties: kept }).length;
    const isExempt = packetBytes > device.maximumPacketSize;
    // A broker of MQTT 5 knows the device's Maximum Packet Size and keeps to it [MQTT-3.1.2-24].
    if (isExempt && upstream.protocol === '5') return false;
    const message = this.#message(this.down, { ...fields, isExempt });
    this.down.noteSent(this.broker.publish(message), message);
    return true;
  }

  #payload(flow: FlowLedger, length: number): Buffer {
    const payload = Buffer.alloc(length, flow.messages.length & 0xff);
    payload.writeUInt32BE(flow.messages.length, 0);
    return payload;
  }

  #message(
    flow: FlowLedger,
    fields: Pick<Message, 'qos' | 'retain' | 'topic' | 'payload' | 'properties' | 'isExempt'>,
  ): Message {
    const fresh = { answered: -1, isUnread: false, told: -1, forwardedOn: -1, arrivals: 0 };
    const message = { number: flow.messages.length, connection: flow.connection, ...fields, ...fresh };
    flow.messages.push(message);
    return message;
  }

  ping(): void {
    this.device.wire.send(pingreq, wordOf(12, 0));
  }

  /** The device says a PUBLISH again that has had no answer, as 3.1 and many 3.1.1 devices do on a timer. */
  repeat(choice: number): void {
    if (this.setting.device.protocol === '5' || this.device.exchanges.size === 0) return;
    this.feedDevice(this.device.wire.bytes);
    const ids = [...this.device.exchanges.keys()];
    const id = ids[choice % ids.length] as number;
    const exchange = this.device.exchanges.get(id);
    if (!this.#readsDevice || exchange === undefined || exchange.isReleased || !this.up.awaitsAnswer(id)) return;
    this.device.repeat(id);
    this.feedDevice(this.device.wire.bytes);
  }

  /** The broker says a PUBLISH again on the same connection, as brokers before MQTT 5 may. */
  redeliver(choice: number): void {
    if (this.setting.upstream.protocol === '5' || this.broker.exchanges.size === 0) return;
    this.feedBroker(this.broker.wire.bytes);
    const ids = [...this.broker.exchanges.keys()];
    const id = ids[choice % ids.length] as number;
    if (!this.#readsBroker || this.broker.exchanges.get(id)?.isReleased !== false || !this.down.awaitsAnswer(id))
      return;
    this.broker.repeat(id);
    this.feedBroker(this.broker.wire.bytes);
  }

  /** Up to `limit` bytes of the device reach the machine. */
  feedDevice(limit: number): void {
    if (!this.#readsDevice || this.device.wire.bytes === 0) return;
    const chunk = this.device.wire.take(limit, this.#noteDeviceWord);
    this.#noteDeliveries();
    this.machine.handleDeviceData(chunk, this.nowMs);
    if (this.#readsDevice && this.#pingsWaiting > 0) throw new Violation('S11: PINGREQ was not answered at once');
  }

  readonly #noteDeviceWord = (word: number): void => {
    const type = typeOfWord(word);
    if (type === 12) this.#pingsWaiting += 1;
    else if (type === 6) this.up.noteSenderWord(word);
    else if (type === 4 || type === 5 || type === 7) this.down.noteAnswer(word);
  };

  feedBroker(limit: number): void {
    if (!this.#readsBroker || this.broker.wire.bytes === 0) return;
    this.#noteDeliveries();
    this.machine.handleBrokerData(this.broker.wire.take(limit, this.#noteBrokerWord), this.nowMs, firstLeg);
    this.up.noteRead(this.#readsBroker);
  }

  readonly #noteBrokerWord = (word: number): void => {
    const type = typeOfWord(word);
    if (type === 6) this.down.noteSenderWord(word);
    else if (type === 4 || type === 5 || type === 7) this.up.noteAnswer(word);
    else if (type === 9 || type === 11) this.up.noteSubscribed(idOfWord(word));
  };

  deviceReads(count: number): void {
    for (const packet of this.device.inbox.splice(0, count)) {
      this.device.read(packet);
      this.subscriptions.readAtDevice(packet);
    }
  }

  brokerReads(count: number): void {
    for (const packet of this.broker.inbox.splice(0, count)) {
      if (packet.type === 12) this.broker.wire.send(pingresp, wordOf(13, 0));
      else if (packet.type === 8 || packet.type === 10) this.subscriptions.readAtBroker(packet);
      else this.broker.read(packet);
    }
  }

  /** Time passes; the machine is woken where it asked to be. */
  pass(milliseconds: number): void {
    const until = this.nowMs + milliseconds;
    for (let wakes = 0; this.machine.nextDeadlineMs() <= until; wakes += 1) {
      this.nowMs = Math.max(this.nowMs, this.machine.nextDeadlineMs());
      const before = this.#effects;
      this.#noteDeliveries();
      this.machine.handleTick(this.nowMs);
      if (before === this.#effects && this.machine.nextDeadlineMs() <= this.nowMs + 1) {
        throw new Violation('the machine asks to be woken for nothing');
      }
      if (wakes > 2_000) throw new Violation('the machine asks to be woken without end');
    }
    this.nowMs = until;
  }

  /** Both connections are lost; the device comes back to its session, the gateway to the broker's. */
  reconnect(): void {
    const unfinished = this.machine.unfinished();
    this.#deviceReader = new ModelReader(this.setting.device.protocol);
    this.#brokerReader = new ModelReader(this.setting.upstream.protocol);
    this.#readsDevice = true;
    this.#readsBroker = true;
    this.#pingsWaiting = 0;
    this.#hasAlias = false;
    this.#passedAtMs = [];
    this.#deliveries = 0;
    this.up.reconnect();
    this.down.reconnect();
    this.device.reconnect();
    this.broker.reconnect();
    this.subscriptions.reconnect();
    for (const [id, { message, isReleased }] of this.device.exchanges)
      if (!isReleased) this.up.noteSentAgain(id, message);
    for (const [id, { message, isReleased }] of this.broker.exchanges) {
      if (!isReleased) this.down.noteSentAgain(id, message);
    }
    this.machine = this.#createMachine(unfinished);
  }

  get #isAtRest(): boolean {
    const { device, broker, machine, subscriptions } = this;
    return device.isAtRest && broker.isAtRest && subscriptions.isAtRest && !machine.hasHeld && machine.inflight === 0;
  }

  /** Everybody does what they owe, in turn, until nothing is left to do; then nothing may be missing. */
  settle(): void {
    for (let round = 0; !this.#isAtRest; round += 1) {
      if (round > 5_000) throw new Violation(`liveness: ${this.#leftOver()}`);
      const before = this.#progress();
      this.feedDevice(this.device.wire.bytes);
      this.feedBroker(this.broker.wire.bytes);
      this.deviceReads(this.device.inbox.length);
      this.brokerReads(this.broker.inbox.length);
      this.subscriptions.answer();
      this.device.acknowledge(this.device.owed.length, round);
      this.broker.acknowledge(this.broker.owed.length, round);
      if (this.#progress() !== before) continue;
      // Nothing moves but time, and that only where the machine waits for it.
      const deadline = this.machine.nextDeadlineMs();
      if (deadline > this.nowMs + 1_500) throw new Violation(`liveness: ${this.#leftOver()}`);
      this.pass(deadline - this.nowMs);
    }
    if (!this.machine.isQuiet(true)) throw new Violation('liveness: the machine is not quiet at rest');
    this.up.judgeRest();
    this.down.judgeRest();
  }

  #progress(): string {
    const { device, broker } = this;
    const { wire: up, inbox: seen } = device;
    const { wire: down, inbox: got } = broker;
    return `${up.bytes} ${down.bytes} ${seen.length} ${got.length} ${device.owed.length} ${broker.owed.length} ${this.#effects}`;
  }

  #leftOver(): string {
    const { device, broker, machine } = this;
    const left = {
      fromDevice: [...device.exchanges].map(([id, { message, isReleased }]) => [id, message.number, isReleased]),
      fromBroker: [...broker.exchanges].map(([id, { message, isReleased }]) => [id, message.number, isReleased]),
      wires: [device.wire.bytes, broker.wire.bytes],
      reads: [this.#readsDevice, this.#readsBroker],
      inflight: [machine.inflightFromDevice, machine.inflight],
      hasHeld: machine.hasHeld,
      subscriptions: this.subscriptions.isAtRest,
    };
    return `left over ${JSON.stringify(left)}`;
  }
}
