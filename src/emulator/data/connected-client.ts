import { decodeAcknowledgement } from '../../mqtt/acknowledgement-packet.ts';
import type { ConnectWill } from '../../mqtt/connect-packet.ts';
import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import { packetType } from '../../mqtt/control-packet.ts';
import { decodeDisconnect, encodeServerDisconnect } from '../../mqtt/disconnect-packet.ts';
import { encodePacket } from '../../mqtt/packet-bytes.ts';
import type { PacketSpan, PacketVerdict } from '../../mqtt/packet-stream.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import { encodeSuback, encodeUnsuback } from '../../mqtt/suback-packet.ts';
import { decodeSubscribe, decodeUnsubscribe } from '../../mqtt/subscribe-packet.ts';
import { parseTopicFilter } from '../../mqtt/topic.ts';
import type { AdmittedClient } from '../account-gate.ts';
import type { Agenda, Cancel } from './agenda.ts';
import type { ApplicationMessage } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import type { ClientSession } from './client-session.ts';
import type { ConnectTerms } from './connect-judgement.ts';
import type { Delivery } from './delivery.ts';
import type { DisconnectReason } from './disconnect-reason.ts';
import type { PublishDesk } from './publish-desk.ts';
import { type RefusalReason, refusalRules } from './refusal.ts';
import { judgeSubscribe, unsubackCodes } from './subscribe-judgement.ts';

/** How a connection ended. */
export interface ClientEnd {
  readonly disconnectReason: DisconnectReason;
  readonly publishesWill: boolean;
  /** Of the DISCONNECT that an MQTT 5 client gets; absent: none. */
  readonly code?: number;
}

/** What a connected client needs of the broker. */
export interface ClientHost {
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  subscribe(client: ConnectedClient, filter: string, qos: 0 | 1): void;
  unsubscribe(client: ConnectedClient, filter: string): void;
  /** The retained message of exactly that topic. */
  retained(topic: string, nowMs: number): ApplicationMessage | undefined;
  /** Whether the account's rate has room for so many filters, which then count. */
  takeFilters(count: number, nowMs: number): boolean;
  tellSubscriptions(
    client: ConnectedClient,
    event: { readonly eventType: 'subscribed' | 'unsubscribed'; readonly topics: readonly string[] },
    nowMs: number,
  ): void;
  refuse(reason: RefusalReason, clientId: string, nowMs: number): void;
  handleEnd(client: ConnectedClient, end: ClientEnd, nowMs: number): void;
}

export interface ConnectedClientParts {
  readonly host: ClientHost;
  readonly identity: AdmittedClient;
  readonly protocol: ProtocolVersion;
  readonly agreed: ConnectTerms;
  readonly session: ClientSession;
  readonly will: ConnectWill | undefined;
  readonly delivery: Delivery;
  readonly publishes: PublishDesk;
  readonly send: (bytes: Buffer) => void;
  /** Ends the network connection behind what was sent. */
  readonly close: () => void;
}

const pingresp = encodePacket(packetType.pingresp << 4, []);
/** What resets the keep alive (AWS developer guide). */
const signsOfLife: readonly number[] = [
  packetType.publish,
  packetType.subscribe,
  packetType.pingreq,
  packetType.puback,
];

/** One client from its CONNACK to the end of its connection: what becomes of each packet that it sends. */
export class ConnectedClient {
  readonly identity: AdmittedClient;
  readonly protocol: ProtocolVersion;
  readonly agreed: ConnectTerms;
  readonly session: ClientSession;
  readonly will: ConnectWill | undefined;
  readonly delivery: Delivery;
  readonly #parts: ConnectedClientParts;
  readonly #cancels: Cancel[] = [];
  #heardAtMs: number;
  #isEnded = false;

