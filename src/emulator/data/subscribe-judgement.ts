import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import { reasonCode } from '../../mqtt/reason-code.ts';
import type { SubscribePacket, SubscriptionRequest } from '../../mqtt/subscribe-packet.ts';
import { parseTopicFilter } from '../../mqtt/topic.ts';
import type { BrokerTerms } from './broker-terms.ts';
import { type RefusalReason, refusalRules } from './refusal.ts';
import { filterFault, type TopicFault } from './topic-rules.ts';

/** What becomes of a SUBSCRIBE: the connection ends, nothing at all, or a SUBACK. */
export type SubscribeVerdict =
  | { readonly kind: 'close'; readonly reason: RefusalReason }
  | { readonly kind: 'silence'; readonly reason: RefusalReason }
  | { readonly kind: 'suback'; readonly results: readonly FilterResult[] };

/** One for each filter, in their order. */
export interface FilterResult {
  readonly request: SubscriptionRequest;
  /** Of the SUBACK. */
  readonly code: number;
  /** Why it was not granted. */
  readonly refused?: RefusalReason;
}

export interface SubscribeQuestion {
  readonly packet: SubscribePacket;
  readonly protocol: ProtocolVersion;
  /** Filters that the connection has. */
  readonly subscriptions: ReadonlyMap<string, unknown>;
  /** `filter` without `$share/name/`. */
  readonly allows: (filter: string) => boolean;
  /** Whether the account's rate has room for so many filters. */
  readonly hasRate: boolean;
}

const reasonByFault: Readonly<Record<TopicFault, RefusalReason>> = {
  'topic-too-long': 'filter-too-long',
  'topic-too-deep': 'filter-too-deep',
  'reserved-topic': 'reserved-filter',
};

export function judgeSubscribe(question: SubscribeQuestion, terms: BrokerTerms): SubscribeVerdict {
  const { packet } = question;
  const { profile, variants } = terms;
  const closeOr = (variant: string) => (variant === 'ignore' ? 'silence' : 'close');
  if (packet.subscriptionIdentifier !== undefined) return { kind: 'close', reason: 'subscription-identifier' };
  if (packet.requests.length > profile.filtersPerSubscribe) {
    return { kind: closeOr(variants.tooManyFilters), reason: 'too-many-filters' };
  }
  if (packet.requests.some(({ qos }) => qos === 2)) {
    return { kind: closeOr(variants.qos2), reason: 'qos2-subscribe' };
  }
  const held = new Set(question.subscriptions.keys());
  const results: FilterResult[] = [];
  for (const request of packet.requests) {
    const refusal = filterRefusal(request.filter, held, question, terms);
    if (refusal === undefined) {
      held.add(request.filter);
      results.push({ request, code: request.qos });
      continue;
    }
    if (refusal.closes) return { kind: 'close', reason: refusal.reason };
    const code = question.protocol === '5' ? refusalRules[refusal.reason].code : 0x80;
    results.push({ request, code, refused: refusal.reason });
  }
  return { kind: 'suback', results };
}

interface FilterRefusal {
  readonly reason: RefusalReason;
  readonly closes: boolean;
}

function filterRefusal(
  filter: string,
  held: ReadonlySet<string>,
  { protocol, allows, hasRate }: SubscribeQuestion,
  { profile, variants }: BrokerTerms,
): FilterRefusal | undefined {
  const isFive = protocol === '5';
  const fault = filterFault(filter, profile);
  if (fault !== undefined) {
    return { reason: reasonByFault[fault], closes: !isFive || variants.invalidFilter5 === 'disconnect' };
  }
  if (!allows(parseTopicFilter(filter).filter)) {
    return { reason: 'subscribe-denied', closes: !isFive && variants.subscribeDenied === 'close' };
  }
  if (!held.has(filter) && held.size >= profile.subscriptionsPerConnection) {
    return { reason: 'too-many-subscriptions', closes: variants.tooManySubscriptions === 'close' };
  }
  return hasRate ? undefined : { reason: 'subscribe-rate', closes: false };
}

/** The codes of the UNSUBACK of MQTT 5; AWS's list has no 0x11, so a filter that was not there is a success too. */
export function unsubackCodes(filters: readonly string[]): number[] {
  return filters.map(() => reasonCode.success);
}
