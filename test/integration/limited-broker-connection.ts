import type { Socket } from 'node:net';
import type {
  IConnackPacket,
  IConnectPacket,
  IPublishPacket,
  ISubscribePacket,
  IUnsubscribePacket,
  Packet,
} from 'mqtt-packet';
import type { LimitedBroker } from './limited-broker.ts';
import { AcknowledgementDesk } from './limited-broker-acknowledgements.ts';
import { connackProperties, connectBreach } from './limited-broker-connect.ts';
import {
  type CloseReason,
  clampKeepAlive,
  RateMeter,
  type RuleBreach,
  topicFilterBreach,
  topicNameBreach,
} from './limited-broker-limits.ts';
import type { LimitedSession, SessionConnection } from './limited-broker-session.ts';
import { decodeFrame, encodePacket, FrameReader, type WirePacket, type WireVersion } from './wire-frames.ts';

/** Bytes that are still read, to be counted, while nothing is acted on because too much is unacknowledged. */
const observedBytes = 65_536;

/** One connection of a client, from its first byte to its end, with everything that came over it. */
export class LimitedConnection implements SessionConnection {
  /** As it came, whether accepted or not. */
  connect: IConnectPacket | undefined;
  connack: IConnackPacket | undefined;
  /** What the client sent, CONNECT first. */
  readonly packets: WirePacket[] = [];
  readonly sent: WirePacket[] = [];
  /** Application messages that were accepted, in order. */
  readonly accepted: IPublishPacket[] = [];
  /** PUBLISH packets that came beyond the publish rate and went nowhere. */
  discarded = 0;
  /** UNSUBSCRIBE packets that got no answer. */
  unanswered = 0;
  /** Seconds, after clamping. */
  keepAliveSeconds = 0;
  receiveMaximum = 65_535;
  closeReason: CloseReason | undefined;
  readonly rate: RateMeter;
  readonly acknowledgements: AcknowledgementDesk;
  readonly #broker: LimitedBroker;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #aliases = new Map<number, string>();
  readonly #ownAliases = new Map<string, number>();
  #version: WireVersion = 4;
  #state: 'new' | 'connecting' | 'connected' | 'closed' = 'new';
  #session: LimitedSession | undefined;
  #queued: Buffer[] = [];
  #lastHeardMs: number;

