import { reasonCode } from '../../mqtt/reason-code.ts';
import type { DisconnectReason } from './disconnect-reason.ts';

interface RefusalRule {
  /** Of the MQTT 5 packet that says so, where one does: DISCONNECT, CONNACK, PUBACK or SUBACK. */
  readonly code: number;
  /** What the `disconnected` event says where the connection ends for it. */
  readonly disconnectReason: DisconnectReason;
}

function clientError(code: number): RefusalRule {
  return { code, disconnectReason: 'CLIENT_ERROR' };
}

function authError(code: number): RefusalRule {
  return { code, disconnectReason: 'AUTH_ERROR' };
}

/** Everything that the message broker refuses, by the word that its record and the tests know it by. */
export const refusalRules = {
  'handshake-refused': authError(reasonCode.notAuthorized),
  'too-many-connections': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'no-connect': clientError(reasonCode.protocolError),
  'no-connect-in-time': clientError(reasonCode.protocolError),
  'malformed-connect': clientError(reasonCode.malformedPacket),
  'connect-too-large': clientError(reasonCode.packetTooLarge),
  'unsupported-version': clientError(reasonCode.unsupportedProtocolVersion),
  'client-id': clientError(reasonCode.clientIdentifierNotValid),
  // Not 0x8C, which is not in AWS's list for CONNACK.
  'authentication-method': clientError(reasonCode.unspecifiedError),
  'will-qos2': clientError(reasonCode.qosNotSupported),
  'will-topic': clientError(reasonCode.topicNameInvalid),
  'will-too-large': clientError(reasonCode.quotaExceeded),
  'connect-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'client-id-connect-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'too-many-sessions': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'unknown-certificate': authError(reasonCode.notAuthorized),
  'pending-certificate': authError(reasonCode.notAuthorized),
  'inactive-certificate': authError(reasonCode.notAuthorized),
  'connect-denied': authError(reasonCode.notAuthorized),
  'bad-credentials': authError(reasonCode.notAuthorized),
  'admission-failed': { code: reasonCode.unspecifiedError, disconnectReason: 'SERVER_ERROR' },
  pipelined: clientError(reasonCode.protocolError),
  malformed: clientError(reasonCode.malformedPacket),
  'protocol-error': clientError(reasonCode.protocolError),
  'header-flags': clientError(reasonCode.malformedPacket),
  'second-connect': clientError(reasonCode.protocolError),
  'auth-packet': clientError(reasonCode.protocolError),
  'qos2-acknowledgement': clientError(reasonCode.protocolError),
  'qos2-publish': clientError(reasonCode.qosNotSupported),
  'qos2-subscribe': clientError(reasonCode.qosNotSupported),
  'packet-too-large': clientError(reasonCode.packetTooLarge),
  'payload-too-large': clientError(reasonCode.packetTooLarge),
  'topic-too-long': clientError(reasonCode.topicNameInvalid),
  'topic-too-deep': clientError(reasonCode.topicNameInvalid),
  'reserved-topic': clientError(reasonCode.topicNameInvalid),
  'retain-on-reserved-topic': clientError(reasonCode.topicNameInvalid),
  'filter-too-long': clientError(reasonCode.topicFilterInvalid),
  'filter-too-deep': clientError(reasonCode.topicFilterInvalid),
  'reserved-filter': clientError(reasonCode.topicFilterInvalid),
  'topic-alias': clientError(reasonCode.topicAliasInvalid),
  'receive-maximum': clientError(reasonCode.receiveMaximumExceeded),
  'packet-id-in-use': clientError(reasonCode.packetIdentifierInUse),
  'subscription-identifier': clientError(reasonCode.subscriptionIdentifiersNotSupported),
  'too-many-filters': clientError(reasonCode.quotaExceeded),
  'too-many-unsubscribes': clientError(reasonCode.quotaExceeded),
  'too-many-subscriptions': clientError(reasonCode.quotaExceeded),
  'subscribe-rate': clientError(reasonCode.quotaExceeded),
  'publish-denied': authError(reasonCode.notAuthorized),
  'retain-denied': authError(reasonCode.notAuthorized),
  'subscribe-denied': authError(reasonCode.notAuthorized),
  'receive-denied': authError(reasonCode.notAuthorized),
  'publish-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'delivery-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'sustained-publish-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'retained-full': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'queue-full': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'queue-rate': { code: reasonCode.quotaExceeded, disconnectReason: 'THROTTLED' },
  'output-full': { code: reasonCode.quotaExceeded, disconnectReason: 'SERVER_ERROR' },
  'keep-alive': { code: reasonCode.keepAliveTimeout, disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT' },
} as const satisfies Record<string, RefusalRule>;

export type RefusalReason = keyof typeof refusalRules;

export interface Refusal {
  readonly reason: RefusalReason;
  /** Empty where no CONNECT said one. */
  readonly clientId: string;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** What was refused: all counted, the last ones remembered. */
export class RefusalRecord {
  readonly #max: number;
  readonly #counts = new Map<RefusalReason, number>();
  readonly #listeners = new Set<(refusal: Refusal) => void>();
  #last: Refusal[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  add(refusal: Refusal): void {
    this.#counts.set(refusal.reason, this.count(refusal.reason) + 1);
    this.#last.push(refusal);
    if (this.#last.length > 2 * this.#max) this.#last = this.#last.slice(-this.#max);
    for (const listener of this.#listeners) listener(refusal);
  }

  count(reason: RefusalReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** By reason; only those that happened. */
  counts(): Readonly<Partial<Record<RefusalReason, number>>> {
    return Object.fromEntries(this.#counts);
  }

  /** The last ones, the oldest first. */
  list(): readonly Refusal[] {
    return this.#last.slice(-this.#max);
  }

  onRefusal(listener: (refusal: Refusal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
