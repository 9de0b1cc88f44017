interface Entry {
  readonly atMs: number;
  readonly run: ((nowMs: number) => void) | undefined;
}

/** Takes a deadline back; done twice or too late it does nothing. */
export type Cancel = () => void;

/**
 * What is to happen at which moment. It has no timer: whoever has one runs what is due, and is told when the earliest
 * deadline changes.
 */
export class Agenda {
  /** A binary heap, the earliest first; a cancelled entry stays until it comes to the top. */
  readonly #heap: { entry: Entry; isCancelled: boolean }[] = [];
  readonly #handleChange: (nextAtMs: number | undefined) => void;
  #toldAtMs: number | undefined;
  #cancelled = 0;

  constructor(handleChange: (nextAtMs: number | undefined) => void = () => {}) {
    this.#handleChange = handleChange;
  }

  get nextAtMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.entry.atMs;
  }

  at(atMs: number, run: (nowMs: number) => void): Cancel {
    const item: { entry: Entry; isCancelled: boolean } = { entry: { atMs, run }, isCancelled: false };
    this.#heap.push(item);
    this.#rise(this.#heap.length - 1);
    this.#tell();
    return () => {
      if (item.isCancelled) return;
      item.isCancelled = true;
      // Not held any longer than needed, though the entry stays in the heap.
      item.entry = { atMs, run: undefined };
      this.#cancelled += 1;
      if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#rebuild();
    };
  }

  /** Runs everything that is due, in the order of its moments; what is added meanwhile and due as well. */
  runDue(nowMs: number): void {
    for (let next = this.nextAtMs; next !== undefined && next <= nowMs; next = this.nextAtMs) {
      const item = this.#pop();
      if (item === undefined) break;
      item.isCancelled = true;
      item.entry.run?.(nowMs);
    }
    this.#tell();
  }

  #tell(): void {
    const next = this.nextAtMs;
    if (next === this.#toldAtMs) return;
    this.#toldAtMs = next;
    this.#handleChange(next);
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.isCancelled) {
      this.#pop();
      this.#cancelled -= 1;
    }
  }

  #rebuild(): void {
    const live = this.#heap.filter(({ isCancelled }) => !isCancelled);
    this.#heap.length = 0;
    this.#cancelled = 0;
    for (const item of live) {
      this.#heap.push(item);
      this.#rise(this.#heap.length - 1);
    }
  }

  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last !== undefined && last !== top) {
      heap[0] = last;
      this.#sink();
    }
    return top;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#atMs(parent) <= this.#atMs(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const smaller = this.#atMs(left + 1) < this.#atMs(left) ? left + 1 : left;
      if (this.#atMs(at) <= this.#atMs(smaller)) return;
      this.#swap(at, smaller);
      at = smaller;
    }
  }

  #atMs(index: number): number {
    return this.#heap[index]?.entry.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    const [first, second] = [heap[one], heap[other]];
    if (first === undefined || second === undefined) return;
    heap[one] = second;
    heap[other] = first;
  }
}
