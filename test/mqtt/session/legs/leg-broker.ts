import { Violation } from '../flow-ledger.ts';
import { type ModelPacket, pingresp, subackBytes } from '../model-packets.ts';
import { type Message, ModelPeer, wordOf } from '../model-peer.ts';
import { type Copy, filterMatches, type Publication } from './leg-copy.ts';
import type { BrokerSetting } from './leg-setting.ts';

/** What a broker needs of the world around it. */
export interface BrokerSurroundings {
  nowMs(): number;
  copyOf(publication: Publication, of: Pick<Copy, 'broker' | 'leg' | 'qos' | 'isRetainedValue'>): Copy;
  uplinkMessageOf(packet: ModelPacket): Message;
}

interface Subscription {
  readonly qos: number;
  /** From when on it delivers; infinity: not answered. */
  fromMs: number;
}

/** One client's session at a broker, with at most one connection. */
export interface BrokerSession {
  readonly peer: ModelPeer;
  readonly subscriptions: Map<string, Subscription>;
  readonly queue: Copy[];
  readonly isPersistent: boolean;
  /** SUBSCRIBE and UNSUBSCRIBE without an answer. */
  asked: ModelPacket[];
}

/** A broker with one client: its session, what it retains, the client's will. */
export class LegBroker {
  readonly setting: BrokerSetting;
  readonly index: number;
  readonly #around: BrokerSurroundings;
  readonly retained = new Map<string, Publication>();
  session: BrokerSession | undefined;
  /** The connection's leg number; undefined: there is none. */
  leg: number | undefined;
  wills = 0;
  /** It reads nothing and says nothing. */
  isSilent = false;

  constructor(index: number, setting: BrokerSetting, around: BrokerSurroundings) {
    this.index = index;
    this.setting = setting;
    this.#around = around;
  }

  get isAtRest(): boolean {
    const { session } = this;
    if (session === undefined || this.leg === undefined) return true;
    return session.peer.isAtRest && session.queue.length === 0 && session.asked.length === 0;
  }

  /** The gateway waits for something of it. */
  get owes(): boolean {
    const { session } = this;
    if (session === undefined) return false;
    const { wire, inbox, owed } = session.peer;
    return wire.bytes + inbox.length + owed.length + session.asked.length > 0;
  }

  /** CONNECT and CONNACK. Gives Session Present. */
  connect(leg: number, terms: { readonly isClean: boolean; readonly isPersistent: boolean }): boolean {
    if (this.leg !== undefined) throw new Violation(`S2: two connections of the client at broker ${this.index}`);
    this.leg = leg;
    if (this.session !== undefined && !terms.isClean) {
      this.session.asked = [];
      this.session.peer.reconnect();
      return true;
    }
    this.forsake();
    const { protocol, isAws } = this.setting;
    const peer = new ModelPeer({
      protocol,
      reorders: isAws,
      refuses: false,
      countsDown: false,
      messageOf: (packet) => this.#around.uplinkMessageOf(packet),
    });
    this.session = { peer, subscriptions: new Map(), queue: [], isPersistent: terms.isPersistent, asked: [] };
    return false;
  }

  /** Its side closes, or the connection is lost. What it had not read is read before, or is lost. */
  close(readsFirst: boolean): void {
    if (readsFirst) this.read(Number.POSITIVE_INFINITY);
    this.leg = undefined;
    // An answer may be lost with the connection: it may come again.
    for (const { message } of this.session?.peer.exchanges.values() ?? []) message.isUnread = true;
    if (this.session?.isPersistent === false) this.forsake();
  }

  /** It loses everything but what it retains. */
  forsake(): void {
    const { session } = this;
    if (session === undefined) return;
    for (const copy of session.queue) copy.isForsaken = true;
    for (const { message } of session.peer.exchanges.values()) (message as Copy).isForsaken = true;
    // What was not released it had not given on.
    for (const message of session.peer.received.values()) message.arrivals -= 1;
    this.session = undefined;
  }

  /** It comes back with its session as it was before its client subscribed. */
  forgetSubscriptions(): void {
    this.session?.subscriptions.clear();
  }

  /** The gateway closed its side; without DISCONNECT before it the will is published. */
  handleClosed(): void {
    this.isSilent = false;
    this.read(Number.POSITIVE_INFINITY);
    if (this.leg === undefined) return;
    this.wills += 1;
    this.close(false);
  }

