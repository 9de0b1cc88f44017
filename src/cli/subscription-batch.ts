import {
  importedDevices,
  importedFilters,
  type RejectedSubscription,
  type SubscriptionImportBody,
} from '../admin/subscription-import.ts';
import type { CsvRow } from './csv-rows.ts';

export interface RejectedRow {
  readonly line: number;
  /** Undefined: none could be read. */
  readonly clientId: string | undefined;
  readonly reason: string;
}

/** Rows of one call; what is beyond waits for the next one. */
const batchRows = 20_000;
/** Characters of one call, well below the 16 MiB that the admin API takes when each is escaped. */
const batchCharacters = 2_000_000;

interface DeviceRows {
  readonly firstLine: number;
  readonly subscriptions: { readonly filter: string; readonly qos: number }[];
  readonly lineByFilter: Map<string, number>;
  isComplete: boolean;
}

/**
 * Rows on their way to the gateway, by device. A device whose rows follow each other is never split over two calls, so
 * that the gateway knows all of them or none.
 */
export class SubscriptionBatch {
  readonly #devices = new Map<string, DeviceRows>();
  #rows = 0;
  #characters = 0;

  get isEmpty(): boolean {
    return this.#devices.size === 0;
  }

  /** Whether the row has to wait until this batch is sent. */
  isFullFor({ fields: [clientId = ''] }: CsvRow): boolean {
    if (this.#devices.has(clientId)) return false;
    return this.#devices.size >= importedDevices || this.#rows >= batchRows || this.#characters >= batchCharacters;
  }

  /** Undefined: it was taken. Of a row that was not, its device is marked as not known. */
  add(row: CsvRow): RejectedRow | undefined {
    const { line } = row;
    const [clientId, filter = '', qos = ''] = row.fields;
    if (clientId === undefined || clientId === '') {
      return { line, clientId: undefined, reason: 'fault' in row ? row.fault : 'the client ID is empty' };
    }
    const device = this.#deviceOf(clientId, line);
    const reason = rowFault(row) ?? this.#roomFault(device, filter);
    if (reason !== undefined) {
      device.isComplete = false;
      return { line, clientId, reason };
    }
    device.subscriptions.push({ filter, qos: Number(qos) });
    device.lineByFilter.set(filter, line);
    this.#rows += 1;
    this.#characters += filter.length;
    return undefined;
  }

  toBody(importId: string): SubscriptionImportBody {
    const devices = [...this.#devices].map(([clientId, { subscriptions, isComplete }]) => ({
      clientId,
      subscriptions,
      isComplete,
    }));
    return { importId, devices };
  }

  /** The row that the gateway did not take. */
  rejectedRow({ clientId, filter, reason }: RejectedSubscription): RejectedRow {
    const device = this.#devices.get(clientId);
    const line = (filter === null ? undefined : device?.lineByFilter.get(filter)) ?? device?.firstLine ?? 0;
    return { line, clientId, reason };
  }

  #deviceOf(clientId: string, firstLine: number): DeviceRows {
    const known = this.#devices.get(clientId);
    if (known !== undefined) return known;
    const device = { firstLine, subscriptions: [], lineByFilter: new Map<string, number>(), isComplete: true };
    this.#devices.set(clientId, device);
    this.#characters += clientId.length;
    return device;
  }

  #roomFault({ subscriptions }: DeviceRows, filter: string): string | undefined {
    if (subscriptions.length < importedFilters && this.#characters + filter.length <= 2 * batchCharacters) {
      return undefined;
    }
    return 'more filters of one device than the gateway remembers';
  }
}

/** Whether a first row names its columns instead of a subscription. */
export function isHeader({ fields }: CsvRow): boolean {
  const [, , qos = ''] = fields;
  return fields.length === 3 && /[a-z]/i.test(qos) && !/\d/.test(qos);
}

function rowFault(row: CsvRow): string | undefined {
  if ('fault' in row) return row.fault;
  const [, filter, qos] = row.fields;
  if (row.fields.length !== 3) return `expected 3 fields (client ID, filter, QoS), got ${row.fields.length}`;
  if (filter === '') return 'the topic filter is empty';
  return /^ *[012] *$/.test(qos ?? '') ? undefined : `expected QoS 0, 1 or 2, got ${JSON.stringify(qos)}`;
}
