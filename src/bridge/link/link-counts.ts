/** Upper bounds of the lag histogram, in milliseconds from a message's arrival to its PUBACK; what is above has a bucket of its own. */
export const lagBoundsMs = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

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
  readonly lagBuckets = new Float64Array(lagBoundsMs.length + 1);
  lagSumMs = 0;

  receive(payloadBytes: number): void {
    this.received += 1;
    this.receivedBytes += payloadBytes;
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

  carry(payloadBytes: number, lagMs: number): void {
    this.carried += 1;
    this.carriedBytes += payloadBytes;
    this.lagSumMs += lagMs;
    let bucket = 0;
    while (bucket < lagBoundsMs.length && lagMs > (lagBoundsMs[bucket] as number)) bucket += 1;
    this.lagBuckets[bucket] = (this.lagBuckets[bucket] as number) + 1;
  }
}
