import type { SlotPlace } from './division/slot.ts';

/**
 * `running`; `paused`: the target gets nothing, the spool takes what comes; `leaving`: it finishes and goes;
 * `stopped`: a message went round.
 */
export type SlotState = 'running' | 'paused' | 'leaving' | 'stopped';

/** Messages since the slot began to be worked by its process. */
export interface SlotMessages {
  readonly received: number;
  readonly carried: number;
  readonly carriedBytes: number;
  readonly spooled: number;
  readonly duplicatesSuppressed: number;
  readonly resent: number;
  readonly echoes: number;
  readonly loopsBroken: number;
  readonly sessionsLost: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** From a message's arrival at the bridge to its PUBACK, over the last minute; undefined where there was none. */
export interface SlotLag {
  readonly p50Ms: number;
  readonly p999Ms: number;
}

export interface LaneStatus {
  readonly number: number;
  readonly isOpen: boolean;
  /** Messages that it holds, on the way and waiting. */
  readonly messages: number;
}

export interface SlotStatus {
  readonly rule: string;
  /** Names it among the slots of its rule. */
  readonly slot: string;
  readonly place: SlotPlace;
  readonly state: SlotState;
  /** The source has granted its subscription. */
  readonly isSubscribed: boolean;
  /** Times that another client came in under one of its client IDs. */
  readonly takeovers?: number;
  /** Why one of its connections is not open, or its subscription not granted. */
  readonly problem?: string;
  readonly lanes: readonly LaneStatus[];
  readonly messages: SlotMessages;
  /** Over the last seconds. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly lag?: SlotLag;
  /** `isAlarming`: half of its bytes is used, or of the time after which what it holds becomes dead letters. */
  readonly spool: { readonly messages: number; readonly bytes: number; readonly isAlarming?: boolean };
}

/** What one process says of its slots, as it stands on the board. */
export interface ProcessStatus {
  readonly process: string;
  readonly pid: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly writtenAtMs: number;
  readonly slots: readonly SlotStatus[];
}

/** What an operator wants of a rule; what is absent is as the configuration has it. */
export interface RuleWish {
  readonly members?: number;
  readonly isPaused?: boolean;
  /** Counts how often somebody resumed it: slots that a loop stopped begin again when it rises. */
  readonly resumes?: number;
}

/** By the rule's name. */
export type RuleWishes = Readonly<Record<string, RuleWish>>;

/** The board: where the processes of a bridge say what they see, and read what is wanted of them. */
export interface BridgeBoard {
  /** Of the processes that live. */
  readStatuses(): readonly ProcessStatus[];
  readWishes(): RuleWishes;
  /** Changes one rule's wish; the processes follow within a second. Throws CrossfadeError `bridge` where it cannot be written. */
  changeWish(rule: string, change: RuleWish): void;
}