  constructor(parts: ConnectedClientParts, nowMs: number) {
    this.#parts = parts;
    this.identity = parts.identity;
    this.protocol = parts.protocol;
    this.agreed = parts.agreed;
    this.session = parts.session;
    this.will = parts.will;
    this.delivery = parts.delivery;
    this.#heardAtMs = nowMs;
    this.#watchKeepAlive();
    const { endsAtWallMs } = parts.identity;
    if (endsAtWallMs !== undefined) {
      const end = {
        disconnectReason: 'CUSTOMAUTH_TTL_EXPIRATION',
        publishesWill: true,
        code: reasonCode.notAuthorized,
      } as const;
      this.#cancels.push(parts.host.agenda.at(endsAtWallMs, (dueMs) => this.end(end, dueMs)));
    }
  }

  get clientId(): string {
    return this.agreed.clientId;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  handlePacket(span: PacketSpan, nowMs: number): PacketVerdict {
    if (this.#isEnded) return 'stop';
    const type = (span.bytes[span.start] as number) >> 4;
    if (signsOfLife.includes(type)) this.#heardAtMs = nowMs;
    if (type === packetType.publish) return this.#parts.publishes.handle(span, this, nowMs);
    this.#handleOther(type, span.bytes.subarray(span.start, span.end), nowMs);
    return this.#isEnded ? 'stop' : 'proceed';
  }

  /** Ends the connection because of what the client did. `code`: other than the reason's own. */
  refuse(reason: RefusalReason, nowMs: number, code: number = refusalRules[reason].code): void {
    if (this.#isEnded) return;
    this.note(reason, nowMs);
    this.end({ disconnectReason: refusalRules[reason].disconnectReason, publishesWill: true, code }, nowMs);
  }

  /** Records a refusal that leaves the connection as it is. */
  note(reason: RefusalReason, nowMs: number): void {
    this.#parts.host.refuse(reason, this.clientId, nowMs);
  }

  end(end: ClientEnd, nowMs: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const cancel of this.#cancels) cancel();
    this.#parts.publishes.stop();
    const disconnect = end.code === undefined ? undefined : encodeServerDisconnect(this.protocol, end.code);
    if (disconnect !== undefined) this.#parts.send(disconnect);
    this.#parts.close();
    this.#parts.host.handleEnd(this, end, nowMs);
  }

  #handleOther(type: number, packet: Buffer, nowMs: number): void {
    switch (type) {
      case packetType.puback:
        return void this.#handlePuback(packet, nowMs);
      case packetType.subscribe:
        return void this.#handleSubscribe(packet, nowMs);
      case packetType.unsubscribe:
        return void this.#handleUnsubscribe(packet, nowMs);
      case packetType.pingreq:
        if (packet.length === 2 && packet[0] === 0xc0) this.#parts.send(pingresp);
        else this.refuse('malformed', nowMs);
        return;
      case packetType.disconnect:
        return void this.#handleDisconnect(packet, nowMs);
      case packetType.connect:
        return void this.refuse('second-connect', nowMs);
      case packetType.pubrec:
      case packetType.pubrel:
      case packetType.pubcomp:
        return void this.refuse('qos2-acknowledgement', nowMs);
      case packetType.auth:
        return void this.refuse('auth-packet', nowMs);
      default:
        return void this.refuse('protocol-error', nowMs);
    }
  }

  #handlePuback(packet: Buffer, nowMs: number): void {
    const decoding = decodeAcknowledgement(packet, this.protocol);
    if (!decoding.ok) return void this.refuse('malformed', nowMs, decoding.error.reason);
    this.delivery.acknowledge(decoding.value.packetId, nowMs);
  }

  #handleSubscribe(packet: Buffer, nowMs: number): void {
    if ((packet[0] as number) !== 0x82) return void this.refuse('header-flags', nowMs);
    const decoding = decodeSubscribe(packet, this.protocol);
    if (!decoding.ok) return void this.refuse('malformed', nowMs, decoding.error.reason);
    const { host, send } = this.#parts;
    const { packetId, requests } = decoding.value;
    const question = {
      packet: decoding.value,
      protocol: this.protocol,
      subscriptions: this.session.subscriptions,
      allows: (filter: string) => this.identity.allows('iot:Subscribe', filter),
      hasRate: host.takeFilters(requests.length, nowMs),
    };
    const verdict = judgeSubscribe(question, host.terms);
    if (verdict.kind === 'close') return void this.refuse(verdict.reason, nowMs);
    if (verdict.kind === 'silence') return void this.note(verdict.reason, nowMs);
    for (const { refused } of verdict.results) if (refused !== undefined) this.note(refused, nowMs);
    const granted = verdict.results.filter(({ refused }) => refused === undefined);
    const codes = verdict.results.map(({ code }) => code);
    send(encodeSuback(this.protocol, { packetId, codes, properties: [] }));
    for (const { request } of granted) this.#grant(request.filter, request.qos === 1 ? 1 : 0, nowMs);
    if (granted.length === 0) return;
    const topics = granted.map(({ request }) => request.filter);
    host.tellSubscriptions(this, { eventType: 'subscribed', topics }, nowMs);
  }

