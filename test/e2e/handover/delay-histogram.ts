/** Delays in steps of a millisecond; what is longer than the longest counts as that. */
export class DelayHistogram {
  readonly #counts = new Uint32Array(longestMs + 1);
  #count = 0;

  add(delayMs: number): void {
    const step = Math.max(0, Math.min(longestMs, Math.round(delayMs)));
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#count += 1;
  }

  summary(): DelaySummary {
    return {
      count: this.#count,
      p50Ms: this.#quantile(0.5),
      p99Ms: this.#quantile(0.99),
      p999Ms: this.#quantile(0.999),
      largestMs: this.#quantile(1),
    };
  }

  #quantile(share: number): number {
    const rank = Math.ceil(this.#count * share);
    let seen = 0;
    for (let step = 0; step <= longestMs; step += 1) {
      seen += this.#counts[step] ?? 0;
      if (seen >= rank) return step;
    }
    return 0;
  }
}

export interface DelaySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly largestMs: number;
}

export type DelaysByPhase = Readonly<Record<string, DelaySummary>>;

/** One histogram for each phase of a run. */
export class PhasedDelays {
  readonly #histograms = new Map<string, DelayHistogram>();
  #phase = 'before';
  #current = this.#of('before');

  set phase(phase: string) {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#current = this.#of(phase);
  }

  add(delayMs: number): void {
    this.#current.add(delayMs);
  }

  summaries(): DelaysByPhase {
    return Object.fromEntries([...this.#histograms].map(([phase, histogram]) => [phase, histogram.summary()]));
  }

  #of(phase: string): DelayHistogram {
    const known = this.#histograms.get(phase) ?? new DelayHistogram();
    this.#histograms.set(phase, known);
    return known;
  }
}

const longestMs = 120_000;

/** The same clock in every process of the machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
