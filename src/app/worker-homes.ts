import type { HomeStore } from '../session/home-store.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import { boundedRemains } from '../session/session-remains.ts';
import type { HomeChange } from './process-messages.ts';

/** Beyond this many, homes that change while the control process is away are no longer remembered. */
const homeChangesKept = 100_000;
/** The same for packet identifiers, all sessions together. */
const identifiersKept = 1_000_000;

/** What a worker knows of homes while no control process is there: the file, and what changed since. */
export class WorkerHomes {
  /** Opens the homes for reading; may throw. */
  readonly #open: () => HomeStore;
  readonly #changes = new Map<string, HomeChange>();
  #identifiers = 0;
  #file: HomeStore | undefined;

  constructor(open: () => HomeStore) {
    this.#open = open;
  }

  homeOf(clientId: string): string | undefined {
    const change = this.#changes.get(clientId);
    return change === undefined ? this.#read((file) => file.homeOf(clientId)) : change.broker;
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    const change = this.#changes.get(clientId);
    return change === undefined ? this.#read((file) => file.remainsOf(clientId)) : change.remains;
  }

  /** Without a broker: forgotten. */
  note(clientId: string, broker: string | undefined, remains?: SessionRemains): void {
    const earlier = this.#changes.get(clientId);
    if (clientId === '' || (earlier === undefined && this.#changes.size >= homeChangesKept)) return;
    this.#identifiers -= earlier?.remains?.received.length ?? 0;
    const kept = broker === undefined ? undefined : boundedRemains(remains);
    const isTaken = kept !== undefined && this.#identifiers + kept.received.length <= identifiersKept;
    if (isTaken) this.#identifiers += kept.received.length;
    this.#changes.set(clientId, {
      clientId,
      ...(broker !== undefined && { broker }),
      ...(isTaken && { remains: kept }),
    });
  }

  /** What changed while the control process was away; kept until it says that it is noted. */
  changes(): readonly HomeChange[] {
    return [...this.#changes.values()];
  }

  /** The control process has them. */
  noted(): void {
    this.#changes.clear();
    this.#identifiers = 0;
  }

  /** The file is opened again when it is asked next: it may be another one then. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #read<Value>(ask: (file: HomeStore) => Value): Value | undefined {
    try {
      this.#file ??= this.#open();
      return ask(this.#file);
    } catch {
      return undefined;
    }
  }
}
