import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import type { PacketSpan, PacketVerdict } from '../../mqtt/packet-stream.ts';
import { PublishHead } from '../../mqtt/publish-head.ts';
import { TopicAliases } from '../../mqtt/topic-aliases.ts';
import type { AdmittedClient } from '../account-gate.ts';
import type { AcknowledgementDesk } from './acknowledgement-desk.ts';
import type { Agenda, Cancel } from './agenda.ts';
import { type ApplicationMessage, messageExpiry, messagePropertiesIn, toRawProperties } from './application-message.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { deniedPublishAnswer, headRefusal, publishFault, type RefusalAnswer } from './publish-judgement.ts';
import type { PublishRate } from './publish-rate.ts';
import { type RefusalReason, refusalRules } from './refusal.ts';

/** Whose PUBLISH packets they are. */
export interface PublishingClient {
  readonly identity: AdmittedClient;
  readonly isEnded: boolean;
  /** Ends the connection. */
  refuse(reason: RefusalReason, nowMs: number, code?: number): void;
  note(reason: RefusalReason, nowMs: number): void;
}

export interface PublishDeskOptions {
  readonly protocol: ProtocolVersion;
  readonly terms: BrokerTerms;
  readonly agenda: Agenda;
  readonly rate: PublishRate;
  readonly acknowledgements: AcknowledgementDesk;
  /** False: there is no room to retain it, and it is discarded. */
  readonly publish: (message: ApplicationMessage, nowMs: number) => boolean;
  /** Asks for the packet that was blocked again. */
  readonly resume: (nowMs: number) => void;
}

/** Who sends no message too many for so long has come to reason. */
const discardPauseMs = 2_000;

/** What becomes of each PUBLISH of one client: refused, discarded, or accepted and acknowledged. */
export class PublishDesk {
  readonly #options: PublishDeskOptions;
  readonly #head: PublishHead;
  readonly #aliases: TopicAliases;
  /** When the bytes that came so far have been read at the rate of one connection. */
  #bytesReadAtMs = 0;
  #cancelResume: Cancel | undefined;
  /** When messages began to be discarded without a pause, and when the last one was. */
  #discards = { sinceMs: 0, lastMs: Number.NEGATIVE_INFINITY };

  constructor(options: PublishDeskOptions) {
    this.#options = options;
    this.#head = new PublishHead(options.protocol, true);
    this.#aliases = new TopicAliases(options.terms.topicAliases);
  }

  handle(span: PacketSpan, client: PublishingClient, nowMs: number): PacketVerdict {
    if (this.#mustWait(span, nowMs)) return 'block';
    this.#judge(span, client, nowMs);
    return client.isEnded ? 'stop' : 'proceed';
  }

  stop(): void {
    this.#cancelResume?.();
    this.#options.acknowledgements.stop();
  }

  /** Before MQTT 5 reading stops at 100 unacknowledged messages, and in every version beyond 512 KiB a second. */
  #mustWait({ packetBytes }: PacketSpan, nowMs: number): boolean {
    const { terms, acknowledgements, protocol, agenda, resume } = this.#options;
    if (protocol !== '5' && acknowledgements.count >= terms.profile.inflightFromDevice) return true;
    const readAtMs = Math.max(this.#bytesReadAtMs, nowMs - 1_000);
    if (readAtMs > nowMs) {
      this.#cancelResume?.();
      this.#cancelResume = agenda.at(Math.ceil(readAtMs), resume);
      return true;
    }
    this.#bytesReadAtMs = readAtMs + (packetBytes / terms.bytesPerSecond) * 1_000;
    return false;
  }

  #judge(span: PacketSpan, client: PublishingClient, nowMs: number): void {
    const { terms, protocol, acknowledgements, rate } = this.#options;
    const head = this.#head;
    const fault = head.read(span);
    if (fault !== 0) {
      const { reason, answer } = headRefusal(fault);
      return void this.#answer(answer, reason, client, nowMs);
    }
    if (head.properties.hasSubscriptionIdentifier) return void client.refuse('protocol-error', nowMs);
    const topic = this.#resolveTopic();
    if (topic === undefined) return void client.refuse('topic-alias', nowMs);
    const refusal = publishFault(head, topic, terms);
    if (refusal !== undefined) return void this.#answer(refusal.answer, refusal.reason, client, nowMs);
    if (head.qos === 1 && protocol === '5') {
      if (acknowledgements.count >= terms.profile.inflightFromDevice)
        return void client.refuse('receive-maximum', nowMs);
      if (acknowledgements.isOwed(head.packetId)) {
        return void this.#answer({ kind: 'acknowledge' }, 'packet-id-in-use', client, nowMs);
      }
    }
    if (!rate.take(nowMs)) return void this.#discard(client, nowMs);
    const denied = this.#denial(topic, client);
    if (denied === undefined) this.#accept(topic, client, nowMs);
    else this.#answer(deniedPublishAnswer(head.qos, protocol, terms), denied, client, nowMs);
  }

