import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  decodeSubscriptions,
  encodeSubscriptions,
  type SessionSubscriptions,
  unknownSubscriptions,
} from '../mqtt/remembered-subscriptions.ts';
import { maxHeldFilters } from '../mqtt/subscription-table.ts';

/** What an operator knows of one session. `subscriptionsKnown` false: some of it could not be read. */
export interface ImportedDevice extends SessionSubscriptions {
  readonly clientId: string;
}

/**
 * `taken`: recorded, the first of its import, or said again; `added`: more of a device of the same import; `known`: not needed,
 * because the gateway saw all of the session itself; `too-many`: more filters than are remembered of one session;
 * `no-room`: the bounds of all imported devices are reached.
 */
export type ImportOutcome = 'taken' | 'added' | 'known' | 'too-many' | 'no-room';

export interface ImportBounds {
  readonly devices: number;
  /** Of the remembered texts, all together. */
  readonly characters: number;
}

export const importBounds: ImportBounds = { devices: 5_000_000, characters: 1_073_741_824 };

export const importedTable = `
  CREATE TABLE IF NOT EXISTS imported (
    client_id TEXT PRIMARY KEY, held TEXT NOT NULL, import_id TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
`;

interface ImportedRow {
  readonly held: string;
  readonly importId: string;
}

/** Subscriptions that the gateway was told of and did not see, one row a client ID, until a CONNECT settles them. */
export class ImportedSubscriptions {
  readonly #database: DatabaseSync;
  readonly #bounds: ImportBounds;
  /** Undefined for a file of an earlier version that can only be read. */
  readonly #select: StatementSync | undefined;
  /** To be deleted with the next write. */
  #settled = new Set<string>();
  /** Undefined until an import asks. */
  #sizes: { devices: number; characters: number } | undefined;

  /** None since the file was opened; false where somebody else may write it. */
  #isEmpty: boolean;

  constructor(
    database: DatabaseSync,
    { bounds, isSoleWriter }: { readonly bounds: ImportBounds; readonly isSoleWriter: boolean },
  ) {
    this.#database = database;
    this.#bounds = bounds;
    const isThere = database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get('imported') !== undefined;
    this.#select = isThere ? database.prepare('SELECT held, import_id FROM imported WHERE client_id = ?') : undefined;
    this.#isEmpty = isSoleWriter && database.prepare('SELECT 1 FROM imported LIMIT 1').get() === undefined;
  }

  /** Client IDs that wait to be deleted. */
  get waiting(): number {
    return this.#settled.size;
  }

  /** As text of `encodeSubscriptions`. */
  of(clientId: string): string | undefined {
    return this.#row(clientId)?.held;
  }

  /** The session was taken up or begun anew: what was imported of it says nothing more. */
  settle(clientId: string): void {
    if (this.#row(clientId) !== undefined) this.#settled.add(clientId);
  }

  /** Within the caller's transaction; `written` follows when that is committed. */
  write(): void {
    if (this.#settled.size === 0) return;
    const remove = this.#database.prepare('DELETE FROM imported WHERE client_id = ?');
    for (const clientId of this.#settled) remove.run(clientId);
  }

  written(): void {
    if (this.#settled.size > 0) this.#sizes = undefined;
    this.#settled = new Set();
  }

  /** Within the caller's transaction, with nothing waiting. `isKnown`: the gateway saw all of the session itself. */
  learn(
    importId: string,
    devices: readonly ImportedDevice[],
    isKnown: (clientId: string) => boolean,
  ): readonly ImportOutcome[] {
    const upsert = this.#database.prepare(
      'INSERT OR REPLACE INTO imported (client_id, held, import_id) VALUES (?, ?, ?)',
    );
    this.#isEmpty = false;
    const sizes = { ...(this.#sizes ?? this.#measure()) };
    const outcomes = devices.map((device): ImportOutcome => {
      if (isKnown(device.clientId)) return 'known';
      const earlier = this.#row(device.clientId);
      const isMore = earlier?.importId === importId;
      const held = encodeSubscriptions(isMore ? united(decodeSubscriptions(earlier.held), device) : device);
      const devicesThen = sizes.devices + (earlier === undefined ? 1 : 0);
      const charactersThen = sizes.characters + held.length - (earlier?.held.length ?? 0);
      if (devicesThen > this.#bounds.devices || charactersThen > this.#bounds.characters) return 'no-room';
      upsert.run(device.clientId, held, importId);
      sizes.devices = devicesThen;
      sizes.characters = charactersThen;
      // Recorded as not known, so that its other filters do not pass for all of them.
      if (held === unknownSubscriptions && device.held.length > 0) return 'too-many';
      return isMore && held !== earlier.held ? 'added' : 'taken';
    });
    this.#sizes = sizes;
    return outcomes;
  }

  /** The caller's transaction was taken back. */
  undone(): void {
    this.#sizes = undefined;
  }

  #row(clientId: string): ImportedRow | undefined {
    if (this.#isEmpty || this.#settled.has(clientId)) return undefined;
    const row = this.#select?.get(clientId);
    const { held, import_id: importId } = row ?? {};
    return typeof held === 'string' && typeof importId === 'string' ? { held, importId } : undefined;
  }

  #measure(): { devices: number; characters: number } {
    const row = this.#database
      .prepare('SELECT count(*) AS devices, total(length(held)) AS characters FROM imported')
      .get();
    return { devices: Number(row?.['devices'] ?? 0), characters: Number(row?.['characters'] ?? 0) };
  }
}

/** The later one's options count. Of too many nothing is known. */
function united(earlier: SessionSubscriptions, later: SessionSubscriptions): SessionSubscriptions {
  const held = new Map([...earlier.held, ...later.held].map((subscription) => [subscription.filter, subscription]));
  const subscriptionsKnown = earlier.subscriptionsKnown && later.subscriptionsKnown && held.size <= maxHeldFilters;
  return { subscriptionsKnown, held: held.size <= maxHeldFilters ? [...held.values()] : [] };
}
