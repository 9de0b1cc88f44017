import type { Obstacle } from '../../mqtt/adaptation-kind.ts';
import { type BrokerProfile, topicObstacle } from '../../mqtt/broker-profiles.ts';
import { topicNameFault } from '../../mqtt/topic.ts';
import { changedTopic, type TopicRule } from '../../mqtt/topic-rule.ts';
import type { BridgedMessage } from './bridged-message.ts';

export type DropReason = 'echo' | 'retained';
/** Why the target cannot be given a message, known before it is tried. */
export type MessageObstacle = Obstacle | 'topic-malformed' | 'topic-unmappable';

export type MessageJudgement =
  | { readonly kind: 'carry'; readonly message: BridgedMessage }
  | { readonly kind: 'drop'; readonly reason: DropReason }
  | { readonly kind: 'undeliverable'; readonly reason: MessageObstacle };

/** What is known of the source where the message came from. */
export interface SourceView {
  /** RETAIN is as it was published (MQTT 5's Retain As Published), and nothing stored is sent unasked. */
  readonly showsRetain: boolean;
  /** What comes with RETAIN is what the source had stored when the rule first subscribed. */
  readonly isSeeding: boolean;
}

export interface ArrivalView {
  readonly rule: TopicRule;
  readonly target: BrokerProfile;
  readonly source: SourceView;
  /** False: the end of the payload is missing. */
  readonly isWhole: boolean;
  /** It was published by this bridge, as far as can be told without marks. */
  readonly isEcho: boolean;
}

/** What becomes of a message that came, and the form in which it goes on. */
export function judgeMessage(
  message: BridgedMessage,
  { rule, target, source, isWhole, isEcho }: ArrivalView,
): MessageJudgement {
  if (message.isMarked || isEcho) return { kind: 'drop', reason: 'echo' };
  const retain = retainAtTarget(message.retain, rule, source);
  if (retain === undefined) return { kind: 'drop', reason: 'retained' };
  if (topicNameFault(message.topic) !== undefined) return { kind: 'undeliverable', reason: 'topic-malformed' };
  const topic = changedTopic(message.topic, rule.topicChange);
  if (topic === undefined) return { kind: 'undeliverable', reason: 'topic-unmappable' };
  const obstacle = topicObstacle(topic, target);
  if (obstacle !== undefined) return { kind: 'undeliverable', reason: obstacle };
  const isTooLarge = !isWhole || message.payload.length > target.maxPayloadBytes;
  if (isTooLarge) return { kind: 'undeliverable', reason: 'payload-size' };
  const isSame = topic === message.topic && retain === message.retain && message.qos !== 2;
  return { kind: 'carry', message: isSame ? message : { ...message, topic, retain, qos: message.qos === 0 ? 0 : 1 } };
}

/**
 * Undefined: the message is not carried. Where the source does not show RETAIN as it was published, RETAIN means
 * that the message was stored there, and a live message never has it.
 */
function retainAtTarget(isRetained: boolean, { retained }: TopicRule, source: SourceView): boolean | undefined {
  if (source.showsRetain) return retained !== 'never' && isRetained;
  if (!isRetained) return false;
  return retained === 'seed' && source.isSeeding ? true : undefined;
}
