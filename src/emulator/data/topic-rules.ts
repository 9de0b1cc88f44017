import { type BrokerProfile, topicObstacle } from '../../mqtt/broker-profiles.ts';
import { parseTopicFilter } from '../../mqtt/topic.ts';

/** Why AWS would not take a topic name or a filter that MQTT allows. */
export type TopicFault = 'topic-too-long' | 'topic-too-deep' | 'reserved-topic';

const faultByObstacle: Readonly<Record<string, TopicFault>> = {
  'topic-length': 'topic-too-long',
  'topic-depth': 'topic-too-deep',
  'reserved-topic': 'reserved-topic',
};

/** AWS publishes here itself. */
const ownTopics = '$aws/events/';
/** Basic Ingest: published to, and never subscribed to. */
const ingestPrefix = '$aws/rules/';

/** Share names have 128 characters at most (AWS developer guide). */
const maxShareName = 128;

export function publishTopicFault(topic: string, profile: BrokerProfile): TopicFault | undefined {
  const obstacle = topicObstacle(topic, profile);
  if (obstacle !== undefined) return faultByObstacle[obstacle];
  return topic.startsWith(ownTopics) ? 'reserved-topic' : undefined;
}

/** `filter` with `$share/name/`, if it has that. */
export function filterFault(text: string, profile: BrokerProfile): TopicFault | undefined {
  const { filter, shareName } = parseTopicFilter(text);
  if (shareName !== undefined && shareName.length > maxShareName) return 'topic-too-long';
  const obstacle = topicObstacle(filter, profile);
  if (obstacle !== undefined) return faultByObstacle[obstacle];
  return filter.startsWith(ingestPrefix) ? 'reserved-topic' : undefined;
}

export function isReserved(topic: string): boolean {
  return topic.startsWith('$');
}

/** What is published there reaches the rules engine, and no subscriber. */
export function isIngest(topic: string): boolean {
  return topic.startsWith(ingestPrefix);
}
