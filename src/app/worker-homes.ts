import { unknownSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import { boundedRemains } from '../session/session-remains.ts';
import type { HomeChange } from './process-messages.ts';

/** Beyond this many, homes that change while the control process is away are no longer remembered. */
const homeChangesKept = 100_000;
/** The same for packet identifiers, all sessions together. */
const identifiersKept = 1_000_000;
/** The same for characters of subscriptions. */
const charactersKept = 33_554_432;

/** What a worker knows of homes while no control process is there: the file, and what changed since. */
export class WorkerHomes {
  /** Opens the homes for reading; may throw. */
  readonly #open: () => HomeStore;
  readonly #changes = new Map<string, HomeChange>();
  #identifiers = 0;
  #characters = 0;
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
    if (change === undefined) return this.#read((file) => file.remainsOf(clientId));
    if (change.remains === undefined || change.remains.subscriptions !== undefined) return change.remains;
    const subscriptions = this.#read((file) => file.remainsOf(clientId))?.subscriptions;
    return { ...change.remains, ...(subscriptions !== undefined && { subscriptions }) };
  }

  /** Without a broker: forgotten. Without `remains`: the session began anew. */
  note(clientId: string, broker: string | undefined, remains?: SessionRemains): void {
    const earlier = this.#changes.get(clientId);
    if (clientId === '' || (earlier === undefined && this.#changes.size >= homeChangesKept)) return;
    const kept = this.#bounded(earlier, broker === undefined ? undefined : remains);
    this.#changes.set(clientId, {
      clientId,
      ...(broker !== undefined && { broker }),
      ...(kept !== undefined && { remains: kept }),
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
    this.#characters = 0;
  }

  /** The file is opened again when it is asked next: it may be another one then. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** What takes the place of the earlier change; of what finds no room, subscriptions are taken for not known. */
  #bounded(earlier: HomeChange | undefined, remains: SessionRemains | undefined): SessionRemains | undefined {
    this.#identifiers -= earlier?.remains?.received.length ?? 0;
    this.#characters -= earlier?.remains?.subscriptions?.length ?? 0;
    if (remains === undefined) return undefined;
    const stay = earlier === undefined ? undefined : (earlier.remains ?? nothingKnown).subscriptions;
    const { subscriptions = stay, received = [], ...rest } = boundedRemains(remains) ?? {};
    const hasRoom = this.#characters + (subscriptions?.length ?? 0) <= charactersKept;
    const taken = hasRoom ? subscriptions : unknownSubscriptions;
    const identifiers = this.#identifiers + received.length <= identifiersKept ? received : [];
    this.#identifiers += identifiers.length;
    this.#characters += taken?.length ?? 0;
    return { ...rest, received: identifiers, ...(taken !== undefined && { subscriptions: taken }) };
  }

  /** Once more on a file opened anew: the control process that comes back may have replaced its log. */
  #read<Value>(ask: (file: HomeStore) => Value): Value | undefined {
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        this.#file ??= this.#open();
        return ask(this.#file);
      } catch {
        this.#forgetFile();
      }
    }
    return undefined;
  }

  #forgetFile(): void {
    try {
      this.close();
    } catch {
      this.#file = undefined;
    }
  }
}

const nothingKnown: SessionRemains = { received: [], subscriptions: unknownSubscriptions };
