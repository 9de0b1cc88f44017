import type { TopicUse } from '../mqtt/topic-pattern.ts';

/** That a device uses topics of a pattern. */
export interface UsedTopic {
  readonly clientId: string;
  readonly cohort: string;
  readonly use: TopicUse;
  readonly pattern: string;
  /** It stands for more topics than were seen. */
  readonly isWidened: boolean;
}

/** Where a worker's sessions tell which topics their devices use; it only notes. */
export interface DeviceTopics {
  used(topic: UsedTopic): void;
}