  constructor(broker: LimitedBroker, socket: Socket) {
    this.#broker = broker;
    this.#socket = socket;
    this.#lastHeardMs = broker.nowMs();
    this.rate = new RateMeter(broker.limits.publishesPerSecond, broker.options.rateWindowMs ?? 1_000);
    this.acknowledgements = new AcknowledgementDesk(broker.options, (ids) => this.#acknowledge(ids));
    socket.on('data', (chunk: Buffer) => this.#handleBytes(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#finish('client-lost'));
  }

  get clientId(): string {
    return this.#session?.clientId ?? this.connect?.clientId ?? '';
  }

  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  /** Commands in the order in which they came. */
  commands(): string[] {
    return this.packets.map(({ packet }) => packet.cmd);
  }

  publishes(): IPublishPacket[] {
    return this.packets.flatMap(({ packet }) => (packet.cmd === 'publish' ? [packet] : []));
  }

  subscribes(): ISubscribePacket[] {
    return this.packets.flatMap(({ packet }) => (packet.cmd === 'subscribe' ? [packet] : []));
  }

  unsubscribes(): IUnsubscribePacket[] {
    return this.packets.flatMap(({ packet }) => (packet.cmd === 'unsubscribe' ? [packet] : []));
  }

  send(packet: Packet): void {
    if (this.#socket.destroyed) return;
    const bytes = encodePacket(packet, this.#version);
    this.sent.push({ packet, bytes, atMs: this.#broker.nowMs() });
    this.#socket.write(bytes);
    this.#broker.changes.announce();
  }

  takeRate(): boolean {
    return this.rate.take(this.#broker.nowMs());
  }

  aliased(topic: string): { readonly topic: string; readonly topicAlias?: number } {
    const most = Math.min(this.connect?.properties?.topicAliasMaximum ?? 0, this.#broker.limits.topicAliases);
    const known = this.#ownAliases.get(topic);
    if (known !== undefined) return { topic: '', topicAlias: known };
    if (this.#ownAliases.size >= most) return { topic };
    const topicAlias = this.#ownAliases.size + 1;
    this.#ownAliases.set(topic, topicAlias);
    return { topic, topicAlias };
  }

  /** Ends it as the broker's own wish; a will fires. `code`: of the DISCONNECT that an MQTT 5 client gets. */
  close(reason: CloseReason, code: number): void {
    if (this.#state === 'closed') return;
    if (this.#version === 5 && this.#state === 'connected') this.send({ cmd: 'disconnect', reasonCode: code });
    this.#finish(reason);
    this.#hangUp();
  }

  /** Cuts the TCP connection without a word. */
  cut(): void {
    this.#finish('told-to-close');
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.close('broker-stopped', 0x8b);
    this.#socket.destroy();
  }

  checkKeepAlive(): void {
    const silentMs = this.#broker.nowMs() - this.#lastHeardMs;
    if (this.#state === 'connected' && silentMs > this.keepAliveSeconds * 1_500) this.close('keep-alive', 0x8d);
  }

  #handleBytes(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    const frames = this.#reader.push(chunk);
    if (frames === 'malformed') return void this.close('malformed', 0x81);
    for (const frame of frames) {
      if (((frame[0] ?? 0) & 0xf6) === 0x32) this.acknowledgements.noteArrival();
      this.#queued.push(frame);
    }
    this.#handleQueued();
    this.#broker.changes.announce();
  }

  #handleQueued(): void {
    while (this.#state !== 'closed') {
      if (this.acknowledgements.unacknowledged >= this.#broker.limits.inflight && this.#version !== 5) break;
      const frame = this.#queued.shift();
      if (frame === undefined) break;
      this.#handleFrame(frame);
    }
    const bytes = this.#queued.reduce((sum, frame) => sum + frame.length, 0);
    if (bytes > observedBytes) this.#socket.pause();
    else this.#socket.resume();
  }

  #handleFrame(frame: Buffer): void {
    const first = frame[0] ?? 0;
    if (this.#state === 'new' && first >> 4 !== 1) return void this.close('not-connect-first', 0x82);
    if (!areFlagsRight(first)) return void this.close('header-flags', 0x81);
    const packet = decodeFrame(frame, this.#version);
    if (packet === undefined) return void this.close('malformed', 0x81);
    this.packets.push({ packet, bytes: frame, atMs: this.#broker.nowMs() });
    this.#lastHeardMs = this.#broker.nowMs();
    if (packet.cmd === 'connect') return void this.#handleConnect(packet);
    if (this.#state === 'connecting') return void this.close('before-connack', 0x82);
    if (frame.length > this.#broker.limits.packetBytes) return void this.close('packet-too-large', 0x95);
    this.#handlePacket(packet);
  }

  #handlePacket(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        return void this.#handlePublish(packet);
      case 'subscribe':
        return void this.#handleSubscribe(packet);
      case 'unsubscribe':
        return void this.#handleUnsubscribe(packet);
      case 'puback':
        return void this.#session?.acknowledge(packet.messageId ?? 0);
      case 'pingreq':
        return void this.send({ cmd: 'pingresp' });
      case 'disconnect':
        return void this.#handleDisconnect(packet.reasonCode ?? 0, packet.properties?.sessionExpiryInterval);
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return void this.close('qos2-acknowledgement', 0x82);
      default:
        return void this.close('malformed', 0x82);
    }
  }

  #handleConnect(connect: IConnectPacket): void {
    if (this.#state !== 'new') return void this.close('second-connect', 0x82);
    this.connect = connect;
    this.#version = connect.protocolVersion ?? 4;
    this.#state = 'connecting';
    this.receiveMaximum = connect.properties?.receiveMaximum ?? 65_535;
    this.keepAliveSeconds = clampKeepAlive(connect.keepalive ?? 0);
    const breach = connectBreach(connect, this.#broker.limits) ?? this.#broker.connectRateBreach(connect.clientId);
    this.#broker.after(this.#broker.options.connackDelayMs ?? 0, () => {
      if (this.#state !== 'connecting') return;
      if (breach === undefined) this.#accept(connect);
      else this.#refuse(breach);
    });
  }

  #accept(connect: IConnectPacket): void {
    const { session, isPresent } = this.#broker.openSession(this, connect);
    this.#session = session;
    this.#state = 'connected';
    const properties = connackProperties(connect, { session, limits: this.#broker.limits });
    this.connack =
      this.#version === 5
        ? { cmd: 'connack', sessionPresent: isPresent, reasonCode: 0, properties }
        : { cmd: 'connack', sessionPresent: isPresent, returnCode: 0 };
    this.send(this.connack);
    session.attach(this);
  }

  #refuse({ reason, returnCode, code }: RuleBreach & { readonly returnCode?: number }): void {
    if (this.#version === 5) this.send({ cmd: 'connack', sessionPresent: false, reasonCode: code });
    else if (returnCode !== undefined) this.send({ cmd: 'connack', sessionPresent: false, returnCode });
    this.close(reason, code);
  }

  #handlePublish(packet: IPublishPacket): void {
    const topic = this.#resolveAlias(packet);
    if (topic === undefined) return void this.close('topic-alias', 0x94);
    const breach = this.#publishBreach(packet, topic);
    if (breach !== undefined) return void this.close(breach.reason, breach.code);
    if (!this.takeRate()) {
      this.discarded += 1;
      this.acknowledgements.forget(packet.qos);
      if (this.#version === 5 && packet.qos === 1) {
        this.send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x97 });
      }
      return;
    }
    this.accepted.push({ ...packet, topic });
    this.#broker.accept({ ...packet, topic });
    if (packet.qos === 1) this.acknowledgements.owe(packet.messageId ?? 0);
  }

  #publishBreach(packet: IPublishPacket, topic: string): RuleBreach | undefined {
    const { limits } = this.#broker;
    if (packet.qos === 2) return { reason: 'publish-qos2', code: 0x9b };
    if (packet.qos === 0 && packet.dup) return { reason: 'malformed', code: 0x81 };
    if (packet.qos === 1 && packet.messageId === 0) return { reason: 'malformed', code: 0x82 };
    if (packet.properties?.subscriptionIdentifier !== undefined) return { reason: 'malformed', code: 0x82 };
    if (packet.payload.length > limits.payloadBytes) return { reason: 'payload-too-large', code: 0x95 };
    const isReused = packet.qos === 1 && this.acknowledgements.isOwed(packet.messageId ?? 0);
    if (isReused && !packet.dup) return { reason: 'packet-identifier-in-use', code: 0x91 };
    if (this.#version === 5 && this.acknowledgements.unacknowledged >= limits.inflight) {
      return { reason: 'receive-maximum', code: 0x93 };
    }
    return topicNameBreach(topic, limits);
  }

  #resolveAlias({ topic, properties }: IPublishPacket): string | undefined {
    const alias = properties?.topicAlias;
    if (alias === undefined) return topic;
    if (alias === 0 || alias > this.#broker.limits.topicAliases) return undefined;
    if (topic !== '') this.#aliases.set(alias, topic);
    return this.#aliases.get(alias);
  }

  #handleSubscribe(packet: ISubscribePacket): void {
    const session = this.#session;
    const breach = this.#subscribeBreach(packet);
    if (breach !== undefined) return void this.close(breach.reason, breach.code);
    if (session === undefined) return;
    for (const { topic, qos } of packet.subscriptions) session.subscriptions.set(topic, qos === 0 ? 0 : 1);
    if (session.subscriptions.size > this.#broker.limits.subscriptions)
      return void this.close('too-many-subscriptions', 0x97);
    const granted = packet.subscriptions.map(({ qos }) => qos);
    this.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
    // Neither No Local nor Retain Handling is looked at.
    for (const { topic, qos } of packet.subscriptions) this.#broker.deliverRetained(session, topic, qos === 0 ? 0 : 1);
  }

  #subscribeBreach({ messageId, subscriptions, properties }: ISubscribePacket): RuleBreach | undefined {
    const { limits } = this.#broker;
    if (messageId === 0 || subscriptions.length === 0) return { reason: 'malformed', code: 0x82 };
    if (properties?.subscriptionIdentifier !== undefined) return { reason: 'subscription-identifier', code: 0xa1 };
    if (subscriptions.length > limits.filtersPerSubscribe) return { reason: 'too-many-filters', code: 0x97 };
    if (subscriptions.some(({ qos }) => qos === 2)) return { reason: 'subscribe-qos2', code: 0x9b };
    return subscriptions.map(({ topic }) => topicFilterBreach(topic, limits)).find((breach) => breach !== undefined);
  }

  #handleUnsubscribe({ messageId = 0, unsubscriptions }: IUnsubscribePacket): void {
    if (messageId === 0 || unsubscriptions.length === 0) return void this.close('malformed', 0x82);
    if (unsubscriptions.length > this.#broker.limits.filtersPerUnsubscribe) {
      this.unanswered += 1;
      return;
    }
    const granted = unsubscriptions.map((filter) => (this.#session?.subscriptions.delete(filter) ? 0x00 : 0x11));
    this.send({ cmd: 'unsuback', messageId, granted });
  }

  #handleDisconnect(reasonCode: number, sessionExpiryInterval: number | undefined): void {
    const session = this.#session;
    if (session !== undefined && sessionExpiryInterval !== undefined) {
      if (session.expirySeconds === 0 && sessionExpiryInterval > 0) return void this.close('malformed', 0x82);
      session.expirySeconds = Math.min(sessionExpiryInterval, this.#broker.limits.sessionExpirySeconds);
    }
    this.#finish(reasonCode === 0x04 ? 'client-lost' : 'client-disconnect');
    this.#hangUp();
  }

  #acknowledge(identifiers: readonly number[]): void {
    for (const messageId of identifiers) this.send({ cmd: 'puback', messageId, reasonCode: 0 });
    if (this.#queued.length > 0) this.#handleQueued();
  }

  /** With FIN, so that what was written is read; what still comes is thrown away. */
  #hangUp(): void {
    this.#socket.resume();
    this.#socket.end();
    this.#broker.after(500, () => this.#socket.destroy());
  }

  #finish(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    const wasConnected = this.#state === 'connected';
    this.#state = 'closed';
    this.closeReason = reason;
    this.acknowledgements.stop();
    this.#broker.noteClose(this, { reason, wasConnected, session: this.#session });
  }
}

/** The low four bits of the first byte, as they must be. */
function areFlagsRight(first: number): boolean {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (type === 3) return (flags & 0x06) !== 0x06;
  return flags === (type === 6 || type === 8 || type === 10 ? 2 : 0);
}