  #resolveTopic(): string | undefined {
    const { topicAlias } = this.#head.properties;
    if (topicAlias === 0) return this.#head.topic();
    if (!this.#aliases.isAllowed(topicAlias)) return undefined;
    const { bytes, topicAt, topicEnd } = this.#head;
    if (topicEnd === topicAt) return this.#aliases.topicOf(topicAlias)?.toString('utf8');
    return this.#aliases.set(topicAlias, bytes.subarray(topicAt, topicEnd)) ? this.#head.topic() : undefined;
  }

  #denial(topic: string, { identity }: PublishingClient): RefusalReason | undefined {
    if (!identity.allows('iot:Publish', topic)) return 'publish-denied';
    return this.#head.retain && !identity.allows('iot:RetainPublish', topic) ? 'retain-denied' : undefined;
  }

  #accept(topic: string, client: PublishingClient, nowMs: number): void {
    const { publish, acknowledgements } = this.#options;
    const { qos, packetId } = this.#head;
    if (!publish(this.#message(topic, client, nowMs), nowMs)) {
      return void this.#answer({ kind: 'acknowledge' }, 'retained-full', client, nowMs);
    }
    if (qos === 1) acknowledgements.owe(packetId, nowMs);
  }

  #message(topic: string, { identity }: PublishingClient, nowMs: number): ApplicationMessage {
    const { bytes, propertiesAt, payloadAt, end, qos, retain, properties } = this.#head;
    const seconds = properties.messageExpiryInterval;
    return {
      topic,
      payload: Buffer.from(bytes.subarray(payloadAt, end)),
      qos: qos === 1 ? 1 : 0,
      retain,
      properties: [
        ...messagePropertiesIn(bytes, propertiesAt, payloadAt),
        ...toRawProperties(identity.propagatedAttributes()),
      ],
      expiresAtMs: messageExpiry(seconds < 0 ? undefined : seconds, nowMs),
    };
  }

  /** Beyond the rate a message is discarded; who goes on like that for long is disconnected. */
  #discard(client: PublishingClient, nowMs: number): void {
    const { sinceMs, lastMs } = this.#discards;
    const hasPaused = nowMs - lastMs > discardPauseMs;
    this.#discards = { sinceMs: hasPaused ? nowMs : sinceMs, lastMs: nowMs };
    if (!hasPaused && nowMs - sinceMs >= this.#options.terms.throttledSeconds * 1_000) {
      return void client.refuse('sustained-publish-rate', nowMs);
    }
    this.#answer({ kind: 'acknowledge' }, 'publish-rate', client, nowMs);
  }

  #answer(answer: RefusalAnswer, reason: RefusalReason, client: PublishingClient, nowMs: number): void {
    const { protocol, acknowledgements } = this.#options;
    const isAcknowledged = answer.kind === 'acknowledge' && protocol === '5' && this.#head.qos === 1;
    if (answer.kind === 'close') return void client.refuse(reason, nowMs, answer.code);
    client.note(reason, nowMs);
    if (isAcknowledged) acknowledgements.owe(this.#head.packetId, nowMs, refusalRules[reason].code);
  }
}
