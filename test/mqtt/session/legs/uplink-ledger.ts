import { Violation } from '../flow-ledger.ts';
import { type ModelPacket, noBytes } from '../model-packets.ts';
import { idOfWord, type Message, reasonOfWord, typeOfWord } from '../model-peer.ts';
import type { BrokerSetting } from './leg-setting.ts';

/** What one leg has carried of the device's messages. */
interface LegFlow {
  readonly broker: number;
  readonly setting: BrokerSetting;
  isOver: boolean;
  /** When it ended, what the device began went there: what goes again goes before what is new. */
  wasActive: boolean;
  /** PUBLISH, SUBSCRIBE and UNSUBSCRIBE that wait for an answer, by identifier. */
  readonly inflight: Map<number, Message | undefined>;
  readonly lastByTopic: Map<string, number>;
}

interface Passage {
  readonly leg: number;
  isAnswered: boolean;
}

/** What the device publishes, over all legs: each packet that the machine sends is held against what went in. */
export class UplinkLedger {
  readonly messages: Message[] = [];
  readonly #legs = new Map<number, LegFlow>();
  readonly #passages = new Map<Message, Passage>();
  readonly #messageByDeviceId = new Map<number, Message>();
  readonly #lastByTopic = new Map<string, number>();
  readonly #released = new Set<number>();
  #awaiting: number[] = [];
  mayLoseAtQos0 = 0;
  /** Legs that were lost, or left with something under way. */
  losses = 0;
  /** Those of them whose broker took its session up again: QoS 2 then goes on where it was. */
  resumptions = 0;
  /** QoS 2 that the device had finished, and the gateway finished in its place. */
  readonly #finishedAtQos1 = new Set<Message>();
  /** Messages that went behind later ones, because the leg that they had gone to was lost afterwards. */
  readonly #late = new Set<Message>();
  #fresh: Passage[] = [];

  createMessage(fields: {
    readonly qos: number;
    readonly retain: boolean;
    readonly topic: string;
    readonly bytes: number;
  }): Message {
    const { qos, retain, topic, bytes } = fields;
    const number = this.messages.length;
    const payload = Buffer.alloc(4 + bytes, number & 0xff);
    payload.writeUInt32BE(number, 0);
    const fresh = { answered: -1, isUnread: false, told: -1, forwardedOn: -1, arrivals: 0 };
    const message: Message = {
      number,
      qos,
      retain,
      topic,
      payload,
      properties: noBytes,
      isExempt: false,
      connection: 0,
      ...fresh,
    };
    this.messages.push(message);
    return message;
  }

  messageOf({ payload, topic }: ModelPacket): Message {
    const message = payload.length < 4 ? undefined : this.messages[payload.readUInt32BE(0)];
    if (message === undefined || !message.payload.equals(payload))
      throw new Violation('D8 uplink: a payload that nobody sent');
    if (message.topic !== topic) throw new Violation(`D8 uplink: message ${message.number} has topic ${topic}`);
    return message;
  }

