import type { Clock } from '../base/clock.ts';

/** A session with a deadline, as its machine knows it. */
export interface DeadlineHolder {
  /** Milliseconds on the monotonic clock; infinity: none. */
  nextDeadlineMs(): number;
  /** The deadline has passed. */
  handleDeadline(nowMs: number): void;
}

/** Deadlines further off than this fall into the coarse buckets. */
const nearMs = 1_000;
const nearBucketMs = 5;
const farBucketMs = 250;

/** The longest that a timer can be set for. */
const maxTimerMs = 2_147_483_647;

/**
 * The deadlines of all sessions of a worker behind one timer. A session lies in the bucket of the deadline that it last
 * told; when that comes it is looked at and, as its deadline has mostly moved on by then, put back. So nothing is done per
 * packet, and an idle session costs one look per deadline.
 */
export class SessionDeadlines {
  readonly #clock: Clock;
  readonly #bucketByDueMs = new Map<number, Set<DeadlineHolder>>();
  readonly #dueMsByHolder = new Map<DeadlineHolder, number>();
  /** When the buckets are due, a heap: the first is the earliest. */
  readonly #dueTimes: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#dueMsByHolder.size;
  }

  /** Asks a session for its deadline and waits for it instead of the one before. */
  schedule(holder: DeadlineHolder): void {
    const deadlineMs = holder.nextDeadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      this.remove(holder);
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const bucketMs = deadlineMs - nowMs > nearMs ? farBucketMs : nearBucketMs;
    // Always ahead of now, so that a sweep comes to its end whatever a session answers.
    const dueMs = (Math.floor(Math.max(deadlineMs, nowMs) / bucketMs) + 1) * bucketMs;
    const before = this.#dueMsByHolder.get(holder);
    if (before === dueMs) return;
    if (before !== undefined) this.#bucketByDueMs.get(before)?.delete(holder);
    this.#dueMsByHolder.set(holder, dueMs);
    this.#bucketOf(dueMs).add(holder);
    if (dueMs < this.#timerDueMs) this.#arm(nowMs);
  }

  remove(holder: DeadlineHolder): void {
    const dueMs = this.#dueMsByHolder.get(holder);
    if (dueMs === undefined) return;
    this.#dueMsByHolder.delete(holder);
    this.#bucketByDueMs.get(dueMs)?.delete(holder);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#dueMsByHolder.clear();
    this.#bucketByDueMs.clear();
    this.#dueTimes.length = 0;
  }

  #bucketOf(dueMs: number): Set<DeadlineHolder> {
    const known = this.#bucketByDueMs.get(dueMs);
    if (known !== undefined) return known;
    const bucket = new Set<DeadlineHolder>();
    this.#bucketByDueMs.set(dueMs, bucket);
    pushDue(this.#dueTimes, dueMs);
    return bucket;
  }

  #arm(nowMs: number): void {
    clearTimeout(this.#timer);
    const dueMs = this.#dueTimes[0];
    this.#timerDueMs = dueMs ?? Number.POSITIVE_INFINITY;
    if (dueMs === undefined) return;
    // The sockets are read once more before anything is judged: a worker that was held up finds what came meanwhile.
    this.#timer = setTimeout(() => setImmediate(() => this.#sweep()), clampDelay(dueMs - nowMs));
    this.#timer.unref();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let dueMs = this.#dueTimes[0]; dueMs !== undefined && dueMs <= nowMs; dueMs = this.#dueTimes[0]) {
      shiftDue(this.#dueTimes);
      const bucket = this.#bucketByDueMs.get(dueMs);
      this.#bucketByDueMs.delete(dueMs);
      for (const holder of bucket ?? []) this.#look(holder, nowMs);
    }
    this.#arm(nowMs);
  }

  #look(holder: DeadlineHolder, nowMs: number): void {
    this.#dueMsByHolder.delete(holder);
    if (holder.nextDeadlineMs() <= nowMs) holder.handleDeadline(nowMs);
    this.schedule(holder);
  }
}

function clampDelay(delayMs: number): number {
  return Math.min(Math.max(1, Math.ceil(delayMs)), maxTimerMs);
}

function pushDue(heap: number[], dueMs: number): void {
  let at = heap.push(dueMs) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if ((heap[parent] as number) <= dueMs) break;
    heap[at] = heap[parent] as number;
    at = parent;
  }
  heap[at] = dueMs;
}

function shiftDue(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1;
    if ((heap[child] as number) >= last) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = last;
}