  #grant(filter: string, qos: 0 | 1, nowMs: number): void {
    const { host } = this.#parts;
    const { subscriptionSettleMs } = host.terms;
    const { shareName, hasWildcard, filter: topic } = parseTopicFilter(filter);
    // It counts at once, and receives when it has settled.
    this.session.subscriptions.set(filter, qos);
    const settle = (settledMs: number) => {
      if (this.#isEnded || this.session.subscriptions.get(filter) !== qos) return;
      host.subscribe(this, filter, qos);
      const retained = shareName === undefined && !hasWildcard ? host.retained(topic, settledMs) : undefined;
      if (retained === undefined) return;
      this.delivery.deliver(retained, retained.qos === 1 && qos === 1 ? 1 : 0, settledMs, true);
    };
    if (subscriptionSettleMs === 0) settle(nowMs);
    else host.agenda.at(nowMs + subscriptionSettleMs, settle);
  }

  #handleUnsubscribe(packet: Buffer, nowMs: number): void {
    if ((packet[0] as number) !== 0xa2) return void this.refuse('header-flags', nowMs);
    const decoding = decodeUnsubscribe(packet, this.protocol);
    if (!decoding.ok) return void this.refuse('malformed', nowMs, decoding.error.reason);
    const { host, send } = this.#parts;
    const { packetId, filters } = decoding.value;
    const { profile, variants } = host.terms;
    if (filters.length > profile.filtersPerUnsubscribe) {
      if (variants.tooManyUnsubscribes === 'ignore') this.note('too-many-unsubscribes', nowMs);
      else this.refuse('too-many-unsubscribes', nowMs);
      return;
    }
    for (const filter of filters) host.unsubscribe(this, filter);
    send(encodeUnsuback(this.protocol, { packetId, codes: unsubackCodes(filters), properties: [] }));
    host.tellSubscriptions(this, { eventType: 'unsubscribed', topics: filters }, nowMs);
  }

  #handleDisconnect(packet: Buffer, nowMs: number): void {
    const decoding = decodeDisconnect(packet, this.protocol);
    if (!decoding.ok) return void this.refuse('malformed', nowMs, decoding.error.reason);
    const { reason, sessionExpiryInterval } = decoding.value;
    if (sessionExpiryInterval !== undefined) {
      // [MQTT-3.1.2-11.2]: a session that was to end with its connection does not last longer now.
      if (this.session.expirySeconds === 0 && sessionExpiryInterval > 0)
        return void this.refuse('protocol-error', nowMs);
      const { maxSessionExpirySeconds } = this.#parts.host.terms.profile;
      this.session.expirySeconds = Math.min(sessionExpiryInterval, maxSessionExpirySeconds);
    }
    const publishesWill = reason === reasonCode.disconnectWithWill;
    this.end({ disconnectReason: 'CLIENT_INITIATED_DISCONNECT', publishesWill }, nowMs);
  }

  #watchKeepAlive(): void {
    const { agenda } = this.#parts.host;
    const patienceMs = this.agreed.keepAliveSeconds * 1_500;
    const cancel = agenda.at(this.#heardAtMs + patienceMs, (dueMs) => {
      if (dueMs - this.#heardAtMs >= patienceMs) this.refuse('keep-alive', dueMs);
      else this.#watchKeepAlive();
    });
    this.#cancels[0] = cancel;
  }
}