  publish(publication: Publication): void {
    if (publication.retain) this.retained.set(publication.topic, publication);
    const { session } = this;
    if (session === undefined) return;
    const granted = this.#grantedFor(publication.topic, session);
    if (granted >= 0) this.#queue(session, publication, { granted, isRetainedValue: false });
  }

  #grantedFor(topic: string, { subscriptions }: BrokerSession): number {
    let granted = -1;
    for (const [filter, { qos, fromMs }] of subscriptions) {
      if (fromMs > this.#around.nowMs() || qos <= granted) continue;
      if (filterMatches(filter, topic, !this.setting.isAws)) granted = qos;
    }
    return granted;
  }

  #queue(
    session: BrokerSession,
    publication: Publication,
    { granted, isRetainedValue }: { readonly granted: number; readonly isRetainedValue: boolean },
  ): void {
    const qos = Math.min(publication.qos, granted);
    if (qos === 0 && this.leg === undefined) return;
    const copy = this.#around.copyOf(publication, { broker: this.index, leg: this.leg, qos, isRetainedValue });
    if (qos === 0) session.peer.publish(copy);
    else session.queue.push(copy);
    this.pump();
  }

  /** Sends what its window lets go. */
  pump(): void {
    const { session } = this;
    if (session === undefined || this.leg === undefined) return;
    while (session.queue.length > 0 && session.peer.exchanges.size < this.setting.window) {
      session.peer.publish(session.queue.shift() as Copy);
    }
  }

  /** Up to `count` packets of the gateway. */
  read(count: number): void {
    const { session } = this;
    if (session === undefined || this.isSilent) return;
    for (const packet of session.peer.inbox.splice(0, count)) {
      if (packet.type === 12) session.peer.wire.send(pingresp, wordOf(13, 0));
      else if (packet.type === 8 || packet.type === 10) this.#readRequest(packet, session);
      else if (packet.type === 14) this.close(false);
      else session.peer.read(packet);
    }
    this.pump();
  }

  #readRequest(packet: ModelPacket, session: BrokerSession): void {
    const { profile, capabilities } = this.setting.upstream;
    const limit = packet.type === 8 ? profile.filtersPerSubscribe : profile.filtersPerUnsubscribe;
    if (packet.filters.length === 0 || packet.filters.length > limit) {
      throw new Violation(`U8: ${packet.filters.length} filters in one packet`);
    }
    for (const [, options] of packet.filters) {
      if (packet.type === 8 && (options & 3) > capabilities.maximumQos)
        throw new Violation('U8: a subscription at a QoS too high');
    }
    session.asked.push(packet);
  }

  /** Answers SUBSCRIBE and UNSUBSCRIBE, and sends what it retains. */
  answer(count: number): void {
    const { session } = this;
    if (session === undefined || this.leg === undefined || this.isSilent) return;
    for (const packet of session.asked.splice(0, count)) {
      const { protocol } = this.setting;
      const isSubscribe = packet.type === 8;
      const codes = packet.filters.map(([filter, options]) => this.#codeFor(filter, options, isSubscribe));
      const type = isSubscribe ? 9 : 11;
      session.peer.wire.send(subackBytes(protocol, type, packet.id, codes), wordOf(type, packet.id));
      for (const [index, [filter, options]] of packet.filters.entries()) {
        if (!isSubscribe) session.subscriptions.delete(filter);
        else if ((codes[index] as number) < 0x80) this.#subscribe(session, filter, options);
      }
    }
  }

  #codeFor(filter: string, options: number, isSubscribe: boolean): number {
    if (!isSubscribe) return 0;
    if (filter === this.setting.denied) return this.setting.protocol === '5' ? 0x87 : 0x80;
    return options & 3;
  }

  #subscribe(session: BrokerSession, filter: string, options: number): void {
    const { isAws, settleMs, protocol } = this.setting;
    const earlier = session.subscriptions.get(filter);
    const fromMs = earlier?.fromMs ?? this.#around.nowMs() + settleMs;
    session.subscriptions.set(filter, { qos: options & 3, fromMs });
    const handling = protocol === '5' ? (options >> 4) & 3 : 0;
    if (handling === 2 || (handling === 1 && earlier !== undefined)) return;
    if (isAws && /[+#]/.test(filter)) return;
    for (const publication of this.retained.values()) {
      if (!filterMatches(filter, publication.topic, !isAws)) continue;
      this.#queue(session, publication, { granted: options & 3, isRetainedValue: true });
    }
  }
}
