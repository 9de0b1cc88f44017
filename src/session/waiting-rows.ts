import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { CrossfadeError } from '../base/errors.ts';

export interface RowForm<Value> {
  readonly table: string;
  /** Nobody else writes the file: what was read last need not be read again. */
  readonly isSoleWriter: boolean;
  /** Besides `client_id`, which is the key. */
  readonly columns: readonly string[];
  toRow(value: Value): readonly SQLInputValue[];
  fromRow(row: Readonly<Record<string, unknown>>): Value | undefined;
}

/** Rows of one table that wait to be written, at most; beyond them a new one is not taken. */
const heldRows = 1_000_000;

/** One table by client ID, whose changes wait in memory to be written together; reads see them before that. */
export class WaitingRows<Value> {
  readonly #database: DatabaseSync;
  readonly #form: RowForm<Value>;
  /** Undefined for a file of an earlier version that can only be read. */
  readonly #select: StatementSync | undefined;
  /** Undefined is a row to delete. */
  #waiting = new Map<string, Value | undefined>();
  /** One session is asked about several times in a row. */
  #last: { readonly clientId: string; readonly value: Value | undefined } | undefined;

  constructor(database: DatabaseSync, form: RowForm<Value>) {
    this.#database = database;
    this.#form = form;
    const isThere = database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(form.table) !== undefined;
    this.#select = isThere ? database.prepare(`SELECT * FROM ${form.table} WHERE client_id = ?`) : undefined;
  }

  /** Rows that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get(clientId: string): Value | undefined {
    if (this.#waiting.has(clientId)) return this.#waiting.get(clientId);
    if (this.#last?.clientId === clientId) return this.#last.value;
    const row = this.#select?.get(clientId);
    const value = row === undefined ? undefined : this.#form.fromRow(row);
    if (this.#form.isSoleWriter) this.#last = { clientId, value };
    return value;
  }

  /** What waits for this client ID, if something does. */
  waitingOf(clientId: string): Value | undefined {
    return this.#waiting.get(clientId);
  }

  /** Throws when too many wait. */
  set(clientId: string, value: Value | undefined): void {
    this.assertRoom(clientId);
    this.#waiting.set(clientId, value);
    this.#last = undefined;
  }

  assertRoom(clientId: string): void {
    if (this.#waiting.size < heldRows || this.#waiting.has(clientId)) return;
    const message = `${heldRows} sessions wait to be written: the store of session homes does not take them`;
    throw new CrossfadeError('homes-full', message);
  }

  /** Within the caller's transaction; `written` follows when that is committed. */
  write(): void {
    if (this.#waiting.size === 0) return;
    const { table, columns, toRow } = this.#form;
    const values = columns.map(() => ', ?').join('');
    const upsert = this.#database.prepare(
      `INSERT OR REPLACE INTO ${table} (client_id, ${columns.join(', ')}) VALUES (?${values})`,
    );
    const remove = this.#database.prepare(`DELETE FROM ${table} WHERE client_id = ?`);
    for (const [clientId, value] of this.#waiting) {
      if (value === undefined) remove.run(clientId);
      else upsert.run(clientId, ...toRow(value));
    }
  }

  written(): void {
    this.#waiting = new Map();
  }
}
