import { unknownSubscriptions } from '../mqtt/remembered-subscriptions.ts';
import type { HomeStore } from '../session/home-store.ts';
import type { SessionRemains } from '../session/session-registry.ts';
import { boundedRemains } from '../session/session-remains.ts';
import type { HomeChange, Numbered, Purge } from './process-messages.ts';

/** Beyond this many, homes that change while the control process is away are no longer remembered. */
const homeChangesKept = 100_000;
/** The same for packet identifiers, all sessions together. */
const identifiersKept = 1_000_000;
/** The same for characters of subscriptions. */
const charactersKept = 33_554_432;

/**
 * What a worker changed of homes and has not heard to be in the file, and what it knows of homes while no control process is
 * there: the file, and these changes.
 */
export class WorkerHomes {
  /** Opens the homes for reading; may throw. */
  readonly #open: () => HomeStore;
  /** The last one of each client ID, all that is not in the file taken together; in the order of their numbers. */
  readonly #changes = new Map<string, Numbered<HomeChange>>();
  /** In the order of their numbers. */
  readonly #purges = new Map<string, Numbered<Purge>>();
  #lastNumber = 0;
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

  /** Of the last leg that changed the home. */
  epochOf(clientId: string): number {
    const recorded = this.#read((file) => file.epochOf(clientId)) ?? 0;
    return Math.max(recorded, this.#changes.get(clientId)?.epoch ?? 0);
  }

  remainsOf(clientId: string): SessionRemains | undefined {
    const change = this.#changes.get(clientId);
    if (change === undefined) return this.#read((file) => file.remainsOf(clientId));
    if (change.remains === undefined || change.remains.subscriptions !== undefined) return change.remains;
    const subscriptions = this.#read((file) => file.remainsOf(clientId))?.subscriptions;
    return { ...change.remains, ...(subscriptions !== undefined && { subscriptions }) };
  }

  formerOf(clientId: string): readonly string[] {
    const former = this.#changes.get(clientId)?.former ?? this.#read((file) => file.formerOf(clientId)) ?? [];
    return former.filter((broker) => !this.#purges.has(purgeKey({ clientId, broker })));
  }

  /** Gives the change its number; where there is no room it is not remembered here. */
  note(change: HomeChange): Numbered<HomeChange> {
    this.#lastNumber += 1;
    const numbered = { ...change, number: this.#lastNumber };
    const { clientId } = change;
    const earlier = this.#changes.get(clientId);
    // Who was left again has to be purged again.
    for (const broker of change.former ?? []) this.#purges.delete(purgeKey({ clientId, broker }));
    if (clientId === '' || (earlier === undefined && this.#changes.size >= homeChangesKept)) return numbered;
    const { remains, ...rest } = numbered;
    const kept = this.#bounded(earlier, change.broker === undefined ? undefined : remains);
    const former = change.former ?? earlier?.former;
    const place = change.broker === undefined ? undefined : (change.place ?? earlier?.place);
    this.#changes.delete(clientId);
    this.#changes.set(clientId, {
      ...rest,
      ...(kept !== undefined && { remains: kept }),
      ...(former !== undefined && { former }),
      ...(place !== undefined && { place }),
    });
    return numbered;
  }

  purge(purge: Purge): Numbered<Purge> {
    this.#lastNumber += 1;
    const numbered = { ...purge, number: this.#lastNumber };
    const key = purgeKey(purge);
    this.#purges.delete(key);
    if (this.#purges.size < homeChangesKept) this.#purges.set(key, numbered);
    return numbered;
  }

  /** What the control process has not said to be in the file. */
  changes(): { readonly homes: readonly Numbered<HomeChange>[]; readonly purges: readonly Numbered<Purge>[] } {
    return { homes: [...this.#changes.values()], purges: [...this.#purges.values()] };
  }

  /** All up to this number is in the file. */
  noted(upTo: number): void {
    for (const [clientId, change] of this.#changes) {
      if (change.number > upTo) break;
      this.#release(change);
      this.#changes.delete(clientId);
    }
    for (const [key, { number }] of this.#purges) {
      if (number > upTo) break;
      this.#purges.delete(key);
    }
  }

  /** The file is opened again when it is asked next: it may be another one then. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** What takes the place of the earlier change; of what finds no room, subscriptions are taken for not known. */
  #bounded(earlier: HomeChange | undefined, remains: SessionRemains | undefined): SessionRemains | undefined {
    this.#release(earlier);
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

  #release(change: HomeChange | undefined): void {
    this.#identifiers -= change?.remains?.received.length ?? 0;
    this.#characters -= change?.remains?.subscriptions?.length ?? 0;
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

function purgeKey({ clientId, broker }: Purge): string {
  return JSON.stringify([clientId, broker]);
}
