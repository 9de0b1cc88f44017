import { type DelaysByPhase, PhasedDelays } from '../handover/delay-histogram.ts';
import { SequenceSet } from '../handover/sequence-set.ts';
import type { TrafficMessage } from './traffic-plan.ts';

/** A first delivery that came behind a later message of its key. */
export interface Disorder {
  readonly key: number;
  readonly number: number;
  /** The largest of its key that was there already. */
  readonly behind: number;
  /** Machine milliseconds. */
  readonly atMs: number;
}

export interface HearingReport {
  /** Different messages. */
  readonly count: number;
  readonly disorders: readonly Disorder[];
  readonly disorderCount: number;
  /** Machine milliseconds of each delivery that was not the first of its message. */
  readonly duplicatesMs: readonly number[];
  readonly delays: DelaysByPhase;
}

const toldDisorders = 1_000;

/** What one side heard of the other: which messages, in which order, how late, and what twice. */
export class Hearing {
  readonly #numbersByKey = new Map<number, SequenceSet>();
  readonly #disorders: Disorder[] = [];
  readonly #duplicatesMs: number[] = [];
  readonly #delays = new PhasedDelays();
  #count = 0;
  #disorderCount = 0;

  set phase(phase: string) {
    this.#delays.phase = phase;
  }

  get count(): number {
    return this.#count;
  }

  hear({ key, number, madeMs }: TrafficMessage, nowMs: number): void {
    const numbers = this.#numbersByKey.get(key) ?? new SequenceSet();
    this.#numbersByKey.set(key, numbers);
    const { largest } = numbers;
    if (numbers.has(number)) this.#duplicatesMs.push(nowMs);
    else {
      this.#count += 1;
      this.#delays.add(nowMs - madeMs);
      if (number < largest) {
        this.#disorderCount += 1;
        if (this.#disorders.length < toldDisorders) this.#disorders.push({ key, number, behind: largest, atMs: nowMs });
      }
    }
    numbers.add(number);
  }

  /** Of `last`, by key: those from 1 on that did not come. */
  missing(last: readonly number[]): readonly { readonly key: number; readonly numbers: readonly number[] }[] {
    return last.flatMap((largest, key) => {
      const numbers = (this.#numbersByKey.get(key) ?? new SequenceSet()).missing(largest);
      return numbers.length === 0 ? [] : [{ key, numbers }];
    });
  }

  report(): HearingReport {
    return {
      count: this.#count,
      disorders: this.#disorders,
      disorderCount: this.#disorderCount,
      duplicatesMs: this.#duplicatesMs,
      delays: this.#delays.summaries(),
    };
  }
}
