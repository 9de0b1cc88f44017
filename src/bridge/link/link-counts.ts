import { RecentLag } from './recent-lag.ts';

/** Milliseconds that the lag is told of. */
const lagWindowMs = 60_000;

/** What a link has done, in messages since it began. */
export class LinkCounts {
  received = 0;
  receivedBytes = 0;
  /** At the target: acknowledged, or sent at QoS 0. */
  carried = 0;
  carriedBytes = 0;
  /** Resends of the source that went no second time. */
  duplicatesSuppressed = 0;
  /** PUBLISH packets sent again on another connection of a lane: the target may have them twice. */
  resent = 0;
  /** Our own messages that came back. */
  echoes = 0;
  loopsBroken = 0;
  spooled = 0;
  sessionsLost = 0;
  readonly droppedByReason = new Map<string, number>();
  readonly deadByReason = new Map<string, number>();
  /** From a message's arrival to its PUBACK. */
  readonly recentLag = new RecentLag(lagWindowMs);

  receive(payloadBytes: number): void {
    this.received += 1;
    this.receivedBytes += payloadBytes;
  }

  suppressDuplicate(): void {
    this.duplicatesSuppressed += 1;
  }

  loseSession(): void {
    this.sessionsLost += 1;
  }

  drop(reason: string): void {
    this.droppedByReason.set(reason, (this.droppedByReason.get(reason) ?? 0) + 1);
  }

  bury(reason: string): void {
    this.deadByReason.set(reason, (this.deadByReason.get(reason) ?? 0) + 1);
  }

  carry(payloadBytes: number, arrivedMs: number, nowMs: number): void {
    this.carried += 1;
    this.carriedBytes += payloadBytes;
    this.recentLag.note(nowMs - arrivedMs, nowMs);
  }
}
