import { z } from 'zod';

/** `GET /v1/bridge`: what the bridge's processes wrote on their board, beside what is wanted of its rules. */
export interface BridgeDocument {
  /** Those that live. */
  readonly processes: readonly BridgeProcessDocument[];
  /** In the configuration's order; then rules that it has no more and whose messages are still being finished. */
  readonly rules: readonly BridgeRuleDocument[];
  /** Why this gateway's own process of the bridge does not work; null where it does, or is not to. */
  readonly problem: string | null;
}

export interface BridgeProcessDocument {
  readonly process: string;
  readonly pid: number;
  /** RFC 3339 in UTC, like `seenAt`. */
  readonly startedAt: string;
  /** When it last wrote its figures. */
  readonly seenAt: string;
  readonly slots: number;
}

/**
 * `running`: every slot that should be is at work and its source has granted it. `waiting`: one is not, or there is none.
 * `paused`: their targets get nothing, the spool takes what comes. `stopped`: a message went round. `leaving`: all that it
 * has finishes and goes.
 */
export type BridgeRuleState = 'running' | 'paused' | 'stopped' | 'waiting' | 'leaving';

export const bridgeRuleStates = ['running', 'paused', 'stopped', 'waiting', 'leaving'] as const;

/** Milliseconds from arrival to PUBACK over the last minute; of several slots the longest. */
export interface BridgeLagDocument {
  readonly p50: number;
  readonly p999: number;
}

export interface BridgeSpoolDocument {
  readonly messages: number;
  readonly bytes: number;
  /** Bytes at which it takes no more; of a rule, of all its slots together. */
  readonly maxBytes: number;
  /** Half of it is used, or of the time after which what it holds becomes dead letters; of a rule, in some slot. */
  readonly alarm: boolean;
}

/** Messages since a slot began to be worked by its process; of a rule, of all its slots. */
export interface BridgeCountsDocument {
  readonly received: number;
  readonly carried: number;
  readonly carriedBytes: number;
  readonly spooled: number;
  readonly duplicatesSuppressed: number;
  readonly resent: number;
  readonly echoes: number;
  readonly loopsBroken: number;
  readonly sessionsLost: number;
  /** By reason. */
  readonly deadLetters: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

export interface BridgeFiguresDocument extends BridgeCountsDocument {
  /** Over the last seconds. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Null: nothing was carried in the last minute. */
  readonly lagMs: BridgeLagDocument | null;
  readonly spool: BridgeSpoolDocument;
}

export interface BridgeRuleDocument extends BridgeFiguresDocument {
  readonly name: string;
  /** Null, like `to`, `filter` and `order`: the configuration has no such rule any more. */
  readonly from: string | null;
  readonly to: string | null;
  readonly filter: string | null;
  /** The name of the share group; null: none. */
  readonly share: string | null;
  readonly order: 'parallel' | { readonly keyLevel: number } | null;
  readonly state: BridgeRuleState;
  /** An operator wants it paused; its state follows. */
  readonly paused: boolean;
  /** Members of the share group that are wanted; 0 without one: then its slots are partitions. */
  readonly members: number;
  readonly partitions: number;
  readonly slots: readonly BridgeSlotDocument[];
}

export interface BridgeSlotDocument extends BridgeFiguresDocument {
  readonly slot: string;
  readonly kind: 'member' | 'partition';
  /** From 0. */
  readonly index: number;
  readonly process: string;
  readonly state: 'running' | 'paused' | 'leaving' | 'stopped';
  /** The source has granted its subscription. */
  readonly subscribed: boolean;
  /** Why one of its connections is not open, or its subscription not granted; null: all is well. */
  readonly problem: string | null;
  /** Times that another client came in under one of its client IDs: another bridge has the same name. */
  readonly takeovers: number;
  /** Of the rule's traffic, 0 to 1: of the last seconds, or where nothing came then, of all; null: nothing came. */
  readonly share: number | null;
  readonly lanes: readonly { readonly lane: number; readonly open: boolean; readonly messages: number }[];
}

/** The part of `GET /v1/status`; null there: the configuration has no rules. */
export interface BridgeSummary {
  /** Rules by state. */
  readonly rules: Readonly<Record<BridgeRuleState, number>>;
  readonly processes: number;
  readonly spoolBytes: number;
  /** The longest p99.9 of all slots; null: nothing was carried in the last minute. */
  readonly worstLagMs: number | null;
  readonly problem: string | null;
}

/** Of one rule. */
export const maxMembers = 1_000;

/** The body of `POST /v1/bridge/rules/NAME/scale`. */
export interface ScaleBody {
  readonly members: number;
}

const count = z.int().min(0);
const timestamp = z.iso.datetime();
const byReason = z.record(z.string(), count);

const figures = {
  received: count,
  carried: count,
  carriedBytes: count,
  spooled: count,
  duplicatesSuppressed: count,
  resent: count,
  echoes: count,
  loopsBroken: count,
  sessionsLost: count,
  deadLetters: byReason,
  dropped: byReason,
  messagesPerSecond: z.number().min(0),
  bytesPerSecond: z.number().min(0),
  lagMs: z.object({ p50: z.number().min(0), p999: z.number().min(0) }).nullable(),
  spool: z.object({ messages: count, bytes: count, maxBytes: count, alarm: z.boolean() }),
};

const slotDocument = z.object({
  ...figures,
  slot: z.string(),
  kind: z.enum(['member', 'partition']),
  index: count,
  process: z.string(),
  state: z.enum(['running', 'paused', 'leaving', 'stopped']),
  subscribed: z.boolean(),
  problem: z.string().nullable(),
  takeovers: count,
  share: z.number().min(0).max(1).nullable(),
  lanes: z.array(z.object({ lane: count, open: z.boolean(), messages: count })),
}) satisfies z.ZodType<BridgeSlotDocument>;

export const bridgeRuleDocument = z.object({
  ...figures,
  name: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  filter: z.string().nullable(),
  share: z.string().nullable(),
  order: z.union([z.literal('parallel'), z.object({ keyLevel: z.int().min(1) })]).nullable(),
  state: z.enum(bridgeRuleStates),
  paused: z.boolean(),
  members: count,
  partitions: z.int().min(1),
  slots: z.array(slotDocument),
}) satisfies z.ZodType<BridgeRuleDocument>;

export const bridgeDocument = z.object({
  processes: z.array(
    z.object({ process: z.string(), pid: count, startedAt: timestamp, seenAt: timestamp, slots: count }),
  ),
  rules: z.array(bridgeRuleDocument),
  problem: z.string().nullable(),
}) satisfies z.ZodType<BridgeDocument>;

export const bridgeSummary = z.object({
  rules: z.object({ running: count, paused: count, stopped: count, waiting: count, leaving: count }),
  processes: count,
  spoolBytes: count,
  worstLagMs: z.number().min(0).nullable(),
  problem: z.string().nullable(),
}) satisfies z.ZodType<BridgeSummary>;
