/** Counts by hash in a fixed amount of memory; every row has the time at which its counts began. */
export interface WindowTable {
  /** The row of a hash; new ones have begun long ago. */
  rowOf(hash: number, nowMs: number): number;
  /** The row's counts began less than `withinMs` ago. */
  isCurrent(row: number, nowMs: number, withinMs: number): boolean;
  /** All counts 0, from now on. */
  restart(row: number, nowMs: number): void;
  add(row: number, column: number, amount: number): void;
  valueAt(row: number, column: number): number;
}

export interface WindowTableOptions {
  /** Rounded up to a power of two. */
  readonly rows: number;
  readonly columns: number;
  /** Rows that began less than this ago are in use. */
  readonly inUseMs: number;
  /** What a hash gets when all places that it may take are in use: a row together with others, or the one begun first. */
  readonly whenFull: 'share' | 'replace';
}

/** Rows that a hash may take: a table of four places each is full only where nearly all of it is. */
const places = 4;

export function createWindowTable({ rows, columns, inUseMs, whenFull }: WindowTableOptions): WindowTable {
  const sets = 2 ** Math.ceil(Math.log2(Math.max(1, rows / places)));
  const tags = new Uint32Array(sets * places);
  const beganMs = new Float64Array(sets * places).fill(Number.NEGATIVE_INFINITY);
  const counts = new Uint32Array(sets * places * columns);

  function isCurrent(row: number, nowMs: number, withinMs: number): boolean {
    const ageMs = nowMs - (beganMs[row] ?? 0);
    return ageMs >= 0 && ageMs < withinMs;
  }

  return {
    rowOf(hash, nowMs) {
      const tag = hash >>> 0;
      const first = (tag & (sets - 1)) * places;
      let oldest = first;
      for (let row = first; row < first + places; row += 1) {
        if (tags[row] === tag) return row;
        if ((beganMs[row] ?? 0) < (beganMs[oldest] ?? 0)) oldest = row;
      }
      if (whenFull === 'share' && isCurrent(oldest, nowMs, inUseMs)) return first;
      tags[oldest] = tag;
      beganMs[oldest] = Number.NEGATIVE_INFINITY;
      counts.fill(0, oldest * columns, (oldest + 1) * columns);
      return oldest;
    },
    isCurrent,
    restart(row, nowMs) {
      beganMs[row] = nowMs;
      counts.fill(0, row * columns, (row + 1) * columns);
    },
    add(row, column, amount) {
      counts[row * columns + column] = (counts[row * columns + column] ?? 0) + amount;
    },
    valueAt(row, column) {
      return counts[row * columns + column] ?? 0;
    },
  };
}
