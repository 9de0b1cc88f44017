import type { SubscriptionImportDocument } from '../admin/subscription-import.ts';
import type { Style } from './style.ts';
import type { RejectedRow, SubscriptionBatch } from './subscription-batch.ts';
import { renderTable } from './table.ts';

/** What an import came to; `crossfade sessions import-subscriptions --json`. */
export interface ImportOutcomeDocument {
  readonly devices: number;
  readonly filters: number;
  readonly alreadyKnown: number;
  /** Devices that stay unknown because a row of theirs was rejected. */
  readonly unknown: number;
  readonly rejectedRows: number;
  /** The first ones. */
  readonly rejected: readonly { readonly line: number; readonly clientId: string | null; readonly reason: string }[];
}

export interface ImportTally {
  readonly calls: number;
  readonly devices: number;
  readonly filters: number;
  readonly rejectedRows: number;
  take(answer: SubscriptionImportDocument, batch: SubscriptionBatch): void;
  reject(row: RejectedRow): void;
  document(): ImportOutcomeDocument;
}

/** Adds up the calls of one import; `listed`: rejected rows that are kept to be shown. */
export function createTally(listed: number): ImportTally {
  const rejected: RejectedRow[] = [];
  const unknown = new Set<string>();
  let [calls, devices, filters, alreadyKnown, rejectedRows] = [0, 0, 0, 0, 0];
  function reject(row: RejectedRow): void {
    rejectedRows += 1;
    if (row.clientId !== undefined) unknown.add(row.clientId);
    if (rejected.length < listed) rejected.push(row);
  }
  return {
    get calls() {
      return calls;
    },
    get devices() {
      return devices;
    },
    get filters() {
      return filters;
    },
    get rejectedRows() {
      return rejectedRows;
    },
    reject,
    take(answer, batch) {
      calls += 1;
      devices += answer.devices;
      filters += answer.filters;
      alreadyKnown += answer.alreadyKnown;
      for (const refused of answer.rejected) reject(batch.rejectedRow(refused));
    },
    document: () => ({
      devices,
      filters,
      alreadyKnown,
      unknown: unknown.size,
      rejectedRows,
      rejected: rejected
        .toSorted((one, other) => one.line - other.line)
        .map(({ line, clientId, reason }) => ({ line, clientId: clientId ?? null, reason })),
    }),
  };
}

export function renderImport(document: ImportOutcomeDocument, style: Style): string {
  const { rejected, rejectedRows } = document;
  const totals = renderTable<ImportOutcomeDocument>(
    [
      { title: 'DEVICES', align: 'right', value: ({ devices }) => `${devices}` },
      { title: 'FILTERS', align: 'right', value: ({ filters }) => `${filters}` },
      { title: 'ALREADY KNOWN', align: 'right', value: ({ alreadyKnown }) => `${alreadyKnown}` },
      { title: 'STILL UNKNOWN', align: 'right', value: ({ unknown }) => `${unknown}` },
      { title: 'REJECTED ROWS', align: 'right', value: ({ rejectedRows: rows }) => `${rows}` },
    ],
    [document],
    style,
  );
  const note = 'Devices that are connected can be moved from now on, the others from their next CONNECT.\n';
  if (rejectedRows === 0) return `${totals}\n${note}`;
  const rows = renderTable<ImportOutcomeDocument['rejected'][number]>(
    [
      { title: 'LINE', align: 'right', value: ({ line }) => `${line}` },
      { title: 'CLIENT ID', value: ({ clientId }) => clientId ?? '-' },
      { title: 'REASON', value: ({ reason }) => reason },
    ],
    rejected,
    style,
  );
  const more = rejectedRows > rejected.length ? `${rejectedRows - rejected.length} more rejected rows\n` : '';
  return `${totals}\n${rows}${more}\n${note}`;
}
