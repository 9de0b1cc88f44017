import type { BrokerProfile } from '../../mqtt/broker-profiles.ts';
import type { ProtocolVersion } from '../../mqtt/control-packet.ts';
import type { SubscriptionRequest } from '../../mqtt/subscribe-packet.ts';
import type { TopicRule } from '../../mqtt/topic-rule.ts';
import type { ClientTerms } from './broker-client.ts';
import type { LaneLimits, LaneRefusal } from './lane.ts';
import type { Partition } from './lane-choice.ts';
import type { LinkItem, SpooledMessage } from './link-item.ts';
import type { EchoWindows } from './loop-guard.ts';
import type { MessageObstacle } from './message-judgement.ts';

/** Why a message became a dead letter. `too-old`: it waited for longer than the spool keeps anything. */
export type BurialReason = MessageObstacle | LaneRefusal;

export type LinkEvent =
  | { readonly kind: 'subscribed' | 'subscription-refused'; readonly code: number }
  /** The target does not keep up: messages go to the spool from now on; and: the lanes have caught up. */
  | { readonly kind: 'spooling' | 'caught-up' | 'spool-failed' }
  | { readonly kind: 'loop'; readonly topic: string };

/** The effects of a link, beside those of its connections. */
export interface LinkPort {
  /** To the end of the spool; answered by `handleSynced` or `handleSpoolFailed`. */
  append(record: SpooledMessage): void;
  /** Answered by `handleRead` with the record at the position and those behind it, as many as are sensible. */
  read(position: number): void;
  /** Records before the position are not needed any more. */
  release(position: number): void;
  /** To the dead letters; answered by `handleBuried` when it is on disk, however long that takes. */
  bury(item: LinkItem, reason: BurialReason): void;
  tell(event: LinkEvent, nowMs: number): void;
  wallMs(): number;
}

export interface LinkOptions {
  readonly rule: TopicRule;
  /** The part of the keys that is this link's; what is another's is acknowledged and goes no further. */
  readonly partition?: Partition;
  readonly lanes: number;
  readonly source: {
    readonly terms: ClientTerms;
    readonly subscription: SubscriptionRequest;
    /** RETAIN comes as it was published. */
    readonly showsRetain: boolean;
  };
  readonly target: {
    terms(lane: number): ClientTerms;
    readonly protocol: ProtocolVersion;
    readonly profile: BrokerProfile;
    readonly limits: LaneLimits;
  };
  readonly echoes: EchoWindows;
  readonly breaker: { readonly repeats: number; readonly windowMs: number };
  readonly spool: {
    /** What it holds from before. */
    readonly kept: { readonly cursor: number; readonly nextPosition: number };
    /** Milliseconds that a message may wait for the target before it is written to the spool. */
    readonly afterMs: number;
    readonly maxAgeMs: number;
    /** Milliseconds between attempts to write to a spool that could not be written to. */
    readonly retryMs: number;
    /** Bytes of payloads that stay in memory though the spool has them. */
    readonly maxLineBytes: number;
  };
  /** Messages that a lane may hold before what stands in line waits; above the window, so that it is never idle. */
  readonly feedAhead: number;
  /** Messages that a lane may hold before one of QoS 0 is dropped. */
  readonly unacknowledgedAhead: number;
}
