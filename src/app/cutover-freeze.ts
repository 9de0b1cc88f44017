import type { FreezeDocument } from '../admin/admin-api.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Freeze, MoveJournal } from './move-journal.ts';

export interface CutoverFreezeDeps {
  readonly clock: Clock;
  readonly journal: Pick<MoveJournal, 'freeze' | 'setFreeze'>;
  readonly log: Logger;
  /** It has ended by itself. */
  readonly onEnded?: () => void;
}

/** The clock that says when it ends may be set meanwhile, and a timer takes no more than 24 days: milliseconds. */
const longestWaitMs = 60_000;

/** While it is in force no cutover starts and none goes on. It survives restarts and ends by itself. */
export class CutoverFreeze {
  readonly #deps: CutoverFreezeDeps;
  #freeze: Freeze | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: CutoverFreezeDeps) {
    this.#deps = deps;
    try {
      this.#freeze = deps.journal.freeze();
    } catch (error) {
      deps.log.error(
        { error: errorMessage(error) },
        'Whether cutovers are frozen cannot be read: taken for not frozen',
      );
    }
    this.#arm();
  }

  get current(): Freeze | undefined {
    const until = this.#freeze?.until;
    return until !== undefined && until <= this.#deps.clock.wallMs() ? undefined : this.#freeze;
  }

  /** Takes the place of an earlier one. */
  begin({ author, reason, forMs }: Pick<Freeze, 'author' | 'reason'> & { readonly forMs?: number }): Freeze {
    const at = this.#deps.clock.wallMs();
    const freeze = { author, reason, at, ...(forMs !== undefined && { until: at + forMs }) };
    this.#keep(freeze);
    return freeze;
  }

  /** Returns what was in force. */
  lift(): Freeze | undefined {
    const lifted = this.current;
    if (lifted !== undefined) this.#keep(undefined);
    return lifted;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const until = this.#freeze?.until;
    if (until === undefined) return;
    const waitMs = Math.min(longestWaitMs, Math.max(1, until - this.#deps.clock.wallMs()));
    this.#timer = setTimeout(() => this.#endWhenDue(), waitMs);
  }

  #endWhenDue(): void {
    if (this.current !== undefined) {
      this.#arm();
      return;
    }
    this.#keep(undefined);
    this.#deps.onEnded?.();
  }

  #keep(freeze: Freeze | undefined): void {
    this.#freeze = freeze;
    this.#arm();
    try {
      this.#deps.journal.setFreeze(freeze);
    } catch (error) {
      this.#deps.log.error({ error: errorMessage(error) }, 'The freeze of cutovers would not survive a restart');
    }
  }
}

export function toFreezeDocument({ author, reason, at, until }: Freeze): FreezeDocument {
  const timestamp = (ms: number) => new Date(ms).toISOString();
  return { author, reason, at: timestamp(at), until: until === undefined ? null : timestamp(until) };
}

/** Who froze, why and until when, in one sentence. */
export function describeFreeze(freeze: Freeze): string {
  const { author, until } = toFreezeDocument(freeze);
  const end = until === null ? 'until it is lifted' : `until ${until}`;
  return `cutovers are frozen by ${author} ${end}: ${freeze.reason}`;
}