  attach(leg: number, broker: number, setting: BrokerSetting): void {
    this.#legs.set(leg, {
      broker,
      setting,
      isOver: false,
      wasActive: true,
      inflight: new Map(),
      lastByTopic: new Map(),
    });
  }

  end(leg: number, { isLost, wasActive }: { readonly isLost: boolean; readonly wasActive: boolean }): void {
    const flow = this.#flow(leg);
    if (!flow.isOver) flow.wasActive = wasActive;
    if (!flow.isOver && (isLost || flow.inflight.size > 0)) this.losses += 1;
    flow.isOver = true;
  }

  noteSent(id: number, message: Message): void {
    if (id === 0) return;
    this.#messageByDeviceId.set(id, message);
    this.#released.delete(id);
    this.#awaiting.push(id);
  }

  /** PUBREL of the device has gone into the machine. */
  noteReleased(id: number): void {
    this.#released.add(id);
  }

  awaitsAnswer(id: number): boolean {
    return this.#awaiting.includes(id);
  }

  judgePublish(leg: number, packet: ModelPacket): void {
    const flow = this.#flow(leg);
    const message = this.messageOf(packet);
    const { number } = message;
    const hasDup = (packet.firstByte & 8) !== 0;
    const qos = Math.min(message.qos, flow.setting.upstream.capabilities.maximumQos);
    if (message.qos === 2 && packet.qos === 1) this.#finishedAtQos1.add(message);
    const mayBeOne = message.qos === 2 && this.#passages.has(message);
    if (packet.qos !== qos && !(mayBeOne && packet.qos === 1))
      throw new Violation(`U8: message ${number} goes on at QoS ${packet.qos}`);
    if (((packet.firstByte & 1) !== 0) !== message.retain)
      throw new Violation(`C10: message ${number} has RETAIN changed`);
    if (packet.properties.length > 0) throw new Violation(`D8 uplink: message ${number} has properties`);
    const passage = this.#passages.get(message);
    if (passage === undefined) {
      const last = this.#lastByTopic.get(message.topic) ?? -1;
      if (last > number) throw new Violation(`U4: message ${number} comes behind ${last}`);
      this.#lastByTopic.set(message.topic, number);
    } else if (!this.#isSameStep(flow, packet, message, passage.leg === leg)) {
      this.#judgeAgain(message, passage, { leg, hasDup });
    }
    // QoS 2 that the device has finished has its place no longer.
    const isFinished = message.qos === 2 && packet.qos === 1;
    if (isFinished || (passage !== undefined && !this.#flow(passage.leg).wasActive)) this.#late.add(message);
    const isLate = this.#late.has(message);
    const lastOnLeg = flow.lastByTopic.get(message.topic) ?? -1;
    if (lastOnLeg > number && !isLate)
      throw new Violation(`U4: message ${number} comes behind ${lastOnLeg} on leg ${leg}`);
    if (!isLate) flow.lastByTopic.set(message.topic, number);
    this.#passages.set(message, { leg, isAnswered: false });
    if (packet.qos > 0) this.#takeId(leg, packet.id, message);
  }

  /** QoS 2 from end to end: its first step may be made again. */
  #isSameStep(flow: LegFlow, packet: ModelPacket, message: Message, isSameLeg: boolean): boolean {
    return isSameLeg && packet.qos === 2 && flow.inflight.get(packet.id) === message;
  }

  #judgeAgain(
    message: Message,
    passage: Passage,
    { leg, hasDup }: { readonly leg: number; readonly hasDup: boolean },
  ): void {
    const { number } = message;
    if (passage.leg === leg) throw new Violation(`U3: message ${number} goes on twice on leg ${leg}`);
    if (!this.#flow(passage.leg).isOver)
      throw new Violation(`U3: message ${number} goes on leg ${leg} while leg ${passage.leg} has it`);
    if (passage.isAnswered) throw new Violation(`U3: message ${number} goes on again though a broker has taken it`);
    if (message.qos === 0) throw new Violation(`U3: message ${number} of QoS 0 goes on again`);
    if (!hasDup) throw new Violation(`U3: message ${number} goes on again without DUP`);
  }

  /** An identifier of SUBSCRIBE or UNSUBSCRIBE. */
  judgeRequest(leg: number, id: number): void {
    this.#takeId(leg, id, undefined);
  }

  #takeId(leg: number, id: number, message: Message | undefined): void {
    const { inflight, setting } = this.#flow(leg);
    if (id === 0 || (inflight.has(id) && (message === undefined || inflight.get(id) !== message))) {
      throw new Violation(`U7: identifier ${id} is in use on leg ${leg}`);
    }
    inflight.set(id, message);
    let publishes = 0;
    for (const held of inflight.values()) publishes += held === undefined ? 0 : 1;
    if (publishes > setting.upstream.capabilities.receiveMaximum)
      throw new Violation(`U6: ${publishes} are in flight on leg ${leg}`);
  }

  /** PUBREL that the machine sent on. */
  judgeRelease(leg: number, id: number): void {
    const message = this.#flow(leg).inflight.get(id);
    // One of an earlier leg, whose PUBREC came there.
    if (message !== undefined && message.answered < 0) throw new Violation(`U9: PUBREL ${id} before PUBREC`);
  }

  /** An answer of the broker has gone into the machine. */
  noteAnswer(leg: number, word: number): void {
    const { inflight } = this.#flow(leg);
    const id = idOfWord(word);
    const type = typeOfWord(word);
    const message = inflight.get(id);
    if ((type === 4 || type === 5) && message !== undefined) {
      message.answered = reasonOfWord(word);
    }
    const passage = message === undefined ? undefined : this.#passages.get(message);
    // At QoS 2 a broker may give on what it has only with PUBREL, and loses it with its session.
    if ((type === 4 || type === 7) && passage?.leg === leg) {
      passage.isAnswered = true;
      this.#fresh.push(passage);
    }
    if (type === 4 || type === 7 || type === 9 || type === 11) inflight.delete(id);
  }

  /** The chunk with the last answers was read to its end, or a part of it waits unread and may be lost with its leg. */
  noteRead(isRead: boolean): void {
    for (const passage of this.#fresh) passage.isAnswered = isRead;
    this.#fresh = [];
  }

  /** The machine said PUBACK, PUBREC or PUBCOMP to the device. */
  judgeAnswer({ type, id, reason }: ModelPacket): void {
    const message = this.#messageByDeviceId.get(id);
    if (type === 7) {
      if (!this.#released.has(id)) throw new Violation(`U9: PUBCOMP ${id} before PUBREL`);
      return;
    }
    if (message === undefined || (type === 4) !== (message.qos === 1))
      throw new Violation(`U1: an answer of type ${type} for identifier ${id}`);
    if (message.answered < 0) throw new Violation(`U1: message ${message.number} was not answered by a broker`);
    if (reason !== 0) throw new Violation(`U1: message ${message.number} is refused with ${reason}`);
    const at = this.#awaiting.indexOf(id);
    if (at > 0) throw new Violation(`U5: ${id} is answered before ${this.#awaiting[0]}`);
    if (at === 0) this.#awaiting.shift();
    else if (type === 4) throw new Violation(`U1: PUBACK ${id} is said twice`);
    message.told = reason;
    if (type === 4) this.#messageByDeviceId.delete(id);
  }

  /** What a broker acknowledged to the device has to be at a broker, whenever it is asked. */
  judgeAcknowledged(): void {
    for (const { number, qos, told, arrivals } of this.messages) {
      if (told >= 0 && arrivals === 0 && qos === 1)
        throw new Violation(`U1: message ${number} was acknowledged and is nowhere`);
    }
  }

  judgeRest(): void {
    this.judgeAcknowledged();
    for (const message of this.messages) {
      const { number, qos, arrivals, told } = message;
      if (qos > 0 && arrivals === 0) throw new Violation(`U3: message ${number} is lost`);
      if (qos > 0 && told < 0) throw new Violation(`U3: message ${number} has no acknowledgement`);
      const isOneExchange = qos === 2 && !this.#finishedAtQos1.has(message);
      const repeats = qos === 0 ? 0 : this.losses - (isOneExchange ? this.resumptions : 0);
      if (arrivals > 1 + repeats) throw new Violation(`U3: message ${number} arrived ${arrivals} times`);
      if (qos > 0 || arrivals > 0 || this.losses > 0) continue;
      this.mayLoseAtQos0 -= 1;
      if (this.mayLoseAtQos0 < 0) throw new Violation(`U3: message ${number} of QoS 0 is lost`);
    }
  }

  #flow(leg: number): LegFlow {
    const flow = this.#legs.get(leg);
    if (flow === undefined) throw new Violation(`S2: nobody attached leg ${leg}`);
    return flow;
  }
}
