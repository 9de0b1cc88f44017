import type { Clock } from '../../base/clock.ts';
import { RevocationLists } from '../../tls/revocation.ts';
import type { TrustedAuthorities } from '../../tls/trusted-authorities.ts';

export interface RevocationSourceOptions {
  /** Where the lists are: `https:` and `http:` URLs, or paths of files. */
  readonly sources: readonly string[];
  /** Milliseconds after which they are read again. */
  readonly refreshMs: number;
}

export interface RevocationSourceDeps {
  /** The content of one source; rejects when there is none. */
  readonly read: (source: string) => Promise<Uint8Array>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** Milliseconds until a source that could not be read is tried again: the calls in between must not wait for it. */
const retryMs = 30_000;

/**
 * The revocation lists of a function, kept between its calls. A source that cannot be read leaves its last good list in
 * force until that is past its next update.
 */
export class RevocationSource {
  readonly #options: RevocationSourceOptions;
  readonly #deps: RevocationSourceDeps;
  readonly #trusted: TrustedAuthorities;
  #lists: Promise<RevocationLists> | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(trusted: TrustedAuthorities, options: RevocationSourceOptions, deps: RevocationSourceDeps) {
    this.#trusted = trusted;
    this.#options = options;
    this.#deps = deps;
  }

  /** Never rejects. */
  current(): Promise<RevocationLists> {
    const nowMs = this.#deps.clock.wallMs();
    if (this.#lists === undefined || nowMs >= this.#dueMs) {
      this.#dueMs = nowMs + this.#options.refreshMs;
      this.#lists = this.#load(this.#lists, nowMs);
    }
    return this.#lists;
  }

  async #load(previous: Promise<RevocationLists> | undefined, nowMs: number): Promise<RevocationLists> {
    const crls = await Promise.all(
      this.#options.sources.map(async (file) => {
        try {
          return { file, content: await this.#deps.read(file) };
        } catch {
          this.#dueMs = Math.min(this.#dueMs, nowMs + retryMs);
          return { file };
        }
      }),
    );
    return RevocationLists.load(crls, this.#trusted, await previous);
  }
}
