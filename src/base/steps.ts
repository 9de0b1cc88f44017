/** Long work that may be interrupted: it yields now and then, and whoever runs it decides when it goes on. */
export type Steps<Value> = Generator<undefined, Value>;

/** Steps that yield after every so many, so that a slice is neither a lap of the loop nor the whole of it. */
export const itemsOfStep = 64;

/** All of it, without a pause. */
export function runAtOnce<Value>(steps: Steps<Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

export interface SliceOptions {
  /** What a slice may last before the next pause. */
  readonly sliceMs: number;
  readonly nowMs: () => number;
  /** Settles when others had their turn. */
  readonly pause: () => Promise<void>;
}

/** All of it, with a pause after every slice. Rejects with what the work throws. */
export async function runInSlices<Value>(steps: Steps<Value>, { sliceMs, nowMs, pause }: SliceOptions): Promise<Value> {
  for (let endMs = nowMs() + sliceMs; ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (nowMs() < endMs) continue;
    await pause();
    endMs = nowMs() + sliceMs;
  }
}
