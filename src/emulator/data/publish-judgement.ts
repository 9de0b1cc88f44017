import type { PublishHead } from '../../mqtt/publish-head.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import type { BrokerTerms } from './broker-terms.ts';
import type { RefusalReason } from './refusal.ts';
import { isReserved, publishTopicFault } from './topic-rules.ts';

/** What becomes of a packet that is refused. */
export type RefusalAnswer =
  /** The connection ends; `code` is that of the DISCONNECT in MQTT 5. */
  | { readonly kind: 'close'; readonly code?: number }
  /** It is acknowledged with the reason, or with nothing before MQTT 5 and at QoS 0. */
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'silence' };

export interface PublishRefusal {
  readonly reason: RefusalReason;
  readonly answer: RefusalAnswer;
}

/** The reason for what `PublishHead.read` found wrong. */
export function headRefusal(code: number): PublishRefusal {
  return {
    reason: code === reasonCode.protocolError ? 'protocol-error' : 'malformed',
    answer: { kind: 'close', code },
  };
}

const close: RefusalAnswer = { kind: 'close' };

/** What is wrong with a well-formed PUBLISH by its size, QoS and topic; `topic`: with its alias resolved. */
export function publishFault(
  head: PublishHead,
  topic: string,
  { profile, variants }: BrokerTerms,
): PublishRefusal | undefined {
  if (head.qos === 2) {
    return { reason: 'qos2-publish', answer: variants.qos2 === 'ignore' ? { kind: 'silence' } : close };
  }
  if (head.payloadBytes > profile.maxPayloadBytes) {
    const isQuota = variants.payloadTooLarge5 === 'quota-exceeded';
    const code = isQuota ? reasonCode.quotaExceeded : reasonCode.packetTooLarge;
    return { reason: 'payload-too-large', answer: { kind: 'close', code } };
  }
  const fault = publishTopicFault(topic, profile);
  const reason = fault ?? (head.retain && isReserved(topic) ? 'retain-on-reserved-topic' : undefined);
  if (reason === undefined) return undefined;
  return { reason, answer: variants.invalidTopic5 === 'puback' ? closeUnlessAcknowledged(head) : close };
}

function closeUnlessAcknowledged(head: PublishHead): RefusalAnswer {
  return head.qos === 1 ? { kind: 'acknowledge' } : close;
}

/** What becomes of a PUBLISH that no policy allows. */
export function deniedPublishAnswer(qos: number, protocol: string, { variants }: BrokerTerms): RefusalAnswer {
  if (protocol !== '5') return close;
  if (qos === 1) return { kind: 'acknowledge' };
  return variants.publishDenied5 === 'ignore' ? { kind: 'silence' } : close;
}
