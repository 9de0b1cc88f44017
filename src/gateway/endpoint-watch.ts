/** What one worker has of a broker; milliseconds on the monotonic clock. */
export interface BrokerLife {
  /** When any connection last brought bytes; undefined: none ever did. */
  readonly heardMs: number | undefined;
  /** When it was last found not to answer, and no endpoint of it has been heard from since that it failed; else undefined. */
  readonly failedMs: number | undefined;
}

/** What all connections of a worker to one endpoint tell of it; shared by them. */
export class EndpointWatch {
  /** Monotonic milliseconds of the last bytes. Written for every read. */
  heardMs = Number.NEGATIVE_INFINITY;
  #failedMs = Number.NEGATIVE_INFINITY;

  /** What it was asked at `askedMs` has no answer. That says nothing where another connection has brought bytes since. */
  noteUnanswered(askedMs: number, nowMs: number): void {
    if (this.heardMs < askedMs) this.#failedMs = nowMs;
  }

  /** Undefined: it has been heard from since, or never failed. */
  get failedMs(): number | undefined {
    return this.#failedMs > this.heardMs ? this.#failedMs : undefined;
  }
}

/** A broker has failed when each of its endpoints has. */
export function brokerLife(watches: readonly EndpointWatch[]): BrokerLife {
  const heardMs = Math.max(...watches.map((watch) => watch.heardMs));
  const failures = watches.flatMap(({ failedMs }) => failedMs ?? []);
  return {
    heardMs: Number.isFinite(heardMs) ? heardMs : undefined,
    failedMs: failures.length === watches.length ? Math.max(...failures) : undefined,
  };
}
