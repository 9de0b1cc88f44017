import type { ProcessStatus, SlotStatus } from '../../src/bridge/bridge-status.ts';
import { type TopicRule, unchangedTopic } from '../../src/mqtt/topic-rule.ts';

const noMessages: SlotStatus['messages'] = {
  received: 0,
  carried: 0,
  carriedBytes: 0,
  spooled: 0,
  duplicatesSuppressed: 0,
  resent: 0,
  echoes: 0,
  loopsBroken: 0,
  sessionsLost: 0,
  dropped: {},
  deadLetters: {},
};

/** A slot that runs well. */
export function aSlot(slot: Partial<SlotStatus> & Pick<SlotStatus, 'rule'>): SlotStatus {
  return {
    slot: '0',
    place: { kind: 'member', index: 0, count: 1 },
    state: 'running',
    isSubscribed: true,
    lanes: [],
    messages: noMessages,
    messagesPerSecond: 0,
    bytesPerSecond: 0,
    spool: { messages: 0, bytes: 0 },
    ...slot,
  };
}

export function aProcess(slots: readonly SlotStatus[]): ProcessStatus {
  return { process: 'one', pid: 1, startedAtMs: 0, writtenAtMs: 0, slots };
}

export function aRule(rule: Pick<TopicRule, 'name' | 'from' | 'to' | 'filter'>): TopicRule {
  const terms = { qos: 1, order: 'parallel', retained: 'never', undeliverable: 'dead-letter' } as const;
  return { ...terms, topicChange: unchangedTopic, ...rule };
}
